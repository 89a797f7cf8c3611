"""Pictures as whole numbers and back: a convolutional autoencoder whose middle is a grid of codes (VQ-VAE).

    picture -> encoder -> z (h, w, D) -> nearest codes, ids (h * w) -> decoder -> picture
    loss = |picture - reconstruction|^2 + beta |z - sg[codes]|^2         (van den Oord et al. 2017, eq. 3)

After training, a picture is a sentence of h * w words that a language model can write (`text_to_image.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.convolution import Conv2d
from minimm.layers.normalization import RMSNorm
from minimm.layers.upsampling import Upsample
from minimm.layers.vector_quantizer import Quantized, VectorQuantizer
from minimm.models.image_encoder import HalvingConfig


@dataclass(frozen=True)
class ImageTokenizerConfig(HalvingConfig):
    """The shape of an `ImageTokenizer`."""

    num_codes: int = 256  # how many different patches there are
    code_size: int = 16  # numbers in a code; few, so that all of them matter to the distance (Yu et al. 2022)

    @property
    def num_tokens(self) -> int:
        """How many ids a picture becomes."""
        return self.grid_size**2


class ImageTokenizer(nn.Module):
    """Pictures (B, 3, S, S) in [0, 1] <-> ids (B, h * w)."""

    def __init__(self, config: ImageTokenizerConfig) -> None:
        super().__init__()
        self.config = config
        widths, top = config.channels, config.channels[-1]
        self.down = nn.ModuleList(
            Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1)
            for narrow, wide in zip((3, *widths), widths, strict=False)
        )
        self.down_norms = nn.ModuleList(RMSNorm(width) for width in widths)
        self.mix = Conv2d(top, top, kernel_size=3, padding=1)  # neighbours, at the grid's resolution
        self.mix_norm = RMSNorm(top)
        self.to_code = nn.Linear(top, config.code_size)
        self.quantizer = VectorQuantizer(config.num_codes, config.code_size)
        self.from_code = Conv2d(config.code_size, top, kernel_size=3, padding=1)
        self.spread = Conv2d(top, top, kernel_size=3, padding=1)
        self.from_code_norm, self.spread_norm = RMSNorm(top), RMSNorm(top)
        self.up = nn.ModuleList(
            Upsample(wide, narrow) for wide, narrow in zip(widths[::-1], (*widths[-2::-1], 3), strict=True)
        )
        self.up_norms = nn.ModuleList(RMSNorm(width) for width in widths[-2::-1])

    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) -> z (B, h, w, D), not yet quantised."""
        size = self.config.image_size
        check(
            images.ndim == 4 and images.shape[1:] == (3, size, size),
            f"the tokenizer was built for pictures (B, 3, {size}, {size}), but got {tuple(images.shape)}; resize them",
        )
        x = images.permute(0, 2, 3, 1) - 0.5  # channels last: (B, S, S, 3), centred
        for stage, norm in zip(self.down, self.down_norms, strict=True):
            x = F.gelu(norm(stage(x)))  # (B, S / 2, S / 2, width)
        x = x + F.gelu(self.mix_norm(self.mix(x)))
        return self.to_code(x)

    def decode(self, codes: Tensor) -> Tensor:
        """codes (B, h, w, D) -> pictures (B, 3, S, S), roughly in [0, 1]."""
        x = F.gelu(self.from_code_norm(self.from_code(codes)))
        x = x + F.gelu(self.spread_norm(self.spread(x)))  # (B, h, w, width)
        for index, stage in enumerate(self.up):
            x = stage(x)  # (B, 2h, 2w, narrower width)
            if index < len(self.up_norms):
                x = F.gelu(self.up_norms[index](x))
        return x.permute(0, 3, 1, 2) + 0.5

    def forward(self, images: Tensor) -> tuple[Tensor, Quantized]:
        """(B, 3, S, S) -> reconstructions (B, 3, S, S) and what was quantised, ids (B, h, w)."""
        quantized = self.quantizer(self.encode(images))
        return self.decode(quantized.codes), quantized

    @torch.inference_mode()
    def to_ids(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) -> ids (B, h * w), row by row from the upper left."""
        return self.quantizer.nearest(self.encode(images)).flatten(1)

    @torch.inference_mode()
    def to_images(self, ids: Tensor) -> Tensor:
        """ids (B, h * w) -> pictures (B, 3, S, S) in [0, 1]."""
        config = self.config
        check(
            ids.ndim == 2
            and ids.shape[1] == config.num_tokens
            and bool((ids >= 0).all() and (ids < config.num_codes).all()),
            f"a picture is {config.num_tokens} ids from 0 to {config.num_codes - 1}, but got ids of shape {tuple(ids.shape)} "
            f"from {ids.min().item() if ids.numel() else 'none'} to {ids.max().item() if ids.numel() else 'none'}",
        )
        grid = ids.unflatten(1, (config.grid_size, config.grid_size))
        return self.decode(self.quantizer.codes[grid]).clamp(0.0, 1.0)
