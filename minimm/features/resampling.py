"""Resampling fast: the formula is in `first_principles/resampling.py`, one sum over the recording for each new sample.

    y[m] = sum_n x[n] h(m rate / new_rate - n)

The filter h ends after a few hundred samples, and the times m rate / new_rate repeat their fraction after new_rate / gcd
samples: each fraction has its own row of h, and all outputs that share it are one matrix product ("polyphase"). A test holds
both equal.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from minimm.errors import check
from minimm.first_principles.resampling import ZERO_CROSSINGS, cutoff, low_pass

MOST_WEIGHTS = 10_000_000  # of the filter, 80 MB while they are worked out; 44,100 to 48,000 Hz needs 160 x 54


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """`waveform` (samples,) at `rate` Hz -> float32 (ceil(samples * new_rate / rate),) at `new_rate` Hz.

    What lies above half of the lower rate is taken away. Sound before the beginning and behind the end counts as silence.
    Raises `MinimmError` for rates that are not whole numbers above 0, have too little in common or lie too far apart.

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
    num_weights = step.denominator * (2 * _reach(step) + 2)
    check(
        num_weights <= MOST_WEIGHTS,
        f"turning {rate} into {new_rate} Hz takes a filter of {num_weights:,} weights, but at most {MOST_WEIGHTS:,} are "
        "worked out: the rates have too little in common or lie too far apart; choose a usual rate such as 8000",
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


def _reach(step: Fraction) -> int:
    """How many input samples before an output, and behind it, the filter sees."""
    return math.ceil(ZERO_CROSSINGS / cutoff(step.numerator, step.denominator))


def _filters(step: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """The offsets of the input samples that one output looks at, and for each fraction their weights, float32."""
    c = cutoff(step.numerator, step.denominator)
    reach = _reach(step)
    taps = np.arange(-reach, reach + 2)
    phases = np.arange(step.denominator)
    fractions = (phases * step.numerator % step.denominator) / step.denominator
    return taps, low_pass(fractions[:, None] - taps, c).astype(np.float32)  # (phases, K)
