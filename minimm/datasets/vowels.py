"""Vowels of men, women and children, of whom few women and fewer children speak in what is learned from.

The label is the vowel, the group who speaks. Throats differ in length, so the same vowel has higher resonances in a child's
mouth: a child's "hood" is near a man's "hud". Whoever learns from men alone hears children wrongly. Means of pitch and
resonances are measured ones (`data_samples/fairness/vowels.txt`); people differ from them, here by a factor for the length of
each speaker's throat and a small one for each resonance, both log-normal. Each vowel has a counterfactual, the same recording
with its frequencies stretched or compressed to those of another group.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from minimm.datasets.bundled import bundled
from minimm.datasets.grouped import Grouped, balanced_cells
from minimm.errors import check
from minimm.features.audio import log_mel_batch
from minimm.features.audio_augmentation import warp_frequencies
from minimm.features.vowel_synthesis import synthesize_vowels
from minimm.files import read_sections

GROUPS = ("man", "woman", "child")
SHARES = (0.94, 0.04, 0.02)  # of those who are heard in what is learned from
SAMPLE_RATE, SECONDS, NUM_MELS = 8000, 0.2, 32
THROAT, RESONANCE, PITCH = 0.04, 0.03, 0.12  # standard deviations of logarithms
NOISE = 0.03  # standard deviation; the loudest sample is 1


class Vowels:
    """The recordings, as log-mels (N, F, num_mels); `draw` is what is learned from, `balanced` what is measured on.

    Args:
        shares: of men, women and children among the speakers of `draw`; they sum to one.
    """

    def __init__(self, shares: tuple[float, float, float] = SHARES) -> None:
        check(
            len(shares) == len(GROUPS) and min(shares) >= 0 and abs(sum(shares) - 1) < 1e-6,
            f"shares={shares} must be {len(GROUPS)} numbers from 0 to 1 that sum to 1, those of {', '.join(GROUPS)}",
        )
        self.shares = shares
        self.labels, self.means = _read()

    def draw(self, count: int, seed: int) -> Grouped:
        """`count` vowels, each as often as the others; the same seed draws the same."""
        check(count >= 1, f"count={count} must be at least 1")
        generator = np.random.default_rng(seed)
        groups = torch.from_numpy(generator.choice(len(GROUPS), count, p=self.shares))
        return self._speak(torch.from_numpy(generator.integers(len(self.labels), size=count)), groups, generator)

    def balanced(self, count: int, seed: int) -> Grouped:
        """`count` vowels, as many of each from each group."""
        return self._speak(*balanced_cells(count, len(self.labels), len(GROUPS)), np.random.default_rng(seed))

    def _speak(self, labels: Tensor, groups: Tensor, generator: np.random.Generator) -> Grouped:
        count = len(labels)
        means = self.means[groups.numpy(), labels.numpy()]  # (N, 4): pitch, F1, F2, F3
        throat = np.exp(generator.normal(0, THROAT, (count, 1)))
        formants = means[:, 1:] * throat * np.exp(generator.normal(0, RESONANCE, (count, 3)))
        pitch = means[:, 0] * np.exp(generator.normal(0, PITCH, count))
        spoken = synthesize_vowels(pitch, formants, SAMPLE_RATE, SECONDS, generator)
        noisy = spoken + generator.normal(0, NOISE, spoken.shape).astype(np.float32)
        heard, _ = log_mel_batch(list(noisy), SAMPLE_RATE, NUM_MELS)
        other = (groups + torch.from_numpy(generator.integers(1, len(GROUPS), size=count))) % len(GROUPS)
        length = torch.from_numpy(
            self.means[..., 1:].mean(axis=(1, 2))
        )  # (groups,): one over a throat's, but for a factor
        warped = warp_frequencies(heard, (length[other] / length[groups]).float(), SAMPLE_RATE)
        return Grouped(heard, labels, groups, warped, self.labels, GROUPS)


@lru_cache(maxsize=1)
def _read() -> tuple[tuple[str, ...], np.ndarray]:
    """The vowels' words, and (groups, vowels, 4): pitch, F1, F2 and F3 in Hz."""
    sections = read_sections(bundled("fairness") / "vowels.txt")
    rows = [np.array(sections[group]).reshape(-1, 5) for group in GROUPS]
    words = tuple(rows[0][:, 0].tolist())
    return words, np.stack([row[:, 1:].astype(float) for row in rows])
