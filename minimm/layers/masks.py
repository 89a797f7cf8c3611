"""Masks say who may look at whom: a boolean tensor, True where a query may attend to a key.

One convention everywhere (PyTorch's fused attention uses the same): True = may attend. A mask broadcasts against the
scores (..., T_q, T_k), so (T_q, T_k) holds for every sequence and (B, 1, 1, T_k) for every head and query of one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def causal_mask(query_length: int, key_length: int | None = None, device: torch.device | None = None) -> Tensor:
    """(T_q, T_k) bool: query i may see key j when j lies no later than i.

    With `key_length` > `query_length` the queries are the *last* T_q positions, as when new tokens meet a KV cache.

    >>> causal_mask(3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    key_length = query_length if key_length is None else key_length
    check(
        key_length >= query_length,
        f"{query_length} queries cannot be the last of {key_length} keys; key_length must be at least query_length",
    )
    positions = torch.arange(key_length, device=device)
    queries = positions[key_length - query_length :, None]  # (T_q, 1)
    return positions <= queries  # (T_q, T_k)


def padding_mask(lengths: Tensor, max_length: int) -> Tensor:
    """(B, T) bool: True for the first `lengths[b]` positions of row b, False for the padding behind them.

    >>> padding_mask(torch.tensor([1, 3]), 3).int().tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    return torch.arange(max_length, device=lengths.device) < lengths[:, None]  # (T,) against (B, 1) -> (B, T)


def mask_keys(key_mask: Tensor) -> Tensor:
    """(B, T_k) which keys are real -> (B, 1, 1, T_k), the shape that broadcasts over heads and queries."""
    return key_mask[:, None, None, :]


def mask_unless_all(key_mask: Tensor) -> Tensor | None:
    """`mask_keys`, or None when all keys are real: the fused kernel is faster without a mask.

    While a graph is recorded for export there are no values to look at, so the mask stays.
    """
    if not torch.compiler.is_compiling() and bool(key_mask.all()):
        return None
    return mask_keys(key_mask)
