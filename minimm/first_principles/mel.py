"""The mel filter bank: sums the frequencies of a spectrum as the ear does, finely when low and coarsely when high.

    mel(f)  = 2595 log10(1 + f / 700)                   f in Hz; equal steps in mel sound equally far apart
    corners   num_mels + 2 points, evenly spaced in mel from 0 to sample_rate / 2, brought back to Hz
    filter m  a triangle in Hz: 0 at corner m, 1 at corner m + 1, 0 at corner m + 2

Each triangle falls where the next one rises, so between the first and the last peak their weights add up to 1.

Source: the scale of O'Shaughnessy, 1987, as in HTK (Young et al., 2006, section 5.4). The peaks are 1; some libraries divide
each triangle by its area instead.
"""

from __future__ import annotations

import math

import numpy as np


def mel_filter_bank(num_mels: int, fft_size: int, sample_rate: float) -> np.ndarray:
    """The weights (num_mels, fft_size // 2 + 1), float64: row = filter, column = FFT bin b at b * sample_rate / fft_size Hz.

    A triangle that lies between two bins has only zeros in its row: use fewer filters or a larger FFT.

    >>> mel_filter_bank(num_mels=3, fft_size=8, sample_rate=8000).round(2)  # bins at 0, 1000, 2000, 3000, 4000 Hz
    array([[0.  , 0.17, 0.  , 0.  , 0.  ],
           [0.  , 0.83, 0.2 , 0.  , 0.  ],
           [0.  , 0.  , 0.8 , 0.56, 0.  ]])
    """
    hertz = np.arange(fft_size // 2 + 1) * sample_rate / fft_size  # (F,)
    highest = 2595 * math.log10(1 + sample_rate / 2 / 700)  # mel
    corners = 700 * (10 ** (np.linspace(0, highest, num_mels + 2) / 2595) - 1)  # Hz
    left, peak, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]  # (num_mels, 1) each
    rising = (hertz - left) / (peak - left)  # (num_mels, F)
    falling = (right - hertz) / (right - peak)
    return np.maximum(0, np.minimum(rising, falling))
