"""Solutions of lesson 04, attention. Each obeys the laws: `minimm check lessons/solutions/04_attention.py`."""

from __future__ import annotations

import math

import numpy as np


def softmax(logits, axis=-1):
    """exp of each logit, as a share of the sum; the largest is subtracted first, which changes nothing but the range."""
    largest = np.max(logits, axis=axis, keepdims=True)
    powers = np.exp(
        logits - np.where(np.isneginf(largest), 0.0, largest)
    )  # -inf - (-inf) would be NaN
    total = powers.sum(axis=axis, keepdims=True)
    return powers / np.where(total == 0, 1.0, total)  # a row of -inf alone stays all zeros


def scaled_dot_product_attention(query, key, value, mask=None):
    """Compare, scale, mask, softmax over the keys, mix."""
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])  # (..., T_q, T_k)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = softmax(scores)
    return weights @ value, weights


def causal_mask(length):
    """Keys in a row against queries in a column."""
    positions = np.arange(length)
    return positions[None, :] <= positions[:, None]


def multi_head_attention(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    """Project, cut into heads, attend in each, join, project."""

    def heads(x):  # (..., T, H * D) -> (..., H, T, D)
        return np.swapaxes(x.reshape(*x.shape[:-1], num_heads, -1), -2, -3)

    mask = None if mask is None else mask[..., None, :, :]  # the same for every head
    mixed, _ = scaled_dot_product_attention(
        heads(x_query @ w_q), heads(x_memory @ w_k), heads(x_memory @ w_v), mask
    )
    joined = np.swapaxes(mixed, -2, -3)  # (..., T_q, H, D)
    return joined.reshape(*joined.shape[:-2], -1) @ w_o
