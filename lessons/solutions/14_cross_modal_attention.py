"""Solutions of lesson 14, cross-modal attention: `minimm check lessons/solutions/14_cross_modal_attention.py`."""

from __future__ import annotations

import numpy as np


def shares(logits):
    """Along the last axis; the largest is subtracted first, which changes nothing but the range."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_modal_attention(text, image, w_q, w_k, w_v):
    """The text makes queries, the picture keys and values; compare, scale, softmax over the regions, mix."""
    query, key, value = text @ w_q, image @ w_k, image @ w_v
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(w_q.shape[-1])  # (..., T, N)
    weights = shares(scores)
    return weights @ value, weights


def cross_modal_attention_backward(grad_output, text, image, w_q, w_k, w_v):
    """Back through the mixture, the softmax and the products; the picture adds what it gets as keys and as values."""
    query, key, value = text @ w_q, image @ w_k, image @ w_v
    _, weights = cross_modal_attention(text, image, w_q, w_k, w_v)
    grad_value = np.swapaxes(weights, -1, -2) @ grad_output  # (..., N, D_v)
    grad_weights = grad_output @ np.swapaxes(value, -1, -2)  # (..., T, N)
    share = (grad_weights * weights).sum(axis=-1, keepdims=True)
    grad_scores = weights * (grad_weights - share) / np.sqrt(w_q.shape[-1])
    grad_query = grad_scores @ key
    grad_key = np.swapaxes(grad_scores, -1, -2) @ query

    def grad_matrix(x, grad):  # added up over all axes in front
        return x.reshape(-1, x.shape[-1]).T @ grad.reshape(-1, grad.shape[-1])

    return (
        grad_query @ w_q.T,
        grad_key @ w_k.T + grad_value @ w_v.T,
        grad_matrix(text, grad_query),
        grad_matrix(image, grad_key),
        grad_matrix(image, grad_value),
    )
