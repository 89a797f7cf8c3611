"""Attention on a CPU as what its products are good at: whole blocks of rows, in the precision of the model.

    for each block of rows r:    P_r = softmax(Q_r K_r^T / sqrt(D) + bias_r)      O_r = P_r V_r

K_r and V_r are those that the rows may see: in a causal model the block ends at its last row's own place, so that of the
products above the diagonal only the corners of blocks are computed for nothing. bias is 0 where a query may attend, and so
small elsewhere that the exponential is 0.

PyTorch's CPU kernel goes through the keys in small tiles and never stores P, which is what long texts need (Dao et al.
2022). Up to about a thousand tokens P is small, and with it the way back is four more products. `minimm bench layers` measures
both: with 256 tokens the blocks are faster in float32 and several times as fast in bfloat16.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

ROWS = 128  # of a block: fewer waste less above the diagonal, more make better products
LONGEST = 1024  # keys; beyond, what is stored would outweigh the rest of a model


def prefers_blocks(query: Tensor, key: Tensor, causal: bool) -> bool:
    """Whether `blockwise_attention` was measured to be faster for these than PyTorch's kernel.

    Never in a graph that is being recorded for export, whose sizes are free.
    """
    if getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)():  # PyTorch 2.6 only knows the second
        return False
    if query.device.type != "cpu" or query.ndim != 4 or query.shape[2] == 1 or key.shape[2] > LONGEST:
        return False
    halved = query.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    return causal or halved or key.shape[2] <= ROWS


def blockwise_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, causal: bool = False
) -> Tensor:
    """What `fused_attention` computes, on a CPU.

    Args:
        query: (B, H, T_q, D). key, value: (B, H, T_k, D). mask: bool, broadcastable to (B, H, T_q, T_k); or `causal`.
    """
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
        with torch.autocast("cpu", enabled=False):
            return blockwise_attention(query.to(kind), key.to(kind), value.to(kind), mask, causal=causal)
    batch, heads, length, d_head = query.shape
    query, key, value = (x.flatten(0, 1) for x in (query, key, value))  # (B * H, T, D): what a batch of products takes
    rows = ROWS if causal else length
    blocks = []
    for start in range(0, length, rows):
        stop = min(start + rows, length)
        seen = stop if causal else key.shape[1]
        if causal:
            bias = torch.full((stop - start, seen), -math.inf, dtype=query.dtype).triu_(start + 1)
        else:
            bias = _bias(mask, query, batch, heads)
        keys = key[:, :seen].transpose(1, 2)  # (B * H, D, seen)
        scores = torch.baddbmm(bias, query[:, start:stop], keys, alpha=1 / math.sqrt(d_head))
        blocks.append(scores.softmax(dim=-1) @ value[:, :seen])  # (B * H, rows, D)
    mixed = (blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1)).unflatten(0, (batch, heads))
    if mask is not None:
        mixed = mixed * mask.any(dim=-1, keepdim=True)  # a query that may attend to nothing gets nothing
    return mixed


def _bias(mask: Tensor | None, query: Tensor, batch: int, heads: int) -> Tensor:
    """0 where a query may attend and else the smallest number, so that a row of nothing but those is no NaN."""
    if mask is None:
        return query.new_zeros(1)
    bias = query.new_zeros(mask.shape).masked_fill_(~mask, torch.finfo(query.dtype).min)
    return bias.expand(batch, heads, -1, -1).flatten(0, 1)  # (B * H, T_q or 1, T_k)
