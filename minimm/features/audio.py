"""Sound: so far only the mel filter bank, which turns the frequencies of a spectrum into the bands an ear tells apart.

The formula is in `first_principles/mel.py`. A mel spectrogram is `mel_filter_bank(...) @ power`, with power
(fft_size // 2 + 1, frames).
"""

from __future__ import annotations

import math

import numpy as np

from minimm.errors import check
from minimm.first_principles.mel import mel_filter_bank as plain_mel_filter_bank


def mel_filter_bank(num_mels: int, fft_size: int, sample_rate: float) -> np.ndarray:
    """Triangles with peak 1, evenly spaced on the HTK mel scale, as weights (num_mels, fft_size // 2 + 1) in float64.

    Args:
        num_mels: how many bands, 1 or more. With too many for `fft_size` the narrow low ones fall between two bins and
            are zero.
        fft_size: samples of one Fourier transform, 2 or more.
        sample_rate: samples per second (Hz). The bands reach up to half of it.

    >>> mel_filter_bank(num_mels=80, fft_size=400, sample_rate=16000).shape
    (80, 201)
    """
    for name, value, smallest, usual in (("num_mels", num_mels, 1, 80), ("fft_size", fft_size, 2, 400)):
        check(
            isinstance(value, int | np.integer) and value >= smallest,
            f"mel_filter_bank got {name}={value!r}; give a whole number from {smallest}, {usual} is usual for speech",
        )
    check(
        isinstance(sample_rate, int | float | np.number) and 0 < sample_rate < math.inf,
        f"mel_filter_bank got sample_rate={sample_rate!r}; give samples per second, such as 16000",
    )
    return plain_mel_filter_bank(num_mels, fft_size, sample_rate)
