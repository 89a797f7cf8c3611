"""Another number of samples a second for the same sound.

A sound that has nothing above half its rate is known between its samples as well (Shannon, 1949):

    x(t) = sum_n x[n] sinc(t - n),        sinc(t) = sin(pi t) / (pi t),    t in samples

To take fewer samples, what lies above half of the new rate must go first, or it would come back as tones that were never
there (aliasing): sinc(t) becomes c sinc(c t) with c = min(1, new_rate / rate), the ideal low-pass filter. A sinc has no end,
so it is faded out over `ZERO_CROSSINGS` on both sides by a Hann window, and c is a little smaller, so that the slope of this
finite filter lies below the limit:

    y[m] = sum_n x[n] h(m rate / new_rate - n),      h(t) = c sinc(c t) cos^2(pi c t / (2 Z))  for |c t| < Z

The times m rate / new_rate repeat their fraction after new_rate / gcd samples: each fraction has its own row of h, and
all outputs that share it are one matrix product (Smith, "Digital audio resampling", 1984; polyphase filters).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from minimm.errors import check

ZERO_CROSSINGS = 24  # of the sinc, on each side; more make a steeper slope
ROLL_OFF = 0.945  # the middle of the slope, as a share of the limit
MOST_PHASES = 50_000  # rows of the filter; 44,100 to 48,000 Hz needs 160


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """`waveform` (samples,) at `rate` Hz -> float32 (ceil(samples * new_rate / rate),) at `new_rate` Hz.

    What lies above half of the lower rate is taken away. Sound before the beginning and behind the end counts as silence.
    Raises `MinimmError` for rates that are not whole numbers above 0 or have too little in common.

    >>> resample(np.ones(8, dtype=np.float32), 8000, 4000).shape
    (4,)
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    check(waveform.ndim == 1, f"resample needs one channel (samples,), but got {waveform.shape}; average the channels")
    for name, value in (("rate", rate), ("new_rate", new_rate)):
        check(
            isinstance(value, int | np.integer) and value > 0,
            f"resample got {name}={value!r}; give a whole number of samples a second, such as 8000",
        )
    step = Fraction(int(rate), int(new_rate))  # input samples for one output sample
    if step == 1 or len(waveform) == 0:
        return waveform.copy()
    check(
        step.denominator <= MOST_PHASES,
        f"{rate} and {new_rate} Hz have too little in common to be turned into each other; choose a usual rate such as 8000",
    )
    taps, filters = _filters(step)  # taps (K,) offsets in input samples; filters (phases, K)
    count = math.ceil(len(waveform) / step)
    rounds = math.ceil(count / step.denominator)  # all fractions once are one round
    reach = -int(taps[0])
    padded = np.zeros((rounds + 1) * step.numerator + 2 * reach + 2, dtype=np.float32)
    padded[reach : reach + len(waveform)] = waveform
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(taps))
    output = np.empty((rounds, step.denominator), dtype=np.float32)
    for phase in range(step.denominator):
        first = phase * step.numerator // step.denominator  # the input sample at or before this output
        seen = np.ascontiguousarray(windows[first :: step.numerator][:rounds])  # (rounds, K)
        output[:, phase] = seen @ filters[phase]
    return output.reshape(-1)[:count]


def _filters(step: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """The offsets of the input samples that one output looks at, and for each fraction their weights, float32."""
    cutoff = ROLL_OFF * min(1.0, float(1 / step))  # c, as a share of the input's limit
    reach = math.ceil(ZERO_CROSSINGS / cutoff)
    taps = np.arange(-reach, reach + 2)
    phases = np.arange(step.denominator)
    fractions = (phases * step.numerator % step.denominator) / step.denominator
    place = cutoff * (fractions[:, None] - taps)  # (phases, K)
    window = np.where(np.abs(place) < ZERO_CROSSINGS, np.cos(np.pi * place / (2 * ZERO_CROSSINGS)) ** 2, 0.0)
    weights = cutoff * np.sinc(place) * window
    weights /= weights.sum(axis=1, keepdims=True)  # a constant stays exactly what it is
    return taps, weights.astype(np.float32)
