"""The same digit written, spoken and spelled: a picture, a recording and a word, "seven" or "七".

A triple is put together anew each time it is drawn: any handwriting of a digit goes with any voice that says it and with
its name in either language. So only the digit connects the three, and whoever brings them together has learned digits.

The test split shares no picture and no recording with the training split (`handwritten_digits.py`, `spoken_digits.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from minimm.datasets.handwritten_digits import HandwrittenDigits, augment_digits
from minimm.datasets.spoken_digits import DIGIT_WORDS, SAMPLE_RATE, SPEEDS, SpokenDigits
from minimm.errors import check

DIGIT_OF = {word: digit for words in DIGIT_WORDS.values() for digit, word in enumerate(words)}


@dataclass
class Triples:
    """images (B, 3, S, S), waveforms float32 (samples,) each, spellings, and the digits (B,) that connect them."""

    images: Tensor
    waveforms: list[np.ndarray]
    spellings: list[str]
    digits: Tensor


class ThreeWayDigits:
    """An endless source of triples.

    Args:
        split: "train" or "test".
        folder: of recordings, as for `SpokenDigits`: "fsdd", "speech" (bundled) or a path.
        image_size: S, the side of the pictures in pixels. sample_rate: of the recordings, in Hz.

    Attributes: written (`HandwrittenDigits`), spoken (`SpokenDigits`), both of this split.
    """

    def __init__(
        self,
        split: str = "train",
        folder: str | Path = "fsdd",
        image_size: int = 32,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        self.written = HandwrittenDigits(split, image_size)
        self.spoken = SpokenDigits(folder, sample_rate).split(split)
        said = {recording.digit for recording in self.spoken.recordings}
        check(
            said == set(range(10)),
            f"the recordings of {folder} say only the digits {sorted(said)}, but all from 0 to 9 are needed",
        )
        self.split = split
        self._order = self.written.digits.argsort(stable=True)  # pictures by digit
        self._counts = self.written.digits.bincount(minlength=10)  # (10,)
        self._starts = self._counts.cumsum(dim=0) - self._counts

    def draw(self, count: int, generator: torch.Generator) -> Triples:
        """`count` triples: pictures shifted, scaled and turned, recordings faster or slower and with noise, one language."""
        speech = self.spoken.draw(count, generator, num_digits=(1, 1), speeds=SPEEDS)
        digits = torch.tensor([DIGIT_OF[word] for word in speech.texts])
        place = (torch.rand(count, generator=generator) * self._counts[digits]).long()
        images = augment_digits(self.written.images[self._order[self._starts[digits] + place]], generator)
        language = torch.randint(len(DIGIT_WORDS), (count,), generator=generator).tolist()
        tables = list(DIGIT_WORDS.values())
        spellings = [tables[which][digit] for which, digit in zip(language, digits.tolist(), strict=True)]
        return Triples(images, speech.waveforms, spellings, digits)
