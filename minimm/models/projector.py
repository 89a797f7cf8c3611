"""The step between an encoder and a language model: its vectors, brought to the width of word vectors, fewer and richer.

    v_i = W_2 gelu(W_1 [f_i1; ...; f_im])        f_i1 .. f_im: the m features that lie together

LLaVA's projector is one linear layer (Liu et al. 2023, eq. 1), LLaVA-1.5's has two, as here. Differs from both: neighbours on
the encoder's grid, such as 2 x 2 regions of a picture or 4 moments of a recording, are laid side by side first, so that a
picture takes a quarter of the positions and nothing of it is thrown away, as averaging would (Qwen2-VL does the same).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check
from minimm.models.memory import Memory


def merge_neighbours(memory: Memory, merge: Sequence[int]) -> Memory:
    """Lay the features of neighbours side by side: features (B, N, d) -> (B, N / prod(merge), prod(merge) * d).

    Args:
        memory: of a grid with as many axes as `merge` has numbers. Masked features count as zeros; a merged position is
            real when any of its parts is.
        merge: how many neighbours along each axis; where they do not divide it, zeros are added at its end.
    """
    check(
        len(merge) == len(memory.grid) and all(size >= 1 for size in merge),
        f"merge={tuple(merge)} must give one number of neighbours, 1 or more, for each axis of the grid {memory.grid}",
    )
    x = memory.features.masked_fill(~memory.mask[..., None], 0.0).unflatten(1, memory.grid)  # (B, *grid, d)
    mask = memory.mask.unflatten(1, memory.grid)[..., None]  # (B, *grid, 1)
    for axis, size in reversed(list(enumerate(merge, start=1))):  # the last axis varies fastest
        x, mask = (_side_by_side(each, axis, size) for each in (x, mask))
    grid = tuple(x.shape[1:-1])
    dims = len(grid)
    return Memory(x.flatten(1, dims), mask.any(dim=-1).flatten(1, dims), grid)


def _side_by_side(x: Tensor, axis: int, size: int) -> Tensor:
    """(..., n, ..., d) -> (..., ceil(n / size), ..., size * d) along `axis`."""
    missing = -x.shape[axis] % size
    if missing:
        x = F.pad(x, [0, 0] * (x.ndim - 1 - axis) + [0, missing])
    return x.unflatten(axis, (-1, size)).movedim(axis + 1, -2).flatten(-2)


class Projector(nn.Module):
    """`Memory` of width d_memory -> `Memory` of width d_model, with fewer positions.

    Args:
        merge: how many neighbours along each axis of the encoder's grid become one position.
    """

    def __init__(self, d_memory: int, d_model: int, merge: Sequence[int]) -> None:
        super().__init__()
        self.merge = tuple(merge)
        width = d_memory
        for size in self.merge:
            width *= size
        self.up = nn.Linear(width, d_model)
        self.down = nn.Linear(d_model, d_model)

    def forward(self, memory: Memory) -> Memory:
        """features (B, N, d_memory) -> (B, N', d_model)"""
        merged = merge_neighbours(memory, self.merge)
        return Memory(self.down(F.gelu(self.up(merged.features))), merged.mask, merged.grid)
