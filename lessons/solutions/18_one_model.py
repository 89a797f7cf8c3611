"""Solutions of lesson 18, one model for all of it: `minimm check lessons/solutions/18_one_model.py`."""

from __future__ import annotations

import numpy as np


def causal_mask(length):
    """Positions that are looked at in a row against positions that look in a column."""
    positions = np.arange(length)
    return positions[None, :] <= positions[:, None]


def softmax(logits, axis=-1):
    """exp of each logit, as a share of the sum; the largest is subtracted first, which changes nothing but the range."""
    largest = np.max(logits, axis=axis, keepdims=True)
    powers = np.exp(
        logits - np.where(np.isneginf(largest), 0.0, largest)
    )  # -inf - (-inf) would be NaN
    total = powers.sum(axis=axis, keepdims=True)
    return powers / np.where(total == 0, 1.0, total)  # a row of -inf alone stays all zeros


def cross_entropy(logits, targets, ignore_index=-100):
    """log(sum of exp) minus the target's logit, over the rows that are asked."""
    asked = targets != ignore_index
    rows, wanted = logits[asked], targets[asked]
    shifted = rows - rows.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(axis=-1))
    return float((log_total - shifted[np.arange(len(wanted)), wanted]).mean())
