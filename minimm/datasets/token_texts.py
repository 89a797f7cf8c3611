"""Texts as batches of token ids, padded on the right; texts of one batch are about equally long, or most of it is padding.

So twenty batches' worth are drawn, put in order of length, and one batch of neighbours is kept: every text is still as
likely as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from minimm.errors import check

POOL = 20  # batches' worth of texts among which neighbours in length are found


def draw_similar_lengths(lengths: Tensor, batch_size: int, generator: torch.Generator) -> list[int]:
    """`batch_size` random numbers below N whose `lengths` (N,) are neighbours among `POOL` times as many."""
    pool = torch.randint(len(lengths), (POOL * batch_size,), generator=generator)
    pool = pool[lengths[pool].argsort(stable=True)].view(POOL, batch_size)
    return pool[int(torch.randint(POOL, (), generator=generator))].tolist()


def pad_right(rows: Sequence[list[int]], value: int) -> tuple[Tensor, Tensor]:
    """Lists of ids -> (B, T) int64 filled up with `value`, and which are real (B, T) bool."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [value] * (longest - len(row)) for row in rows])
    return ids, torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]


class TokenTexts:
    """Texts as lists of token ids, special tokens included."""

    def __init__(self, rows: Sequence[list[int]], *, pad_id: int) -> None:
        check(len(rows) > 0 and all(rows), "there must be at least one text, each with at least one token")
        self.rows, self.pad_id = list(rows), pad_id
        self.lengths = torch.tensor([len(row) for row in rows])

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, generator: torch.Generator, batch_size: int) -> tuple[list[int], Tensor, Tensor]:
        """`batch_size` random texts of similar length: their numbers, ids (B, T) and mask (B, T)."""
        chosen = draw_similar_lengths(self.lengths, batch_size, generator)
        return chosen, *self.collate(chosen)

    def batches(self, batch_size: int) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Every text once, the shortest first: numbers, ids and mask of each batch."""
        for chosen in self.lengths.argsort(stable=True).split(batch_size):
            yield chosen.tolist(), *self.collate(chosen.tolist())

    def collate(self, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The texts with these numbers: ids (B, T) and mask (B, T)."""
        return pad_right([self.rows[i] for i in chosen], self.pad_id)
