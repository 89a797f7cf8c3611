"""Pooling: shrink a picture by keeping, of each window, the largest value or the mean.

    max_pool2d: output[b, c, y, x] = max_{i, j} images[b, c, y * stride + i, x * stride + j]

A small shift of the picture then changes little, and the next layer sees more of it (LeCun et al. 1998, section II.A).
`masked_mean` makes one vector of a whole sequence, or of a picture's regions.
"""

from __future__ import annotations

from torch import Tensor

from minimm.errors import check
from minimm.layers.convolution import output_size


def _windows(images: Tensor, kernel_size: int, stride: int | None) -> Tensor:
    """(B, C, H, W) -> (B, C, H_out, W_out, k * k), a view of every window until the last axis is joined."""
    stride = kernel_size if stride is None else stride
    check(images.ndim == 4, f"pooling needs images (B, C, H, W), but got {tuple(images.shape)}")
    check(
        kernel_size >= 1 and stride >= 1,
        f"kernel_size and stride must be at least 1, but they are {kernel_size} and {stride}",
    )
    height, width = images.shape[2:]
    check(
        output_size(min(height, width), kernel_size, stride, 0) >= 1,
        f"a {kernel_size} x {kernel_size} window does not fit into a {height} x {width} picture",
    )
    return images.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride).flatten(-2)


def max_pool2d(images: Tensor, kernel_size: int, stride: int | None = None) -> Tensor:
    """The largest value of each window: (B, C, H, W) -> (B, C, H_out, W_out); `stride` None = `kernel_size`.

    Ties share the gradient evenly (differs from torch.nn.functional.max_pool2d, which gives it to the first).
    """
    return _windows(images, kernel_size, stride).amax(dim=-1)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of what is real: x (B, T, d) and mask (B, T) bool -> (B, d); zero where nothing is."""
    check(
        x.ndim == 3 and mask.shape == x.shape[:2],
        f"a mean needs x (B, T, d) and a mask (B, T), but got {tuple(x.shape)} and {tuple(mask.shape)}",
    )
    counts = mask.sum(dim=1, keepdim=True)  # (B, 1)
    return (x * mask[:, :, None]).sum(dim=1) / counts.clamp(min=1)


def average_pool2d(images: Tensor, kernel_size: int, stride: int | None = None) -> Tensor:
    """The mean of each window: (B, C, H, W) -> (B, C, H_out, W_out); `stride` None = `kernel_size`."""
    return _windows(images, kernel_size, stride).mean(dim=-1)
