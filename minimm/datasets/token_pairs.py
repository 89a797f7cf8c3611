"""Pairs of texts as batches: what an encoder reads, what a decoder reads, and what it must say.

    source    w_1 .. w_n <eos>                       read by the encoder
    inputs    <bos> v_1 .. v_m                       read by the decoder ("teacher forcing": the truth so far)
    targets   v_1 .. v_m <eos>                       what it must say at each place

Pairs of one batch are about equally long (`token_texts.py` says how).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.datasets.text_corpus import IGNORE
from minimm.datasets.token_texts import draw_similar_lengths, pad_right
from minimm.errors import check


@dataclass
class PairBatch:
    """B pairs: source (B, T_s) with its mask (B, T_s), inputs and targets (B, T_t); padding is on the right."""

    source: Tensor
    source_mask: Tensor
    inputs: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> PairBatch:
        """The same on `device`."""
        return PairBatch(*(part.to(device) for part in vars(self).values()))


class TokenPairs:
    """Encoded pairs. `sources` and `targets` are lists of token ids, without special tokens."""

    def __init__(
        self, sources: Sequence[list[int]], targets: Sequence[list[int]], *, pad_id: int, bos_id: int, eos_id: int
    ) -> None:
        check(
            len(sources) == len(targets) and len(sources) > 0,
            f"there are {len(sources)} sources and {len(targets)} targets; give one target for each source, and at least one",
        )
        self.sources = [[*ids, eos_id] for ids in sources]
        self.inputs = [[bos_id, *ids] for ids in targets]
        self.targets = [[*ids, eos_id] for ids in targets]
        self.pad_id = pad_id
        self.lengths = torch.tensor(
            [len(source) + len(target) for source, target in zip(sources, targets, strict=True)]
        )

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, generator: torch.Generator, batch_size: int) -> PairBatch:
        """`batch_size` random pairs of similar length."""
        return self.collate(draw_similar_lengths(self.lengths, batch_size, generator))

    def evaluation_batches(self, batch_size: int) -> Iterator[PairBatch]:
        """Every pair once, the shortest first."""
        for chosen in self.lengths.argsort(stable=True).split(batch_size):
            yield self.collate(chosen.tolist())

    def collate(self, chosen: list[int]) -> PairBatch:
        """The pairs with these numbers, padded."""
        source, mask = pad_right([self.sources[i] for i in chosen], self.pad_id)
        inputs, _ = pad_right([self.inputs[i] for i in chosen], self.pad_id)
        targets, _ = pad_right([self.targets[i] for i in chosen], IGNORE)
        return PairBatch(source, mask, inputs, targets)
