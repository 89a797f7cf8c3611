"""Convolution as a matrix product over patches.

    output[b, o, y, x] = bias[o] + sum_{c, i, j} weight[o, c, i, j] * padded[b, c, y * stride + i, x * stride + j]

(Cross-correlation, as in every deep-learning library: the kernel is not flipped.) The sum over c, i, j is a dot
product, so all patches laid out as rows of one matrix times all kernels as columns of another gives every output at
once ("im2col", Chellapilla et al. 2006). Going back, each patch's gradient is added to where its pixels came from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import check


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many times a window of `kernel` pixels, moved by `stride`, fits into `size` pixels with `padding` on both sides."""
    return (size + 2 * padding - kernel) // stride + 1


def gather_patches(images: Tensor, kernel: tuple[int, int], stride: int, padding: int) -> Tensor:
    """(B, H, W, C) -> (B, H_out, W_out, kH, kW, C): for each output pixel, the window that it sees."""
    _, height, width, channels = images.shape
    out_height = output_size(height, kernel[0], stride, padding)
    out_width = output_size(width, kernel[1], stride, padding)
    padded = nn.functional.pad(images, (0, 0, padding, padding, padding, padding)) if padding else images
    views = []
    for i in range(kernel[0]):
        rows = padded[:, i : i + stride * (out_height - 1) + 1 : stride].flatten(2)  # (B, H_out, W * C)
        # One row of a window is kW pixels with their channels side by side in memory: one copy for all columns.
        views.append(rows.unfold(2, kernel[1] * channels, stride * channels)[:, :, :out_width])
    return torch.stack(views, dim=3).unflatten(4, (kernel[1], channels))


def scatter_patches(patches: Tensor, height: int, width: int, stride: int, padding: int) -> Tensor:
    """The transpose of `gather_patches`: each patch is added to where it was cut out, giving (B, H, W, C)."""
    batch, out_height, out_width, kernel_height, kernel_width, channels = patches.shape
    padded = patches.new_zeros(batch, height + 2 * padding, width + 2 * padding, channels)
    for i in range(kernel_height):
        for j in range(kernel_width):
            rows = slice(i, i + stride * (out_height - 1) + 1, stride)
            columns = slice(j, j + stride * (out_width - 1) + 1, stride)
            padded[:, rows, columns] += patches[:, :, :, i, j]
    return padded[:, padding : padding + height, padding : padding + width]


class _PatchProduct(torch.autograd.Function):
    """images (B, H, W, C) * weight (O, kH, kW, C) -> (B, H_out, W_out, O).

    With P the patches as rows and W the kernels as rows: Y = P W^T, so dW = dY^T P and dP = dY W, and the pixels'
    gradient is dP scattered back. Autograd would find the same through every copy of `gather_patches`, at several
    times the cost.
    """

    @staticmethod
    def forward(ctx, images: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        kernel = (weight.shape[1], weight.shape[2])
        patches = gather_patches(images, kernel, stride, padding)
        flat = patches.flatten(3)  # (B, H_out, W_out, kH * kW * C)
        ctx.save_for_backward(flat, weight)
        ctx.geometry = (patches.shape, images.shape[1], images.shape[2], stride, padding)
        return flat @ weight.flatten(1).T  # (B, H_out, W_out, O)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        flat, weight = ctx.saved_tensors
        patch_shape, height, width, stride, padding = ctx.geometry
        images_gradient = weight_gradient = None
        if ctx.needs_input_grad[0]:
            patch_gradient = (gradient @ weight.flatten(1)).view(patch_shape)
            images_gradient = scatter_patches(patch_gradient, height, width, stride, padding)
        if ctx.needs_input_grad[1]:
            weight_gradient = (gradient.flatten(0, 2).T @ flat.flatten(0, 2)).view(weight.shape)
        return images_gradient, weight_gradient, None, None


def conv2d_channels_last(
    images: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0
) -> Tensor:
    """Convolution with the channels on the last axis, where a patch's numbers lie side by side in memory.

    Args:
        images: (B, H, W, C). weight: (O, C, kH, kW). bias: (O,) or None. padding: zeros on all four sides.

    Returns:
        (B, H_out, W_out, O) with H_out = (H + 2 padding - kH) // stride + 1.
    """
    check(
        images.ndim == 4 and weight.ndim == 4,
        f"conv2d needs images (B, H, W, C) and weight (O, C, kH, kW), "
        f"but got {tuple(images.shape)} and {tuple(weight.shape)}",
    )
    channels, kernel_height, kernel_width = weight.shape[1:]
    check(
        images.shape[3] == channels,
        f"the pictures have {images.shape[3]} channels but the kernels want {channels} (weight {tuple(weight.shape)})",
    )
    check(
        bias is None or bias.shape == weight.shape[:1],
        f"weight {tuple(weight.shape)} needs a bias ({len(weight)},), but it is {None if bias is None else tuple(bias.shape)}",
    )
    check(
        stride >= 1 and padding >= 0,
        f"stride must be at least 1 and padding at least 0, but they are {stride} and {padding}",
    )
    check(
        images.shape[1] + 2 * padding >= kernel_height and images.shape[2] + 2 * padding >= kernel_width,
        f"a {kernel_height} x {kernel_width} kernel does not fit into a {images.shape[1]} x {images.shape[2]} picture "
        f"with padding {padding}; use a smaller kernel or more padding",
    )
    if torch.is_autocast_enabled(images.device.type):  # a custom Function is not cast by autocast, so do it here
        dtype = torch.get_autocast_dtype(images.device.type)
        images, weight = images.to(dtype), weight.to(dtype)
    output = _PatchProduct.apply(images, weight.permute(0, 2, 3, 1), stride, padding)
    return output if bias is None else output + bias


def conv2d(images: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """The same with PyTorch's order of axes: (B, C, H, W) and (O, C, kH, kW) -> (B, O, H_out, W_out)."""
    check(images.ndim == 4, f"conv2d needs images (B, C, H, W), but got {tuple(images.shape)}")
    output = conv2d_channels_last(images.permute(0, 2, 3, 1), weight, bias, stride, padding)
    return output.permute(0, 3, 1, 2)


class Conv2d(nn.Module):
    """`conv2d_channels_last` with learned kernels (O, C, k, k) and biases (O,)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.stride = stride
        self.padding = padding

    def forward(self, images: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, H_out, W_out, O)"""
        return conv2d_channels_last(images, self.weight, self.bias, self.stride, self.padding)
