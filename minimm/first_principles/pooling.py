"""Max pooling: of each window the largest value remains, so that a small shift of the picture changes little.

    output[b, c, y, x] = max over i, j of images[b, c, y * stride + i, x * stride + j]

Source: the maximum in place of LeCun et al. 1998's mean: Ranzato et al. 2007, "Unsupervised learning of invariant feature
hierarchies", section 2.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def max_pool2d(images: np.ndarray, kernel_size: int, stride: int | None = None) -> np.ndarray:
    """images (B, C, H, W) -> (B, C, H_out, W_out), H_out = (H - kernel_size) // stride + 1; stride None = kernel_size.

    Rows and columns at the end that no whole window covers are dropped.
    """
    return _windows(images, kernel_size, stride).max(axis=-1)


def max_pool2d_backward(
    grad_output: np.ndarray, images: np.ndarray, kernel_size: int, stride: int | None = None
) -> np.ndarray:
    """The gradient of images, (B, C, H, W); grad_output (B, C, H_out, W_out).

    An output moves with the largest pixel of its window and with no other, so that pixel gets the whole gradient; of several
    equally large ones the first, row by row, as in PyTorch. Where windows overlap, a pixel adds up what it gets from each.
    """
    step = kernel_size if stride is None else stride
    winner = _windows(images, kernel_size, stride).argmax(axis=-1)  # (B, C, H_out, W_out), counted within the window
    b, c, y, x = np.indices(winner.shape)
    grad_images = np.zeros_like(images)
    place = b, c, y * step + winner // kernel_size, x * step + winner % kernel_size
    np.add.at(grad_images, place, grad_output)  # unlike `+=`, adds every one where a pixel is named several times
    return grad_images


def _windows(images: np.ndarray, kernel_size: int, stride: int | None) -> np.ndarray:
    """(B, C, H, W) -> (B, C, H_out, W_out, kernel_size^2): the pixels of each window, row by row."""
    step = kernel_size if stride is None else stride
    windows = sliding_window_view(images, (kernel_size, kernel_size), axis=(2, 3))[:, :, ::step, ::step]
    return windows.reshape(*windows.shape[:4], -1)
