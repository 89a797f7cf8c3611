"""Convolution: look for one small pattern everywhere in a picture.

    output[b, o, y, x] = bias[o] + sum over c, i, j of weight[o, c, i, j] * padded[b, c, y * stride + i, x * stride + j]

The kernel is not flipped (a mathematician would say cross-correlation). Instead of four loops over output pixels there are
two over the few places (i, j) of the kernel: each takes the picture shifted by (i, j) and mixes its channels.

Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def conv2d(
    images: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """images (B, C, H, W), weight (O, C, kH, kW), bias (O,) or None -> (B, O, H_out, W_out).

    `padding` zeros surround the picture on all four sides; H_out = (H + 2 padding - kH) // stride + 1.
    """
    padded = _pad(images, padding)
    output = 0.0
    for i, j, seen in _shifts(padded, weight.shape[2:], stride):
        output = output + np.einsum("bcyx,oc->boyx", padded[seen], weight[:, :, i, j])
    return output if bias is None else output + bias[:, None, None]


def conv2d_backward(
    grad_output: np.ndarray,
    images: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of images, weight and bias (None without a bias); grad_output (B, O, H_out, W_out) = g.

    The output is a sum over (i, j) of S_ij W_ij: the picture as seen at shift (i, j), times one matrix that mixes channels.
    So dW_ij = sum over pixels of g S_ij, and the gradient of S_ij is W_ij^T g. It is added to where S_ij was cut out, since a
    pixel is seen at several shifts; the padding's part is thrown away. The bias is in every pixel: db = sum of g.
    """
    padded = _pad(images, padding)
    grad_padded, grad_weight = np.zeros_like(padded), np.zeros_like(weight)
    for i, j, seen in _shifts(padded, weight.shape[2:], stride):
        grad_weight[:, :, i, j] = np.einsum("boyx,bcyx->oc", grad_output, padded[seen])
        grad_padded[seen] += np.einsum("boyx,oc->bcyx", grad_output, weight[:, :, i, j])
    height, width = images.shape[2:]
    grad_images = grad_padded[:, :, padding : padding + height, padding : padding + width]
    return grad_images, grad_weight, None if bias is None else grad_output.sum(axis=(0, 2, 3))


def _pad(images: np.ndarray, padding: int) -> np.ndarray:
    sides = (padding, padding)
    return np.pad(images, ((0, 0), (0, 0), sides, sides))


def _shifts(padded: np.ndarray, kernel: tuple[int, ...], stride: int) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """For each place (i, j) of the kernel, the pixels that it meets: a slice of the padded picture, (B, C, H_out, W_out)."""
    everything = slice(None)
    rows, columns = ((size - k) // stride * stride + 1 for size, k in zip(padded.shape[2:], kernel, strict=True))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield i, j, (everything, everything, slice(i, i + rows, stride), slice(j, j + columns, stride))
