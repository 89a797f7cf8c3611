"""Solutions of lesson 20, looking inside: `minimm check lessons/solutions/20_looking_inside.py`."""

from __future__ import annotations

import numpy as np


def softmax_backward(grad_output, logits, axis=-1):
    """Each probability times how far its own gradient lies above the mean gradient."""
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    y = powers / powers.sum(axis=axis, keepdims=True)
    return y * (grad_output - (grad_output * y).sum(axis=axis, keepdims=True))


def log_softmax_backward(grad_output, logits, axis=-1):
    """The gradient itself, less each probability's share of its sum."""
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    y = powers / powers.sum(axis=axis, keepdims=True)
    return grad_output - y * grad_output.sum(axis=axis, keepdims=True)
