"""Multi-head attention: several attentions side by side, each in its own slice of the vector.

    head_h = softmax(Q_h K_h^T / sqrt(D)) V_h        output = concat(head_1 .. head_H) W_o        D = d_model / H

A single attention gives one weighted average for each query. With H heads a query looks in H ways at once, and since each
head is only D wide, this costs about as much as one attention of full width.

Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.2.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.attention import (
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from minimm.first_principles.linear import linear, linear_backward


def split_heads(x: np.ndarray, num_heads: int) -> np.ndarray:
    """(..., T, H * D) -> (..., H, T, D): head h owns columns h * D to (h + 1) * D."""
    return np.swapaxes(x.reshape(*x.shape[:-1], num_heads, -1), -3, -2)  # (..., T, H, D) -> (..., H, T, D)


def join_heads(x: np.ndarray) -> np.ndarray:
    """(..., H, T, D) -> (..., T, H * D), the way back. Each moves numbers only, so each is the other's backward pass."""
    side_by_side = np.swapaxes(x, -3, -2)  # (..., T, H, D)
    return side_by_side.reshape(*side_by_side.shape[:-2], -1)


def multi_head_attention(
    x_query: np.ndarray,
    x_memory: np.ndarray,
    w_q: np.ndarray,
    w_k: np.ndarray,
    w_v: np.ndarray,
    w_o: np.ndarray,
    num_heads: int,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """x_query looks at x_memory with `num_heads` heads. Self-attention: pass the same array as both.

    Args:
        x_query: (..., T_q, d_model). x_memory: (..., T_k, d_memory). The same `...` in both.
        w_q, w_o: (d_model, d_model). w_k, w_v: (d_memory, d_model).
        num_heads: H, a divisor of d_model.
        mask: bool (T_q, T_k) or (..., T_q, T_k), True = may attend, the same for every head.

    Returns:
        (..., T_q, d_model).
    """
    query, key, value = _heads(x_query, x_memory, w_q, w_k, w_v, num_heads)
    output, _ = scaled_dot_product_attention(query, key, value, _for_every_head(mask))  # (..., H, T_q, D)
    return linear(join_heads(output), w_o)


def multi_head_attention_backward(
    grad_output: np.ndarray,
    x_query: np.ndarray,
    x_memory: np.ndarray,
    w_q: np.ndarray,
    w_k: np.ndarray,
    w_v: np.ndarray,
    w_o: np.ndarray,
    num_heads: int,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x_query, x_memory, w_q, w_k, w_v, w_o; grad_output (..., T_q, d_model).

    The forward's steps in reverse: output projection, joined heads, attention, split heads, the three projections. The
    memory made both keys and values, so its gradient is the sum of both.

    In self-attention one array came in twice, as x_query and as x_memory. Each use has its own gradient here, and the
    caller adds the two: dx = grad_x_query + grad_x_memory.
    """
    query, key, value = _heads(x_query, x_memory, w_q, w_k, w_v, num_heads)
    mask = _for_every_head(mask)
    output, _ = scaled_dot_product_attention(query, key, value, mask)
    grad_joined, grad_w_o, _ = linear_backward(grad_output, join_heads(output), w_o)
    grad_heads = scaled_dot_product_attention_backward(split_heads(grad_joined, num_heads), query, key, value, mask)
    grad_query, grad_key, grad_value = (join_heads(grad) for grad in grad_heads)  # (..., T_q or T_k, d_model)
    grad_x_query, grad_w_q, _ = linear_backward(grad_query, x_query, w_q)
    grad_memory_as_key, grad_w_k, _ = linear_backward(grad_key, x_memory, w_k)
    grad_memory_as_value, grad_w_v, _ = linear_backward(grad_value, x_memory, w_v)
    return grad_x_query, grad_memory_as_key + grad_memory_as_value, grad_w_q, grad_w_k, grad_w_v, grad_w_o


def _heads(
    x_query: np.ndarray, x_memory: np.ndarray, w_q: np.ndarray, w_k: np.ndarray, w_v: np.ndarray, num_heads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    projections = linear(x_query, w_q), linear(x_memory, w_k), linear(x_memory, w_v)
    query, key, value = (split_heads(projection, num_heads) for projection in projections)
    return query, key, value  # (..., H, T_q, D), (..., H, T_k, D), (..., H, T_k, D)


def _for_every_head(mask: np.ndarray | None) -> np.ndarray | None:
    return None if mask is None else mask[..., None, :, :]  # (..., T_q, T_k) -> (..., 1, T_q, T_k)
