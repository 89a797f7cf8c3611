"""Solutions of lesson 06, pretraining: `minimm check lessons/solutions/06_pretraining.py`."""

from __future__ import annotations

import numpy as np


def log_shares(logits):
    """z - ln sum e^z for each row; the largest logit is subtracted first, so that no exponential overflows."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def cross_entropy(logits, targets, ignore_index=-100):
    """The rows that count, the target's place in each, and their mean."""
    counted = np.flatnonzero(targets != ignore_index)
    surprise = -log_shares(logits)[counted, targets[counted]]
    return float(surprise.sum() / max(len(counted), 1))


def cross_entropy_backward(grad_output, logits, targets, ignore_index=-100):
    """Probabilities, minus 1 at the target; zeros in the rows that do not count."""
    counted = np.flatnonzero(targets != ignore_index)
    gradient = np.zeros_like(logits)
    gradient[counted] = np.exp(log_shares(logits[counted]))
    gradient[counted, targets[counted]] -= 1
    return gradient * (grad_output / max(len(counted), 1))
