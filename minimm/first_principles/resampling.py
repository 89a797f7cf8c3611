"""Another number of samples a second for the same sound: what it would have been between the samples that were taken.

A sound that has nothing above half its rate is known between its samples as well (Shannon, 1949):

    x(t) = sum_n x[n] sinc(t - n),        sinc(t) = sin(pi t) / (pi t),    t in samples

To take fewer samples, what lies above half of the new rate must go first, or it would come back as tones that were never
there (aliasing): sinc(t) becomes c sinc(c t) with c = min(1, new_rate / rate), the ideal low-pass filter. A sinc has no end,
so it is faded out over Z zero crossings on both sides by a Hann window, and c is a little smaller, so that the slope of this
finite filter lies below the limit:

    y[m] = sum_n x[n] h(m rate / new_rate - n),      h(t) = c sinc(c t) cos^2(pi c t / (2 Z))  for |c t| < Z

For each m the weights are divided by their sum, so that a constant stays exactly what it is. Outside the recording is silence.

Source: Smith, "Digital audio resampling" (1984 and later), with Hann's window in place of Kaiser's.
"""

from __future__ import annotations

import math

import numpy as np

ZERO_CROSSINGS = 24  # Z; more make a steeper slope
ROLL_OFF = 0.945  # c as a share of the limit


def cutoff(rate: int, new_rate: int) -> float:
    """c: the middle of the filter's slope, as a share of half the old rate."""
    return ROLL_OFF * min(1.0, new_rate / rate)


def low_pass(offsets: np.ndarray, c: float) -> np.ndarray:
    """h(t) for offsets t in samples (..., K), each row divided by its sum."""
    place = c * offsets
    window = np.where(np.abs(place) < ZERO_CROSSINGS, np.cos(np.pi * place / (2 * ZERO_CROSSINGS)) ** 2, 0.0)
    weights = c * np.sinc(place) * window
    return weights / weights.sum(axis=-1, keepdims=True)


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """(samples,) at `rate` Hz -> (ceil(samples * new_rate / rate),) at `new_rate` Hz, by the sum as it stands above.

    >>> round(float(resample(np.ones(1000), 8000, 4000)[250]), 6)
    1.0
    """
    if rate == new_rate:
        return np.array(waveform, dtype=float)
    c = cutoff(rate, new_rate)
    reach = math.ceil(ZERO_CROSSINGS / c) + 1
    padded = np.pad(np.asarray(waveform, dtype=float), reach)
    times = np.arange(-(-len(waveform) * new_rate // rate)) * rate / new_rate  # (M,) in old samples
    offsets = times[:, None] - np.arange(-reach, len(waveform) + reach)  # (M, N)
    return low_pass(offsets, c) @ padded
