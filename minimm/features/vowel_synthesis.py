"""Vowels as they come about: a voice makes all multiples of one frequency, and mouth and throat let some of them through.

    x(t) = sum_k  a_k cos(2 pi k F0 t + p_k),     a_k = 1/k * prod_i |R_i(k F0)|         k F0 below half the sample rate
    |R_i(f)| = F_i^2 / sqrt((F_i^2 - f^2)^2 + (f B_i)^2)

F0 is the pitch, F_i the resonances ("formants") that make an "ee" another sound than an "ah", B_i their widths; 1/k is how a
voice's own frequencies fall off, 6 dB an octave: 12 dB of the throat's pulses less 6 dB that lips give back.

Source: the theory of source and filter, Fant 1960, "Acoustic theory of speech production"; the resonator is that of a second
order system, as in Klatt 1980, "Software for a cascade/parallel formant synthesizer".
"""

from __future__ import annotations

import numpy as np

from minimm.errors import check

WIDTHS = (60.0, 90.0, 150.0)  # of the first three resonances, in Hz


def synthesize_vowels(
    pitch: np.ndarray, formants: np.ndarray, sample_rate: int, seconds: float, generator: np.random.Generator
) -> np.ndarray:
    """N vowels of one length: float32 (N, samples), the largest value of each 1.

    Args:
        pitch: F0 of each in Hz, (N,). formants: F1, F2, F3 of each in Hz, (N, 3). generator: for the phases p_k.
    """
    check(
        pitch.ndim == 1 and len(pitch) > 0 and formants.shape == (len(pitch), len(WIDTHS)),
        f"vowels need a pitch (N,) and formants (N, {len(WIDTHS)}) of one or more, but got {pitch.shape} and {formants.shape}",
    )
    check(
        bool((pitch > 0).all() and (pitch < sample_rate / 2).all() and (formants > 0).all()),
        f"pitch and formants are frequencies in Hz, above 0 and the pitch below half of sample_rate={sample_rate}",
    )
    samples = round(seconds * sample_rate)
    check(samples >= 1, f"seconds={seconds} are no whole sample at {sample_rate} Hz; 0.2 is long enough for a vowel")
    time = np.arange(samples) / sample_rate
    found = np.zeros((len(pitch), len(time)))
    for k in range(1, int(sample_rate / 2 / pitch.min()) + 1):
        frequency = k * pitch  # (N,)
        through = resonance(frequency[:, None], formants, np.array(WIDTHS)).prod(axis=1) / k
        through[frequency >= sample_rate / 2] = 0.0  # what a recording cannot hold
        phase = generator.uniform(0, 2 * np.pi, len(pitch))
        found += through[:, None] * np.cos(2 * np.pi * frequency[:, None] * time + phase[:, None])
    return (found / np.abs(found).max(axis=1, keepdims=True)).astype(np.float32)


def resonance(frequency: np.ndarray, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """|R(f)|: 1 far below the centre, centre / width at it, and falling 12 dB an octave above. All in Hz, broadcast."""
    return centre**2 / np.sqrt((centre**2 - frequency**2) ** 2 + (frequency * width) ** 2)
