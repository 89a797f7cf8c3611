"""The KV cache: keys and values of tokens already read, kept so that each new token costs one row and not the whole text.

Without it, writing token t means running attention over all t tokens again: T tokens cost T^2 passes through the model
instead of T. The memory grows by doubling, so that a model with a long context does not pay for what it does not read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import MinimmError

SMALLEST = 64  # positions


class LayerCache:
    """Keys and values of one attention layer, (B, H, T_max, D) each, of which the first `length` positions are filled."""

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self.length = 0
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, H, T_new, D) behind the old ones and return all of them (B, H, T, D)."""
        end = self.length + keys.shape[2]
        if end > self.max_length:  # not `check`: its sentence would be written for every token and layer
            raise MinimmError(
                f"the KV cache holds {self.max_length} positions, {self.length} are used and {keys.shape[2]} more do not fit"
            )
        if self.keys is None or end > self.keys.shape[2]:
            room = min(self.max_length, max(SMALLEST, 2 * end))
            self.keys, self.values = self._enlarged(self.keys, keys, room), self._enlarged(self.values, values, room)
        self.keys[:, :, self.length : end] = keys
        self.values[:, :, self.length : end] = values
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def _enlarged(self, old: Tensor | None, like: Tensor, room: int) -> Tensor:
        """Memory for `room` positions, (B, H, room, D), with what `old` held."""
        new = like.new_empty(*like.shape[:2], room, like.shape[3])
        if old is not None:
            new[:, :, : self.length] = old[:, :, : self.length]
        return new

    def select_rows(self, rows: Tensor) -> None:
        """Keep the sequences `rows` (B_new,) of the batch, in that order; beam search continues some and drops others."""
        if self.keys is not None:
            self.keys, self.values = self.keys[rows], self.values[rows]


class KVCache:
    """One `LayerCache` for each block's self-attention, and one for each block's cross-attention when there is a memory.

    The memory's keys and values are computed at the first step and stay the same, so they are stored whole.
    """

    def __init__(self, num_layers: int, max_length: int) -> None:
        self.max_length = max_length
        self.self_attention = [LayerCache(max_length) for _ in range(num_layers)]
        self.cross_attention: list[tuple[Tensor, Tensor] | None] = [None] * num_layers

    @property
    def length(self) -> int:
        """How many positions have been read."""
        return self.self_attention[0].length

    def select_rows(self, rows: Tensor) -> None:
        """Keep the sequences `rows` (B_new,) of the batch, in that order."""
        for layer in self.self_attention:
            layer.select_rows(rows)
        self.cross_attention = [
            pair and (torch.index_select(pair[0], 0, rows), torch.index_select(pair[1], 0, rows))
            for pair in self.cross_attention
        ]
