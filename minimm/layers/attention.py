"""Scaled dot-product attention: softmax(Q K^T / sqrt(D)) V   (Vaswani et al. 2017, eq. 1).

Each query asks every key "how well do you match me?"; the answers, turned into weights that sum to one, mix the values.
Two functions compute the same thing. `scaled_dot_product_attention` is the formula, line by line, and gives the weights
back so that they can be drawn. `fused_attention` gives the output alone, as fast as the machine can: by PyTorch's kernel,
which never stores the (T_q, T_k) weights, or by `blockwise_attention`; a test holds them equal in value and gradient.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from minimm.errors import check
from minimm.layers.blockwise_attention import blockwise_attention, prefers_blocks
from minimm.layers.softmax import softmax


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention by the formula.

    Args:
        query: (..., T_q, D). key: (..., T_k, D). value: (..., T_k, D_v).
        mask: bool, broadcastable to (..., T_q, T_k), True = may attend. None = every query may see every key.

    Returns:
        output (..., T_q, D_v) and weights (..., T_q, T_k). Each row of weights sums to one, except that a query which
        may attend to nothing gets zero weights and a zero output.
    """
    check_attention_shapes(query, key, value, mask)
    d_head = query.shape[-1]
    # Dot products of D independent unit-variance terms have variance D; dividing by sqrt(D) brings it back to 1,
    # which keeps the softmax away from its flat ends where gradients vanish.
    # The queries are divided, not the scores: there are fewer of them.
    scores = (query / math.sqrt(d_head)) @ key.transpose(-2, -1)  # (..., T_q, T_k)
    if mask is not None:
        # Added, not filled in: what goes back through a sum is the gradient itself, and where exp(-inf) = 0 it is 0 already.
        scores += scores.new_zeros(mask.shape).masked_fill_(~mask, -math.inf)
    weights = softmax(scores)  # (..., T_q, T_k)
    return weights @ value, weights  # (..., T_q, D_v)


def fused_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, causal: bool = False
) -> Tensor:
    """The same output without the weights, by what is fastest here. `causal=True` is `causal_mask` without building it.

    Shapes and masks as in `scaled_dot_product_attention`; `causal` wants T_q == T_k and no mask.
    """
    check_attention_shapes(query, key, value, mask)
    check(
        not causal or mask is None,
        "give either causal=True or a mask, not both; combine them with `mask & causal_mask(T)`",
    )
    check(
        not causal or query.shape[-2] == key.shape[-2],
        f"causal=True needs as many queries as keys, but there are {query.shape[-2]} and {key.shape[-2]}; give "
        "causal_mask(T_q, T_k) as the mask",
    )
    mask = None if mask is None else torch.atleast_2d(mask)  # the kernel does not broadcast a (T_k,) mask by itself
    if prefers_blocks(query, key, causal):
        return blockwise_attention(query, key, value, mask, causal=causal)
    return F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal)


def check_attention_shapes(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    """Raise a `MinimmError` that shows the shapes, unless queries match keys and keys match values."""
    right = min(query.ndim, key.ndim, value.ndim) >= 2 and query.shape[-1] == key.shape[-1]
    if right and query.shape[:-2] == key.shape[:-2] and key.shape[:-1] == value.shape[:-1] and mask is None:
        return  # at once: to write the sentences below takes as long as a small model's attention to one token
    shapes = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    check(min(query.ndim, key.ndim, value.ndim) >= 2, f"attention needs at least (T, D) each, but got {shapes}")
    check(
        query.shape[-1] == key.shape[-1],
        f"queries and keys must have the same last size D to be multiplied, but got {shapes}",
    )
    check(
        key.shape[-2] == value.shape[-2],
        f"there must be one value for each key (second-last size T_k), but got {shapes}",
    )
    check(
        query.shape[:-2] == key.shape[:-2] == value.shape[:-2],
        f"queries, keys and values must have the same sizes before their last two, but got {shapes}; use .expand",
    )
    if mask is not None:
        check(
            mask.dtype == torch.bool,
            f"the mask must be bool with True where a query may attend, but its dtype is {mask.dtype}; try mask.bool()",
        )
        wanted = (*query.shape[:-1], key.shape[-2])
        fits = all(given in (1, size) for given, size in zip(reversed(mask.shape), reversed(wanted), strict=False))
        check(
            fits and mask.ndim <= len(wanted),
            f"the mask {tuple(mask.shape)} does not broadcast to (..., T_q, T_k) = {tuple(wanted)}",
        )
