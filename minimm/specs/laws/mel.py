"""Laws of the mel filter bank: triangles that grow wider with pitch, as the ear's resolution does."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw
from minimm.specs.expect import close, equal, holds
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats


@st.composite
def banks(draw: Draw) -> tuple[int, int, int]:
    """num_mels, fft_size, sample_rate."""
    fft_size = draw(st.sampled_from([64, 256, 400, 512, 63]))
    return draw(st.integers(1, 24)), fft_size, draw(st.sampled_from([8000, 16000, 22050, 44100]))


def mel(hertz: float) -> float:
    """The HTK scale."""
    return 2595 * math.log10(1 + hertz / 700)


def corners(num_mels: int, sample_rate: int) -> list[float]:
    """num_mels + 2 frequencies in Hz, evenly spaced in mel from 0 to half the sample rate."""
    top = mel(sample_rate / 2)
    return [700 * (10 ** (top * i / (num_mels + 1) / 2595) - 1) for i in range(num_mels + 2)]


def naive_mel_filter_bank(num_mels: int, fft_size: int, sample_rate: int) -> np.ndarray:
    """Triangle by triangle, frequency by frequency."""
    points = corners(num_mels, sample_rate)
    bank = np.zeros((num_mels, fft_size // 2 + 1))
    for m in range(num_mels):
        left, peak, right = points[m : m + 3]
        for b in range(bank.shape[1]):
            hertz = b * sample_rate / fft_size
            bank[m, b] = max(0.0, min((hertz - left) / (peak - left), (right - hertz) / (right - peak)))
    return bank


class MelFilterBank(Spec):
    """num_mels triangles over the frequencies of an FFT, evenly spaced on the mel scale."""

    signature = "mel_filter_bank(num_mels, fft_size, sample_rate)"
    shapes = (
        "-> (num_mels, fft_size // 2 + 1); mel = 2595 log10(1 + Hz / 700); num_mels + 2 corners evenly spaced in mel "
        "from 0 to sample_rate / 2; triangles linear in Hz with peak 1, at the frequencies b * sample_rate / fft_size"
    )
    lesson = "lesson 13, sound, spectrograms and the GRU"
    example = (4, 64, 8000)
    reference = staticmethod(naive_mel_filter_bank)

    @staticmethod
    def returns(num_mels, fft_size, sample_rate):
        return Floats((num_mels, fft_size // 2 + 1))

    @law("every weight lies between 0 and 1", banks(), hint="A triangle rises from 0 to 1 and falls back to 0.")
    def bounded(mel_filter_bank, arguments):
        bank = mel_filter_bank(*arguments)
        holds((bank >= 0) & (bank <= 1 + 1e-6), "the weights", bank, "from 0 to 1")

    @law(
        "silence at both ends: 0 Hz and half the sample rate get no weight",
        banks(),
        hint="The first triangle begins at 0 Hz, the last ends at sample_rate / 2.",
    )
    def ends(mel_filter_bank, arguments):
        num_mels, fft_size, _ = arguments
        bank = mel_filter_bank(*arguments)
        close(bank[:, 0], np.zeros(num_mels), "the weights of 0 Hz", tolerance=1e-5)
        if fft_size % 2 == 0:
            close(bank[:, -1], np.zeros(num_mels), "the weights of half the sample rate", tolerance=1e-5)

    @law(
        "between the first and the last peak the triangles add up to one",
        banks(),
        hint="Each triangle falls where the next one rises: it ends at the next one's peak.",
    )
    def adds_up(mel_filter_bank, arguments):
        num_mels, fft_size, sample_rate = arguments
        points = corners(num_mels, sample_rate)
        hertz = np.arange(fft_size // 2 + 1) * sample_rate / fft_size
        inside = (hertz >= points[1]) & (hertz <= points[-2])
        total = mel_filter_bank(*arguments).sum(axis=0)[inside]
        close(total, np.ones(inside.sum()), "the sums of the weights of these frequencies", tolerance=1e-5)

    @law(
        "each triangle looks where its corners are, and nowhere else",
        banks(),
        hint="Corners are evenly spaced in mel, then brought back to Hz: 700 (10^(mel / 2595) - 1).",
    )
    def where(mel_filter_bank, arguments):
        num_mels, fft_size, sample_rate = arguments
        points = np.array(corners(num_mels, sample_rate))
        hertz = np.arange(fft_size // 2 + 1) * sample_rate / fft_size
        inside = (hertz > points[:-2, None]) & (hertz < points[2:, None])
        equal(
            mel_filter_bank(*arguments) > 1e-6,
            inside & (naive_mel_filter_bank(*arguments) > 1e-6),
            "where weights are above 0",
        )

    @law(
        "a higher filter listens to higher frequencies",
        st.integers(2, 12),
        hint="Row 0 is the lowest.",
    )
    def order(mel_filter_bank, num_mels):
        bank = mel_filter_bank(num_mels, 4096, 16000)
        middle = (bank * np.arange(bank.shape[1])).sum(axis=1) / bank.sum(axis=1)
        holds(np.diff(middle) > 0, "the mean frequency of each filter", middle, "rising")

    @law(
        "doubling the FFT looks at the same frequencies twice as finely",
        st.integers(1, 12),
        st.sampled_from([8000, 16000]),
        hint="The triangles are evaluated at each frequency itself; corners are not rounded to bins.",
    )
    def finer(mel_filter_bank, num_mels, sample_rate):
        fine, coarse = mel_filter_bank(num_mels, 512, sample_rate), mel_filter_bank(num_mels, 256, sample_rate)
        close(fine[:, ::2], coarse, "every other column of the finer bank", tolerance=1e-5)

    @law(
        "it equals the triangles worked out frequency by frequency",
        banks(),
        hint="Take one row: its three corners in mel, in Hz, and the weight of one frequency between them.",
    )
    def agrees(mel_filter_bank, arguments):
        close(mel_filter_bank(*arguments), naive_mel_filter_bank(*arguments), "the filter bank", tolerance=1e-5)
