"""A picture as a sequence: cut into squares that do not overlap, each square a row of numbers.

    patch (r, c) = images[:, :, r p : (r + 1) p, c p : (c + 1) p]  flattened         r = 0 .. H/p - 1, c = 0 .. W/p - 1

Every pixel lies in exactly one patch, so cutting only reorders the numbers; the gradient puts them back. A product of the
patches with a matrix (C p^2, D) is a convolution with D kernels of side p and stride p.

Source: Dosovitskiy et al. 2021, "An image is worth 16 x 16 words", section 3.1.
"""

from __future__ import annotations

import numpy as np


def cut_patches(images: np.ndarray, patch_size: int) -> np.ndarray:
    """images (B, C, H, W) -> (B, N, C * p * p), N = H / p * W / p patches in the order of reading; p divides H and W."""
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    patches = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return patches.transpose(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)  # (B, r * c, C * p * p)


def cut_patches_backward(grad_output: np.ndarray, images: np.ndarray, patch_size: int) -> np.ndarray:
    """The gradient of images, (B, C, H, W); grad_output (B, N, C * p * p). Each number goes back to its one pixel."""
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    patches = grad_output.reshape(batch, rows, columns, channels, patch_size, patch_size)
    return patches.transpose(0, 3, 1, 4, 2, 5).reshape(images.shape)
