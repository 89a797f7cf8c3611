"""Solutions of lesson 19, drawing from words: `minimm check lessons/solutions/19_drawing.py`."""

from __future__ import annotations

import numpy as np


def top_k_filter(logits, k):
    """What is smaller than the k-th number of its sorted row is dropped; ties with it stay."""
    k = min(k, logits.shape[-1])
    kth = np.sort(logits, axis=-1)[..., -k, None]
    return np.where(logits >= kth, logits, -np.inf)


def top_p_filter(logits, p):
    """Sorted from the likeliest on, a token stays while those above it have less than p; then the order is undone."""
    order = np.argsort(-logits, axis=-1, kind="stable")
    ordered = np.take_along_axis(logits, order, axis=-1)
    powers = np.exp(ordered - ordered[..., :1])
    shares = powers / powers.sum(axis=-1, keepdims=True)
    above = np.cumsum(shares, axis=-1) - shares
    back = np.argsort(order, axis=-1)
    return np.take_along_axis(np.where(above < p, ordered, -np.inf), back, axis=-1)
