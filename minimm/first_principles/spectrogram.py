"""A spectrogram: which frequencies a sound has, and when.

    frames       frame_t[n] = x[t * hop + n],  n = 0 .. size - 1,  t = 0 .. (samples - size) // hop
    window       w[n] = 1/2 - 1/2 cos(2 pi n / size)                      Hann's, periodic: shifted copies add up evenly
    DFT          X[k] = sum_n x[n] exp(-2 pi i k n / N),  k = 0 .. N / 2          bin k is at k * rate / N Hz
    spectrum     power[t, k] = |DFT(w * frame_t)[k]|^2

The window fades each frame in and out: without it the cut edges would look like sound at every frequency. A real sound
has X[N - k] = conj(X[k]), so half of the bins say everything.

`dft` is the definition, N^2 products; the fast Fourier transform finds the same in N log N (Cooley and Tukey, 1965).
Source: Allen, 1977, "Short term spectral analysis, synthesis, and modification by discrete Fourier transform".
"""

from __future__ import annotations

import numpy as np


def frame(waveform: np.ndarray, size: int, hop: int) -> np.ndarray:
    """(..., samples) -> (..., 1 + (samples - size) // hop, size): whole frames only, samples behind the last are left out.

    >>> frame(np.arange(7), size=4, hop=2)
    array([[0, 1, 2, 3],
           [2, 3, 4, 5]])
    """
    return np.lib.stride_tricks.sliding_window_view(waveform, size, axis=-1)[..., ::hop, :]


def hann_window(size: int) -> np.ndarray:
    """(size,) float64, from 0 up to 1 in the middle and down again, as one period of a cosine.

    >>> hann_window(4)
    array([0. , 0.5, 1. , 0.5])
    """
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def dft(frames: np.ndarray, fft_size: int | None = None) -> np.ndarray:
    """The discrete Fourier transform by its definition: (..., size) real -> (..., fft_size // 2 + 1) complex.

    Shorter frames are followed by zeros up to `fft_size`, which changes how finely the spectrum is sampled, not what it is.

    >>> abs(dft(np.cos(2 * np.pi * 2 * np.arange(8) / 8))).round(6)  # two periods in eight samples: all in bin 2
    array([0., 0., 4., 0., 0.])
    """
    size = frames.shape[-1]
    fft_size = size if fft_size is None else fft_size
    turns = np.outer(np.arange(size), np.arange(fft_size // 2 + 1)) / fft_size  # (size, bins)
    return frames @ np.exp(-2j * np.pi * turns)


def stft(waveform: np.ndarray, fft_size: int, frame_size: int, hop: int) -> np.ndarray:
    """The transform of every windowed frame: (..., samples) -> (..., frames, fft_size // 2 + 1) complex."""
    return dft(frame(waveform, frame_size, hop) * hann_window(frame_size), fft_size)


def power_spectrum(spectrum: np.ndarray) -> np.ndarray:
    """Energy by frequency, |X|^2: complex -> real, of the same shape."""
    return spectrum.real**2 + spectrum.imag**2
