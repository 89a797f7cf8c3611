"""A Transformer that reads a picture as a sequence of square patches: the Vision Transformer, without any convolution.

    z_0  = [x_1 E; x_2 E; ...; x_N E] + E_position        x_p: the 3 p^2 numbers of patch p            (eq. 1)
    z'_l = self_attention(norm(z_{l-1})) + z_{l-1}                                                     (eq. 2)
    z_l  = feed_forward(norm(z'_l)) + z'_l                                                             (eq. 3)
    y    = norm(z_L)                                                                                   (eq. 4)

Source: Dosovitskiy et al. 2021, "An image is worth 16 x 16 words". Differs from the paper: there is no class token, since
the decoder looks at all patches and not at one summary; the position of a patch is the sum of a vector for its row and
one for its column, as in `image_encoder.py`, so that a place teaches its whole row; the blocks are those of our language
models (RMSNorm, SwiGLU).

Beside the CNN it knows less about pictures beforehand: that neighbours belong together and that a thing is the same thing
everywhere it must learn from the data. In return every patch sees every other from the first block on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimm.errors import check, check_divides
from minimm.layers.normalization import RMSNorm
from minimm.layers.transformer_block import TransformerBlock
from minimm.models.memory import Memory


@dataclass(frozen=True)
class PatchImageEncoderConfig:
    """The shape of a `PatchImageEncoder`."""

    image_size: int = 32  # side of the square picture, in pixels
    patch_size: int = 4  # side of a patch, in pixels; halving it makes four times as many vectors
    d_model: int = 128  # width of the vectors it gives
    num_heads: int = 4
    num_layers: int = 2

    def __post_init__(self) -> None:
        check(
            1 <= self.patch_size <= self.image_size and self.image_size % self.patch_size == 0,
            f"a picture is cut into whole patches, so image_size={self.image_size} must be a multiple of "
            f"patch_size={self.patch_size}",
        )
        check(self.num_layers >= 1, f"num_layers={self.num_layers} must be at least 1")
        check_divides("d_model", self.d_model, "num_heads", self.num_heads)

    @property
    def grid_size(self) -> int:
        """Side of the grid of vectors."""
        return self.image_size // self.patch_size


class PatchImageEncoder(nn.Module):
    """Pictures (B, 3, S, S) in [0, 1] -> `Memory` of (S / patch_size)^2 vectors."""

    def __init__(self, config: PatchImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Linear(3 * config.patch_size**2, config.d_model)
        self.row_positions = nn.Embedding(config.grid_size, config.d_model)
        self.column_positions = nn.Embedding(config.grid_size, config.d_model)
        self.blocks = nn.ModuleList(
            TransformerBlock(config.d_model, config.num_heads) for _ in range(config.num_layers)
        )
        self.final_norm = RMSNorm(config.d_model)

    def forward(self, images: Tensor) -> Memory:
        """(B, 3, S, S) float in [0, 1] -> features (B, h * w, d_model), nothing masked, grid (h, w)."""
        size, grid = self.config.image_size, self.config.grid_size
        check(
            images.ndim == 4 and images.shape[1:] == (3, size, size),
            f"the encoder was built for pictures (B, 3, {size}, {size}), but got {tuple(images.shape)}; resize them",
        )
        place = self.row_positions.weight[:, None] + self.column_positions.weight[None]  # (h, w, d_model)
        x = self.embedding(cut_patches(images - 0.5, self.config.patch_size))  # centred; (B, h * w, d_model)
        x = x + place.flatten(0, 1)
        for block in self.blocks:
            x = block(x)  # no mask: every patch sees every other
        features = self.final_norm(x)
        mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        return Memory(features, mask, (grid, grid))


def cut_patches(images: Tensor, patch_size: int) -> Tensor:
    """(B, C, H, W) -> (B, N, C * p * p): squares of side p in the order of reading, each flattened as (C, p, p).

    A matrix product with them is a convolution with kernels of side p and stride p.
    """
    batch, channels, height, width = images.shape
    check(
        height % patch_size == 0 and width % patch_size == 0,
        f"a picture of {height} x {width} pixels does not split into whole patches of {patch_size} x {patch_size}; "
        "resize it, or take another patch_size",
    )
    rows, columns = height // patch_size, width // patch_size
    patches = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * patch_size**2)
