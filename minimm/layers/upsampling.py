"""The way up: a picture of twice the size from a picture with four times the channels ("pixel shuffle").

    output[b, 2y + i, 2x + j, c] = images[b, y, x, (2i + j) C + c],   i, j in {0, 1}

A convolution that gives 4C channels and this rearrangement together are a transposed convolution, but one whose work is
all done on the small grid, and in which every output pixel is reached by equally many weights, so that no chequered
pattern appears (Shi et al. 2016, "Real-time single image and video super-resolution", section 3.2; Odena et al. 2016).
"""

from __future__ import annotations

from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.convolution import Conv2d

FACTOR = 2


def shuffle_pixels(images: Tensor) -> Tensor:
    """(B, H, W, 4C) -> (B, 2H, 2W, C): the four groups of channels become the four pixels of a 2 x 2 square."""
    check(
        images.ndim == 4 and images.shape[3] % FACTOR**2 == 0,
        f"shuffling pixels needs (B, H, W, 4C), four groups of channels, but got {tuple(images.shape)}",
    )
    squares = images.unflatten(3, (FACTOR, FACTOR, -1))  # (B, H, W, 2, 2, C)
    return squares.permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)  # (B, 2H, 2W, C)


class Upsample(nn.Module):
    """A 3 x 3 convolution to four times the channels, then `shuffle_pixels`: (B, H, W, C_in) -> (B, 2H, 2W, C_out)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = Conv2d(in_channels, FACTOR**2 * out_channels, kernel_size=3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, H, W, C_in) -> (B, 2H, 2W, C_out)"""
        return shuffle_pixels(self.convolution(images))
