"""Small random changes to sound that keep what is said: many recordings from one.

    noise at s decibels   x + g sqrt(P / 10^(s / 10)),  P the mean power of x, g normal: s = 10 log10(P / P_noise)
    shift                 the recording begins a little earlier or later, silence moves in
    gain                  x 10^(d / 20), d decibels
    masks                 bands of frequencies and spans of time are blanked out, so that no single one is relied on
    stretched frequencies what was at f is heard at a f, as if another throat, 1/a times as long, had said it

The masks are those of Park et al. 2019 ("SpecAugment", section 2): a span of w places is drawn, w uniform from 0 to a
largest width, its first place uniform. Left out are the paper's time warping, which it found to matter least; and widths
in time are a share of the recording, as in its longer form (Park et al. 2020), since recordings here differ in length.
Stretching is that of Jaitly & Hinton 2013 ("Vocal tract length perturbation"), of log-mels instead of the spectrum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def add_noise(
    waveforms: Tensor, lengths: Tensor, generator: torch.Generator, decibels: tuple[float, float] = (10.0, 40.0)
) -> Tensor:
    """Add white noise to each recording, its signal-to-noise ratio uniform in `decibels`. (B, S) -> (B, S).

    Args:
        lengths: (B,) int64, the real samples of each row; what lies behind them stays as it is.
        generator: a CPU generator; the same state makes the same noise.
        decibels: of the signal over the noise, least and most. 0 is as loud as the signal, 40 is hardly heard.
    """
    _check_waveforms("add_noise", waveforms, lengths)
    real = torch.arange(waveforms.shape[1]) < lengths[:, None]  # (B, S)
    power = (waveforms.square() * real).sum(dim=1) / lengths.clamp(min=1)  # (B,)
    ratio = _uniform(len(waveforms), decibels, generator)
    scale = (power / 10.0 ** (ratio / 10.0)).sqrt()
    noise = torch.randn(waveforms.shape, generator=generator)
    return waveforms + noise * real * scale[:, None]


def shift_time(waveforms: Tensor, lengths: Tensor, generator: torch.Generator, most: int) -> Tensor:
    """Move each recording by at most `most` samples earlier or later, uniformly. (B, S) -> (B, S).

    Silence moves in at one end, and what is moved out at the other is lost; `lengths` (B,) stay what they are.
    """
    _check_waveforms("shift_time", waveforms, lengths)
    check(most >= 0, f"shift_time got most={most}; give a number of samples from 0 up")
    offset = torch.randint(-most, most + 1, (len(waveforms), 1), generator=generator)
    source = torch.arange(waveforms.shape[1]) - offset  # (B, S): where each sample comes from
    inside = (source >= 0) & (source < lengths[:, None]) & (source + offset < lengths[:, None])
    return waveforms.gather(1, source.clamp(0, waveforms.shape[1] - 1)) * inside


def random_gain(shape: tuple[int, ...], generator: torch.Generator, decibels: float = 6.0) -> Tensor:
    """Factors to multiply waveforms with, float32 of `shape`: louder or softer by up to `decibels`, uniform in decibels."""
    check(decibels >= 0.0, f"random_gain got decibels={decibels}; give the largest change, from 0 up")
    return 10.0 ** ((2.0 * torch.rand(shape, generator=generator) - 1.0) * decibels / 20.0)


def mask_spans(
    log_mels: Tensor,
    lengths: Tensor,
    generator: torch.Generator,
    *,
    num_masks: int = 2,
    most_bands: int = 6,
    most_time: float = 0.05,
    blank: float = -1.0,
) -> Tensor:
    """Blank out random bands of frequencies and random spans of time. (B, F, num_mels) -> the same shape.

    Args:
        lengths: (B,) int64, the real frames of each row.
        num_masks: how many of either kind; they may overlap.
        most_bands: the widest band, in mels. most_time: the longest span, as a share of the recording.
        blank: what stands there afterwards; -1 is silence in `features.audio.log_mel`.
    """
    batch, frames, num_mels = log_mels.shape
    check(
        0 <= most_bands <= num_mels and 0.0 <= most_time <= 1.0,
        f"mask_spans got most_bands={most_bands} of {num_mels} and most_time={most_time}; bands must lie between 0 and "
        "the number of mels, and time is a share from 0 to 1",
    )
    for _ in range(num_masks):
        bands = _spans(torch.full((batch,), num_mels), torch.full((batch,), float(most_bands)), num_mels, generator)
        times = _spans(lengths, lengths * most_time, frames, generator)
        log_mels = log_mels.masked_fill(bands[:, None, :] | times[:, :, None], blank)
    return log_mels


def warp_frequencies(log_mels: Tensor, factors: Tensor, sample_rate: int) -> Tensor:
    """Move what each recording has at a frequency f to factor * f: (B, F, num_mels) -> the same shape.

    Between two bands the level is interpolated; above the highest band, where nothing was recorded, its level goes on.

    Args:
        factors: (B,), above 1 for a shorter throat. sample_rate: in Hz, of the recordings that the log-mels are from.
    """
    check(
        log_mels.ndim == 3 and factors.shape == log_mels.shape[:1] and bool((factors > 0).all()),
        f"warp_frequencies needs log-mels (B, F, num_mels) and a factor above 0 for each, but got {tuple(log_mels.shape)} and "
        f"{tuple(factors.shape)}",
    )
    bands = log_mels.shape[2]
    step = _to_mel(torch.tensor(sample_rate / 2)) / (bands + 1)  # from one band's centre to the next, in mel
    centres = 700 * (10 ** (step * torch.arange(1, bands + 1) / 2595) - 1)  # (num_mels,), in Hz
    source = _to_mel(centres / factors[:, None]) / step - 1  # (B, num_mels): the band that comes to stand here
    source = source.clamp(0, bands - 1)
    low = source.floor().long().clamp(max=max(bands - 2, 0))
    share = (source - low)[:, None, :]

    def level(band: Tensor) -> Tensor:
        return log_mels.gather(2, band[:, None, :].expand_as(log_mels))

    return torch.lerp(level(low), level((low + 1).clamp(max=bands - 1)), share)


def _to_mel(hertz: Tensor) -> Tensor:
    return 2595 * torch.log10(1 + hertz / 700)


def _spans(lengths: Tensor, widest: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """(B, size) bool: in each row one span within its length, of a width uniform from 0 to `widest` (B,), rounded down."""
    width = (torch.rand(len(lengths), generator=generator) * (widest.floor() + 1)).floor()
    first = (torch.rand(len(lengths), generator=generator) * (lengths - width + 1)).floor()
    places = torch.arange(size)
    return (places >= first[:, None]) & (places < (first + width)[:, None])


def _uniform(count: int, limits: tuple[float, float], generator: torch.Generator) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * torch.rand(count, generator=generator)


def _check_waveforms(name: str, waveforms: Tensor, lengths: Tensor) -> None:
    check(
        waveforms.ndim == 2 and waveforms.is_floating_point() and lengths.shape == waveforms.shape[:1],
        f"{name} needs waveforms (B, S) of floating-point numbers and lengths (B,), but got {tuple(waveforms.shape)} of "
        f"{waveforms.dtype} and {tuple(lengths.shape)}",
    )
