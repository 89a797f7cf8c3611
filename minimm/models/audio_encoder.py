"""A small convolutional network and a GRU that turn a log-mel spectrogram into a row of vectors.

    log-mel (F, num_mels) -> stages of 3 x 3 convolutions, each halving time and frequency -> (N, width), one row a moment
    -> a GRU forwards and one backwards along the moments, added to what they read

The convolutions see a syllable's edges at any pitch; the two memories know what came before and what will come. N is F
halved and rounded up once for each stage: of frames that begin every 10 ms, two stages make a vector for every 40 ms. What
lies behind a recording's end in a batch is set to zero before every convolution, just as beyond the edge of a single
recording, and the GRU rests there: padding changes nothing.

With `positions`, sines and cosines of the time are added (Vaswani et al. 2017, section 3.5): a decoder then finds the third
word some way into the recording before it has learnt what to listen for, and learns in half the steps.

Source: the shape of Deep Speech 2 (Amodei et al. 2016, section 3), much smaller, with a decoder that attends in place of
its frame-by-frame output (Chan et al. 2016, "Listen, attend and spell").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.convolution import Conv2d, output_size
from minimm.layers.dropout import Dropout
from minimm.layers.gru import GRU
from minimm.layers.masks import padding_mask
from minimm.layers.normalization import RMSNorm
from minimm.layers.positions import sinusoidal_positions
from minimm.models.memory import Memory


@dataclass(frozen=True)
class AudioEncoderConfig:
    """The shape of an `AudioEncoder`: one stage, halving time and frequency, for each entry of `channels`."""

    num_mels: int = 40  # bands of the log-mel spectrogram
    channels: tuple[int, ...] = (32, 64)  # one stage each
    d_model: int = 128  # width of the vectors it gives; half for each direction of the GRU
    dropout: float = 0.0
    positions: bool = False  # tell each vector when it is: for a decoder that writes in order, not for a mean over time

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON gives a list back
        check(
            self.num_mels >= 1 and len(self.channels) >= 1,
            f"an audio encoder needs at least one band and one stage, but got num_mels={self.num_mels} and "
            f"channels={self.channels}",
        )
        check(
            self.d_model >= 2 and self.d_model % 2 == 0,
            f"d_model={self.d_model} must be even: half of it for each direction of the GRU",
        )

    @property
    def num_bands(self) -> int:
        """Bands that are left when every stage has halved them, rounded up."""
        return self.num_moments(self.num_mels)

    def num_moments(self, num_frames: int) -> int:
        """N, the vectors that `num_frames` frames become."""
        for _ in self.channels:
            num_frames = output_size(num_frames, kernel=3, stride=2, padding=1)
        return num_frames


class AudioEncoder(nn.Module):
    """Log-mels (B, F, num_mels) -> `Memory` of N = F / 2^stages vectors, rounded up."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = (1, *config.channels)
        self.stages = nn.ModuleList(
            Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1)
            for narrow, wide in zip(widths, widths[1:], strict=False)
        )
        self.norms = nn.ModuleList(RMSNorm(width) for width in config.channels)
        self.project = nn.Linear(config.num_bands * widths[-1], config.d_model)
        self.project_norm = RMSNorm(config.d_model)
        self.dropout = Dropout(config.dropout)
        self.gru = GRU(config.d_model, config.d_model // 2, bidirectional=True)
        self.final_norm = RMSNorm(config.d_model)

    def forward(self, log_mels: Tensor, mask: Tensor | None = None) -> Memory:
        """(B, F, num_mels) -> features (B, N, d_model), grid (N,).

        `mask` (B, F) bool is True for the frames of each recording, at its beginning; None = all of them.
        """
        num_mels = self.config.num_mels
        check(
            log_mels.ndim == 3 and log_mels.shape[1] >= 1 and log_mels.shape[2] == num_mels,
            f"the encoder was built for log-mels (B, F, {num_mels}), but got {tuple(log_mels.shape)}",
        )
        lengths = self._lengths(log_mels, mask)
        x = log_mels.unsqueeze(-1)  # (B, F, num_mels, 1)
        for stage, norm in zip(self.stages, self.norms, strict=True):
            x = x.masked_fill(~padding_mask(lengths, x.shape[1])[:, :, None, None], 0.0)
            x = F.gelu(norm(stage(x)))  # (B, F / 2, num_mels / 2, width)
            lengths = (lengths + 1) // 2
        x = self.project_norm(self.project(x.flatten(2)))  # (B, N, d_model)
        read, _ = self.gru(self.dropout(x), lengths=lengths)  # (B, N, d_model)
        real = padding_mask(lengths, x.shape[1])  # (B, N)
        features = self.final_norm(x + read)
        if self.config.positions:
            features = features + sinusoidal_positions(*x.shape[1:]).to(features)
        return Memory(features.masked_fill(~real.unsqueeze(-1), 0.0), real, (x.shape[1],))

    def _lengths(self, log_mels: Tensor, mask: Tensor | None) -> Tensor:
        """(B,) int64: how many frames of each row are real."""
        batch, frames, _ = log_mels.shape
        if mask is None:
            return torch.full((batch,), frames, dtype=torch.int64, device=log_mels.device)
        check(
            mask.shape == (batch, frames) and mask.dtype == torch.bool,
            f"log-mels {tuple(log_mels.shape)} need a mask {(batch, frames)} of bool, but it is {tuple(mask.shape)} of "
            f"{mask.dtype}",
        )
        lengths = mask.sum(dim=1)
        check(
            bool((mask == padding_mask(lengths, frames)).all() and (lengths >= 1).all()),
            "a mask of recordings must be True from the first frame to the last and False behind it; a row of this one "
            "has a gap or no frame at all",
        )
        return lengths
