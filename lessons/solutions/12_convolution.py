"""Solutions of lesson 12, convolution and a tiny CNN: `minimm check lessons/solutions/12_convolution.py`."""

from __future__ import annotations

import numpy as np


def conv2d(images, weight, bias=None, stride=1, padding=0):
    """One shifted picture for each place of the kernel, its channels mixed by the weights of that place."""
    padded, rows, columns = _padded(images, weight, stride, padding)
    output = np.zeros((len(images), len(weight), rows, columns), images.dtype)
    for i, j in np.ndindex(weight.shape[2:]):
        pixels = padded[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
        output += np.einsum("bcyx,oc->boyx", pixels[:, :, :rows, :columns], weight[:, :, i, j])
    return output if bias is None else output + bias[:, None, None]


def max_pool2d(images, kernel_size, stride=None):
    """All windows, every stride-th of them, and of each the largest number."""
    step = kernel_size if stride is None else stride
    windows = np.lib.stride_tricks.sliding_window_view(
        images, (kernel_size, kernel_size), axis=(2, 3)
    )
    return windows[:, :, ::step, ::step].max(axis=(-2, -1))


def conv2d_backward(grad_output, images, weight, bias=None, stride=1, padding=0):
    """The same loop: what a weight met is its gradient's share, and what met it gets the weight's share."""
    padded, rows, columns = _padded(images, weight, stride, padding)
    grad_padded, grad_weight = np.zeros_like(padded), np.zeros_like(weight)
    for i, j in np.ndindex(weight.shape[2:]):
        seen = (..., slice(i, i + stride * rows, stride), slice(j, j + stride * columns, stride))
        grad_weight[:, :, i, j] = np.einsum("boyx,bcyx->oc", grad_output, padded[seen])
        grad_padded[seen] += np.einsum("boyx,oc->bcyx", grad_output, weight[:, :, i, j])
    height, width = images.shape[2:]
    grad_images = grad_padded[:, :, padding : padding + height, padding : padding + width]
    return grad_images, grad_weight, None if bias is None else grad_output.sum(axis=(0, 2, 3))


def _padded(images, weight, stride, padding):
    """The pictures with their margin, and how many rows and columns the output has."""
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = (
        (n - k) // stride + 1 for n, k in zip(padded.shape[2:], weight.shape[2:], strict=True)
    )
    return padded, rows, columns
