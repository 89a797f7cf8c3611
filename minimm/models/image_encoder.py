"""A tiny convolutional network that turns a picture into a grid of vectors, one for each region, for a decoder to look at.

Each stage halves the picture (stride 2) and widens the vectors; normalisation over the channels of each place keeps the
stages in scale. A learned vector for its row and one for its column tell each region where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.convolution import Conv2d
from minimm.layers.normalization import RMSNorm
from minimm.models.memory import Memory


@dataclass(frozen=True)
class HalvingConfig:
    """The shape of what turns a picture into a grid: one stage, halving it, for each entry of `channels`."""

    image_size: int = 32  # side of the square picture, in pixels
    channels: tuple[int, ...] = (32, 64)  # one stage each; the grid has side image_size / 2^len(channels)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON gives a list back
        factor = 2 ** len(self.channels)
        check(
            len(self.channels) >= 1 and self.image_size >= factor and self.image_size % factor == 0,
            f"{len(self.channels)} stages halve a picture {len(self.channels)} times, so image_size must be a multiple "
            f"of {factor}, but it is {self.image_size}",
        )

    @property
    def grid_size(self) -> int:
        """Side of the grid."""
        return self.image_size // 2 ** len(self.channels)


@dataclass(frozen=True)
class ImageEncoderConfig(HalvingConfig):
    """The shape of an `ImageEncoder`."""

    d_model: int = 128  # width of the vectors it gives


class ImageEncoder(nn.Module):
    """Pictures (B, 3, S, S) in [0, 1] -> `Memory` of (S / 2^stages)^2 vectors."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.channels)
        self.stages = nn.ModuleList(
            Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1)
            for narrow, wide in zip(widths, widths[1:], strict=False)
        )
        self.norms = nn.ModuleList(RMSNorm(width) for width in config.channels)
        self.mix = Conv2d(widths[-1], config.d_model, kernel_size=3, padding=1)  # neighbours, at the grid's resolution
        self.row_positions = nn.Embedding(config.grid_size, config.d_model)
        self.column_positions = nn.Embedding(config.grid_size, config.d_model)
        self.final_norm = RMSNorm(config.d_model)

    def forward(self, images: Tensor) -> Memory:
        """(B, 3, S, S) float in [0, 1] -> features (B, h * w, d_model), nothing masked, grid (h, w)."""
        size = self.config.image_size
        check(
            images.ndim == 4 and images.shape[1:] == (3, size, size),
            f"the encoder was built for pictures (B, 3, {size}, {size}), but got {tuple(images.shape)}; resize them",
        )
        x = images.permute(0, 2, 3, 1) - 0.5  # channels last: (B, S, S, 3), centred
        for stage, norm in zip(self.stages, self.norms, strict=True):
            x = F.gelu(norm(stage(x)))  # (B, S / 2, S / 2, width)
        x = self.mix(x)  # (B, h, w, d_model)
        x = self.final_norm(x)
        place = self.row_positions.weight[:, None] + self.column_positions.weight[None]  # (h, w, d_model)
        features = (x + place).flatten(1, 2)  # (B, h * w, d_model)
        mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        return Memory(features, mask, (self.config.grid_size, self.config.grid_size))
