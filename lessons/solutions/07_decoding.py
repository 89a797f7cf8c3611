"""Solutions of lesson 07, decoding: `minimm check lessons/solutions/07_decoding.py`."""

from __future__ import annotations

import numpy as np


def top_k_filter(logits, k):
    """What is smaller than the k-th of its row goes; what equals it stays."""
    kth = np.sort(logits, axis=-1)[..., -min(k, logits.shape[-1]), None]  # (..., 1)
    return np.where(logits < kth, -np.inf, logits)


def top_p_filter(logits, p):
    """Sort, add up, keep as long as those above have not reached p, and put each back in its place."""
    order = np.argsort(-logits, axis=-1, kind="stable")
    ordered = np.take_along_axis(logits, order, axis=-1)  # (..., V), the largest first
    powers = np.exp(ordered - ordered[..., :1])
    probabilities = powers / powers.sum(axis=-1, keepdims=True)
    above = np.cumsum(probabilities, axis=-1) - probabilities
    filtered = np.empty_like(logits)
    np.put_along_axis(filtered, order, np.where(above < p, ordered, -np.inf), axis=-1)
    return filtered
