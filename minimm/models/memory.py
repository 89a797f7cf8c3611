"""What an encoder hands to a decoder: N vectors to look at, which of them are real, and how to draw them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Memory:
    """The output of any encoder.

    features: (B, N, d_memory). mask: (B, N) bool, True where real. grid: how the N positions lie, (H, W) for a picture,
    (T,) for text or sound; its product is N.
    """

    features: Tensor
    mask: Tensor
    grid: tuple[int, ...]

    def repeat_rows(self, times: int) -> Memory:
        """Each sequence `times` times in a row, (B * times, N, ...): one copy for each beam."""
        return Memory(
            torch.repeat_interleave(self.features, times, dim=0),
            torch.repeat_interleave(self.mask, times, dim=0),
            self.grid,
        )
