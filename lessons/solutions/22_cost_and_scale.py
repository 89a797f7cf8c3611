"""Solutions of lesson 22, cost and scale: `minimm check lessons/solutions/22_cost_and_scale.py`."""

from __future__ import annotations

import numpy as np


def perplexity(token_log_probabilities):
    """e to the mean of the surprises, over all axes."""
    return float(np.exp(-np.mean(token_log_probabilities)))


def cross_entropy_backward(grad_output, logits, targets, ignore_index=-100):
    """Softmax less 1 at the target, divided by the targets that are asked; zeros where none is."""
    asked = np.flatnonzero(targets != ignore_index)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    gradient = powers / powers.sum(axis=-1, keepdims=True)
    gradient[asked, targets[asked]] -= 1
    gradient[targets == ignore_index] = 0
    return grad_output * gradient / max(len(asked), 1)
