"""Recordings of spoken digits, and strings of digits put together from them without end.

A folder holds one wav file for each recording, named {digit}_{speaker}_{take}.wav, as in the Free Spoken Digit Dataset
("fsdd"). Digits in another language lie in a folder with its code: the bundled `speech` has `en` and `zh`. Takes 0 to 4
of each speaker and digit are for testing, as that data set's authors decided.

A string is several recordings of one speaker, one behind the other, each a little louder or softer, with pauses of random
length before, between and after them, and white noise over all. For training, whole strings are also made faster and
higher or slower and lower, by resampling (Ko et al. 2015, "Audio augmentation for speech recognition").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from minimm.datasets.folders import find_folder
from minimm.errors import check
from minimm.features.audio import load_audio
from minimm.features.audio_augmentation import add_noise, random_gain
from minimm.features.resampling import resample
from minimm.files import check_inside

SAMPLE_RATE = 8000  # Hz, that of fsdd
DIGIT_WORDS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "zh": ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九"),
}
NAME = re.compile(r"(\d)_([^_]+)_(\d+)")
TEST_TAKES = range(5)
SPEEDS = (80, 86, 93, 100, 107, 115, 125)  # percent; a voice at 125 is a fourth higher
PAUSES = (0.05, 0.3)  # seconds between digits, least and most
MARGINS = (-0.15, 0.3)  # seconds of silence before the first digit and after the last; below 0 is none
NOISE = (15.0, 45.0)  # decibels by which the speech is louder than the noise


@dataclass(frozen=True, eq=False)
class Recording:
    """One digit: waveform float32 (samples,) in [-1, 1], and who said it when in which language."""

    waveform: np.ndarray
    digit: int
    speaker: str
    take: int
    language: str = "en"

    @property
    def word(self) -> str:
        """What is said, as it is written."""
        return DIGIT_WORDS[self.language][self.digit]


@dataclass
class Speech:
    """Recordings with what is said in each: waveforms, float32 (samples,) each, and as many texts."""

    waveforms: list[np.ndarray]
    texts: list[str]


class SpokenDigits:
    """All recordings of a folder, or a part of them.

    Args:
        folder: a path, or a name that `find_folder` knows: "fsdd" (from `MINIMM_DATA`) or "speech" (bundled).
        sample_rate: Hz that all recordings are brought to.

    Attributes: recordings (list of `Recording`), sample_rate, speakers (names in order).
    """

    def __init__(self, folder: str | Path = "fsdd", sample_rate: int = SAMPLE_RATE) -> None:
        path = find_folder(folder)
        check(path.is_dir(), f"{path} is a file; give the folder that holds the wav files")
        files = [(file, "en") for file in sorted(path.glob("*.wav"))]
        if path.name in DIGIT_WORDS:
            files = [(file, path.name) for file, _ in files]
        for language in DIGIT_WORDS:
            files += [(file, language) for file in sorted((path / language).glob("*.wav"))]
        check(
            len(files) > 0,
            f"{path} has no recordings; it should hold wav files named digit_speaker_take.wav, such as 7_jackson_12.wav",
        )
        recordings = []
        for file, language in files:
            parts = NAME.fullmatch(check_inside(file, path).stem)
            check(
                parts is not None,
                f"{file} is not named digit_speaker_take.wav, such as 7_jackson_12.wav; rename it",
            )
            digit, speaker, take = parts.groups()
            waveform = load_audio(file, sample_rate)
            recordings.append(Recording(waveform, int(digit), speaker, int(take), language))
        self._hold(recordings, sample_rate)

    def _hold(self, recordings: Sequence[Recording], sample_rate: int) -> None:
        self.recordings, self.sample_rate = list(recordings), sample_rate
        self.speakers = sorted({recording.speaker for recording in recordings})
        self._banks: dict[int, _Bank] = {}

    def __len__(self) -> int:
        return len(self.recordings)

    def part(self, recordings: Sequence[Recording]) -> SpokenDigits:
        """The same with only these recordings."""
        part = object.__new__(SpokenDigits)
        part._hold(recordings, self.sample_rate)
        return part

    def split(self, name: str) -> SpokenDigits:
        """ "test": takes 0 to 4 of every speaker and digit; "train": all others."""
        check(name in ("train", "test"), f"split={name!r} is not known; choose 'train' or 'test'")
        chosen = [r for r in self.recordings if (r.take in TEST_TAKES) == (name == "test")]
        check(
            len(chosen) > 0,
            f"there is nothing to {name} on: takes 0 to 4 are for testing, later ones for training, and these "
            f"{len(self)} recordings have takes {sorted({r.take for r in self.recordings})[:8]}",
        )
        return self.part(chosen)

    def leave_out(self, speaker: str) -> tuple[SpokenDigits, SpokenDigits]:
        """All recordings of the other speakers, to learn from, and all of this one, to test on a voice never heard."""
        check(speaker in self.speakers, f"speaker {speaker!r} is not known; choose from {', '.join(self.speakers)}")
        check(len(self.speakers) > 1, f"{speaker!r} is the only speaker, so leaving them out leaves nothing")
        return (
            self.part([r for r in self.recordings if r.speaker != speaker]),
            self.part([r for r in self.recordings if r.speaker == speaker]),
        )

    def hold_out(self) -> tuple[SpokenDigits, SpokenDigits]:
        """These without the last take of each speaker, digit and language, to learn from, and those takes, to validate on.

        Of what has fewer than three takes none is held out: half of what there is to learn would be gone. Where there is
        nothing else, both parts are everything.
        """
        takes: dict[tuple[str, str, int], list[Recording]] = {}
        for recording in sorted(self.recordings, key=lambda recording: recording.take):
            takes.setdefault((recording.language, recording.speaker, recording.digit), []).append(recording)
        held_out = {id(found[-1]) for found in takes.values() if len(found) >= 3}
        if not held_out:
            return self, self
        return (
            self.part([recording for recording in self.recordings if id(recording) not in held_out]),
            self.part([recording for recording in self.recordings if id(recording) in held_out]),
        )

    def isolated(self) -> Speech:
        """Every recording as it is, with its one word."""
        return Speech([r.waveform for r in self.recordings], [r.word for r in self.recordings])

    def draw(
        self,
        count: int,
        generator: torch.Generator,
        *,
        num_digits: tuple[int, int] = (3, 6),
        speeds: Sequence[int] = (100,),
    ) -> Speech:
        """`count` strings of digits with their words, "three zero seven"; the same generator state draws the same.

        Args:
            num_digits: how many digits a string has, least and most.
            speeds: percent of the recorded speed and pitch, one of them drawn for each string.
        """
        low, high = num_digits
        check(1 <= low <= high, f"num_digits={num_digits} must be the least and the most, from 1 up, such as (3, 6)")
        pieces = self._draw_pieces((count, high), generator)  # (B, K)
        length = low + torch.randint(high - low + 1, (count,), generator=generator)
        present = torch.arange(high) < length[:, None]  # (B, K)
        speed = torch.randint(len(speeds), (count,), generator=generator)
        gain = random_gain((count, high), generator)
        gaps = self._draw_gaps(length, high, generator)  # (B, K + 1) in samples

        banks = [self._bank(percent) for percent in speeds]
        sizes = torch.stack([bank.lengths for bank in banks])[speed[:, None], pieces] * present  # (B, K) in samples
        starts = (gaps[:, :-1] + sizes).cumsum(dim=1) - sizes  # (B, K)
        totals = gaps.sum(dim=1) + sizes.sum(dim=1)  # (B,)
        waveforms = torch.zeros(count, int(totals.max()))
        flat = waveforms.view(-1)
        places = starts + torch.arange(count)[:, None] * waveforms.shape[1]
        for index, bank in enumerate(banks):
            rows = present & (speed == index)[:, None]
            flat[_ranges(places[rows], sizes[rows])] = bank.read(pieces[rows], gain[rows])
        waveforms = add_noise(waveforms, totals, generator, NOISE)
        waveforms /= waveforms.abs().amax(dim=1, keepdim=True).clamp(min=1.0)  # no sample beyond the limit
        texts = [
            " ".join(self.recordings[piece].word for piece in row[:n])
            for row, n in zip(pieces.tolist(), length.tolist(), strict=True)
        ]
        return Speech([row[:n] for row, n in zip(waveforms.numpy(), totals.tolist(), strict=True)], texts)

    def _draw_pieces(self, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Numbers of recordings (B, K); those of a row are of one speaker in one language."""
        voices: dict[tuple[str, str], list[int]] = {}
        for number, recording in enumerate(self.recordings):
            voices.setdefault((recording.language, recording.speaker), []).append(number)
        counts = torch.tensor([len(numbers) for numbers in voices.values()])
        table = torch.zeros(len(voices), int(counts.max()), dtype=torch.int64)
        for row, numbers in zip(table, voices.values(), strict=True):
            row[: len(numbers)] = torch.tensor(numbers)
        voice = torch.randint(len(voices), (size[0], 1), generator=generator)
        place = (torch.rand(size, generator=generator) * counts[voice]).long()  # (B, K)
        return table[voice, place]

    def _draw_gaps(self, length: Tensor, most: int, generator: torch.Generator) -> Tensor:
        """Samples of silence (B, K + 1): before each digit and after the last; 0 where there is no digit."""
        low, high = PAUSES
        gaps = low + (high - low) * torch.rand(len(length), most + 1, generator=generator)
        first, last = MARGINS
        margins = (first + (last - first) * torch.rand(len(length), 2, generator=generator)).clamp(min=0.0)
        gaps[:, 0] = margins[:, 0]
        gaps.scatter_(1, length[:, None], margins[:, 1:])
        gaps.masked_fill_(torch.arange(most + 1) > length[:, None], 0.0)
        return (gaps * self.sample_rate).long()

    def _bank(self, percent: int) -> _Bank:
        """All recordings at this percentage of their speed, made when first asked for."""
        if percent not in self._banks:
            self._banks[percent] = _Bank([resample(r.waveform, percent, 100) for r in self.recordings])
        return self._banks[percent]


class _Bank:
    """Recordings in one long row, so that many can be copied out in one step; lengths (R,) in samples."""

    def __init__(self, waveforms: list[np.ndarray]) -> None:
        self.samples = torch.from_numpy(np.concatenate(waveforms))
        self.lengths = torch.tensor([len(waveform) for waveform in waveforms])
        self.starts = self.lengths.cumsum(dim=0) - self.lengths

    def read(self, numbers: Tensor, gains: Tensor) -> Tensor:
        """The recordings `numbers` (P,), each times its gain (P,), one behind the other: (samples,)."""
        sizes = self.lengths[numbers]
        return self.samples[_ranges(self.starts[numbers], sizes)] * torch.repeat_interleave(gains, sizes)


def _ranges(starts: Tensor, sizes: Tensor) -> Tensor:
    """start, start + 1, ... of each range, one range behind the other.

    >>> _ranges(torch.tensor([7, 2]), torch.tensor([2, 3])).tolist()
    [7, 8, 2, 3, 4]
    """
    before = sizes.cumsum(dim=0) - sizes
    return torch.arange(int(sizes.sum())) + torch.repeat_interleave(starts - before, sizes)
