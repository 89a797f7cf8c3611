"""Sound: from any wav file to a picture of it, the log-mel spectrogram, that a model can read.

    frames    25 ms long, one every 10 ms, each faded in and out by Hann's window
    power     |FFT|^2 of each frame: its energy by frequency
    mel       energy in num_mels bands, narrow when low and wide when high, as the ear hears (first_principles/mel.py)
    log-mel   l = log10(mel), at least max(l) - 6;  then 1 + (l - max(l)) / 3, from -1 to 1

The ear hears ratios, hence the logarithm. Only differences to the loudest moment are kept, 60 decibels down: how loud a
recording is changes nothing, and what is far below its loudest moment is silence. The formulas of the transform are in
`first_principles/spectrogram.py`; here it is NumPy's fast one, and a test holds both equal. Source: Davis and Mermelstein,
1980; the clamping below the maximum is that of Radford et al. 2022 ("Whisper"), with 6 in place of 8.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from minimm.errors import check
from minimm.features.resampling import resample
from minimm.features.wav import read_wav
from minimm.first_principles.mel import mel_filter_bank as plain_mel_filter_bank
from minimm.first_principles.spectrogram import frame as plain_frame
from minimm.first_principles.spectrogram import hann_window, power_spectrum

FRAME_SECONDS, HOP_SECONDS = 0.025, 0.010
SHORTEST, LONGEST = 0.05, 60.0  # seconds that a recording may last
SILENCE = 1e-4  # largest sample, of 1, below which nothing can be heard
CLIPPED_SHARE = 0.01  # of samples at the limit, from which on a recording sounds distorted
DYNAMIC_RANGE = 6.0  # powers of ten of energy that are kept below the loudest moment

Sound = str | Path | tuple[np.ndarray, int]  # a wav file, or (waveform, rate in Hz)

__all__ = [
    "ClippedWarning",
    "frame",
    "hann_window",
    "load_audio",
    "log_mel",
    "log_mel_batch",
    "mel_filter_bank",
    "power_spectrum",
    "stft",
]


class ClippedWarning(UserWarning):
    """A recording was too loud for its microphone: its peaks are cut off, but it can be used."""


def load_audio(source: Sound, sample_rate: int) -> np.ndarray:
    """A recording as float32 (samples,) in [-1, 1] at `sample_rate` Hz.

    Args:
        source: a wav file, or (waveform, rate) with a waveform (samples,) or (channels, samples) in [-1, 1]. Several
            channels are averaged, another rate is resampled.

    A clipped recording, with more than `CLIPPED_SHARE` of its samples at the limit, is used with a warning.

    Raises:
        MinimmError: what cannot be read, holds no sound, lasts less than `SHORTEST` or more than `LONGEST` seconds.
    """
    if isinstance(source, str | Path):
        name, (waveform, rate) = str(source), read_wav(source)
    else:
        name, (waveform, rate) = "the recording", _checked(source)
    seconds = len(waveform) / rate
    check(len(waveform) > 0, f"{name} is empty: it has no samples; record it again")
    check(
        seconds >= SHORTEST,
        f"{name} lasts {1000 * seconds:.0f} ms, too short to say anything; give at least {1000 * SHORTEST:.0f} ms",
    )
    check(
        seconds <= LONGEST,
        f"{name} lasts {seconds:.0f} s, but at most {LONGEST:.0f} s are heard at once; cut it into parts",
    )
    loudest = float(np.abs(waveform - waveform.mean()).max())
    check(
        loudest >= SILENCE,
        f"{name} is silent: its loudest sample is {loudest:.1g} of 1; turn up the microphone and record it again",
    )
    clipped = float((np.abs(waveform) >= 0.999).mean())
    if clipped > CLIPPED_SHARE:
        warnings.warn(
            f"{name} is clipped: {100 * clipped:.0f} % of its samples are at the limit, so it is distorted and may be "
            "misheard; record it more quietly",
            ClippedWarning,
            stacklevel=2,
        )
    return resample(waveform, rate, sample_rate).clip(-1.0, 1.0)  # between loud samples the sound may be louder still


def _checked(source: object) -> tuple[np.ndarray, int]:
    """(waveform, rate) -> float32 (samples,) and the rate, or an error that says what is wrong with it."""
    check(
        isinstance(source, tuple) and len(source) == 2,
        f"a recording is a wav file's path or (waveform, rate in Hz), but got {type(source).__name__}",
    )
    waveform, rate = source
    waveform = waveform.detach().cpu().numpy() if isinstance(waveform, Tensor) else np.asarray(waveform)
    check(
        isinstance(rate, int | np.integer) and rate > 0,
        f"a recording's rate must be a whole number of samples a second, such as 8000, but it is {rate!r}",
    )
    check(
        waveform.ndim in (1, 2) and waveform.dtype.kind == "f" and (waveform.ndim == 1 or len(waveform) <= 32),
        "a waveform must be floating-point numbers in [-1, 1], (samples,) or (channels, samples), but it is "
        f"{waveform.shape} of {waveform.dtype}; divide 16-bit numbers by 32768, and put channels first",
    )
    check(
        bool(np.isfinite(waveform).all()) and np.abs(waveform).max(initial=0.0) <= 1.0 + 1e-6,
        "the samples of a waveform must lie in [-1, 1]; divide 16-bit numbers by 32768",
    )
    return (waveform if waveform.ndim == 1 else waveform.mean(axis=0)).astype(np.float32), int(rate)


def frame(waveform: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Overlapping pieces: (..., samples) -> (..., 1 + (samples - size) // hop, size), a view. No sample is invented."""
    check(size >= 1 and hop >= 1, f"a frame has size={size} and hop={hop} samples; both must be at least 1")
    check(
        waveform.shape[-1] >= size,
        f"a waveform of {waveform.shape[-1]} samples has no whole frame of {size}; give a longer recording",
    )
    return plain_frame(waveform, size, hop)


def stft(waveform: np.ndarray, fft_size: int, frame_size: int, hop: int) -> np.ndarray:
    """The short-time Fourier transform: (..., samples) -> (..., frames, fft_size // 2 + 1) complex.

    Frames begin at 0, hop, 2 hop, ... samples; frames of `frame_size` are followed by zeros up to `fft_size`.
    """
    check(
        frame_size <= fft_size,
        f"frames of {frame_size} samples do not fit into a transform of fft_size={fft_size}; make fft_size larger",
    )
    window = hann_window(frame_size).astype(waveform.dtype)
    return np.fft.rfft(frame(waveform, frame_size, hop) * window, n=fft_size)


def log_mel(
    waveform: np.ndarray,
    sample_rate: int,
    num_mels: int = 40,
    frame_seconds: float = FRAME_SECONDS,
    hop_seconds: float = HOP_SECONDS,
) -> np.ndarray:
    """The log-mel spectrogram of one recording: (samples,) -> (frames, num_mels) float32 in [-1, 1], 1 the loudest place.

    Frame f begins at f * hop_seconds. A recording twice as loud gives the same. Raises `MinimmError` for a recording
    shorter than one frame.
    """
    check(waveform.ndim == 1, f"log_mel needs one channel (samples,), but got {waveform.shape}; see load_audio")
    frame_size, hop = round(frame_seconds * sample_rate), round(hop_seconds * sample_rate)
    fft_size = 2 ** (frame_size - 1).bit_length()  # the next power of two
    power = power_spectrum(stft(waveform, fft_size, frame_size, hop))  # (frames, fft_size // 2 + 1)
    mel = power.astype(np.float32) @ _bank(num_mels, fft_size, sample_rate)  # (frames, num_mels)
    loudest = max(float(mel.max()), np.finfo(np.float32).tiny)
    level = np.log10(np.maximum(mel / loudest, np.finfo(np.float32).tiny)) / DYNAMIC_RANGE  # 0 is the loudest
    return (1.0 + 2.0 * np.maximum(level, -1.0)).astype(np.float32)


def log_mel_batch(
    waveforms: Sequence[np.ndarray], sample_rate: int, num_mels: int = 40, **options: float
) -> tuple[Tensor, Tensor]:
    """`log_mel` of B recordings of any length: log-mels (B, F, num_mels), 0 behind the end, and mask (B, F) bool.

    Args:
        options: frame_seconds, hop_seconds.
    """
    check(len(waveforms) > 0, "no recording was given; give at least one")
    rows = [log_mel(waveform, sample_rate, num_mels, **options) for waveform in waveforms]
    lengths = np.array([len(row) for row in rows])
    batch = np.zeros((len(rows), lengths.max(), num_mels), dtype=np.float32)
    for place, row in zip(batch, rows, strict=True):
        place[: len(row)] = row
    return torch.from_numpy(batch), torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])


@lru_cache(maxsize=8)
def _bank(num_mels: int, fft_size: int, sample_rate: int) -> np.ndarray:
    """The filter bank, float32, ready to be multiplied from the right: (fft_size // 2 + 1, num_mels)."""
    return np.ascontiguousarray(mel_filter_bank(num_mels, fft_size, sample_rate).T, dtype=np.float32)


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
