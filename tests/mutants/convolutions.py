"""Planted: conv2d and max_pool2d, and their gradients.

What goes wrong: the kernel is turned, stride or padding reaches one axis or one side, channels are mixed or averaged, the
output is one pixel too large or too small; in pooling, what the search for the maximum begins with. In the gradients,
windows that overlap overwrite each other, or the padding is not cut off again.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from mutants.catalogue import right, wrong


def _pad(images, padding):
    return np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def _windows(images, size, stride):
    """(B, C, H_out, W_out, kH, kW): what each output pixel sees."""
    return sliding_window_view(images, size, axis=(2, 3))[:, :, ::stride, ::stride]


def _dot(windows, weight, bias=None):
    """(B, O, H_out, W_out)"""
    output = np.einsum("bcyxij,ocij->boyx", windows, weight)
    return output if bias is None else output + bias[:, None, None]


def _bias_gradient(grad_output, bias):
    return None if bias is None else grad_output.sum(axis=(0, 2, 3))


def _weight_gradient(grad_output, images, weight, stride, padding):
    return np.einsum("boyx,bcyxij->ocij", grad_output, _windows(_pad(images, padding), weight.shape[2:], stride))


def _spread(grad_output, shape, weight, stride):
    """The gradient of the padded pictures: every output pixel gives to the window it saw."""
    grad = np.zeros(shape, grad_output.dtype)
    for y, x in np.ndindex(grad_output.shape[2:]):
        window = grad[:, :, y * stride : y * stride + weight.shape[2], x * stride : x * stride + weight.shape[3]]
        window += np.einsum("bo,ocij->bcij", grad_output[:, :, y, x], weight)
    return grad


def _image_gradient(grad_output, images, weight, stride, padding):
    grad = _spread(grad_output, _pad(images, padding).shape, weight, stride)
    return grad[:, :, padding : padding + images.shape[2], padding : padding + images.shape[3]]


def _pool_gradient(grad_output, images, size, stride, share):
    """Every output gives to its window what `share(window)` says of each pixel."""
    grad = np.zeros(images.shape, images.dtype)
    for b, c, y, x in np.ndindex(grad_output.shape):
        place = (b, c, slice(y * stride, y * stride + size), slice(x * stride, x * stride + size))
        grad[place] += grad_output[b, c, y, x] * share(images[place])
    return grad


# conv2d


@wrong("conv2d", "kernel flipped, as a mathematician's convolution does")
def conv2d_flipped(images, weight, bias=None, stride=1, padding=0):
    flipped = weight[:, :, ::-1, ::-1]
    return _dot(_windows(_pad(images, padding), weight.shape[2:], stride), flipped, bias)


@wrong("conv2d", "kernel transposed: height and width swapped")
def conv2d_kernel_transposed(images, weight, bias=None, stride=1, padding=0):
    weight = weight.swapaxes(2, 3)
    return _dot(_windows(_pad(images, padding), weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "height of the kernel used for its width too")
def conv2d_square_kernel(images, weight, bias=None, stride=1, padding=0):
    k = weight.shape[2]
    return _dot(_windows(_pad(images, padding), (k, k), stride), weight, bias)


@wrong("conv2d", "stride for the rows alone")
def conv2d_stride_rows(images, weight, bias=None, stride=1, padding=0):
    windows = _windows(_pad(images, padding), weight.shape[2:], 1)[:, :, ::stride]
    return _dot(windows, weight, bias)


@wrong("conv2d", "stride ignored")
def conv2d_no_stride(images, weight, bias=None, stride=1, padding=0):
    return _dot(_windows(_pad(images, padding), weight.shape[2:], 1), weight, bias)


@wrong("conv2d", "output size counts the stride, windows move by one pixel")
def conv2d_stride_in_size_only(images, weight, bias=None, stride=1, padding=0):
    windows = _windows(_pad(images, padding), weight.shape[2:], 1)
    rows, columns = ((n - 1) // stride + 1 for n in windows.shape[2:4])
    return _dot(windows[:, :, :rows, :columns], weight, bias)


@wrong("conv2d", "stride keeps the last of every group instead of the first")
def conv2d_stride_from_end(images, weight, bias=None, stride=1, padding=0):
    output = _dot(_windows(_pad(images, padding), weight.shape[2:], 1), weight, bias)
    return output[:, :, stride - 1 :: stride, stride - 1 :: stride]


@wrong("conv2d", "stride taken for dilation")
def conv2d_dilated(images, weight, bias=None, stride=1, padding=0):
    span = [stride * (k - 1) + 1 for k in weight.shape[2:]]
    return _dot(_windows(_pad(images, padding), span, 1)[..., ::stride, ::stride], weight, bias)


@wrong("conv2d", "output size rounded up")
def conv2d_ceil(images, weight, bias=None, stride=1, padding=0):
    images = np.pad(_pad(images, padding), ((0, 0), (0, 0), (0, stride - 1), (0, stride - 1)))
    return _dot(_windows(images, weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "the last window of rows and columns left out")
def conv2d_range_too_short(images, weight, bias=None, stride=1, padding=0):
    padded, (k_height, k_width) = _pad(images, padding), weight.shape[2:]
    rows, columns = range(0, padded.shape[2] - k_height, stride), range(0, padded.shape[3] - k_width, stride)
    output = np.zeros((len(images), len(weight), len(rows), len(columns)), images.dtype)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            window = padded[:, :, y : y + k_height, x : x + k_width]
            output[:, :, i, j] = np.tensordot(window, weight, axes=([1, 2, 3], [1, 2, 3]))
    return output if bias is None else output + bias[:, None, None]


@wrong("conv2d", "padding on top and on the left alone")
def conv2d_pad_one_side(images, weight, bias=None, stride=1, padding=0):
    padded = np.pad(images, ((0, 0), (0, 0), (padding, 0), (padding, 0)))
    return _dot(_windows(padded, weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "all the padding on one side: the size is right")
def conv2d_pad_shifted(images, weight, bias=None, stride=1, padding=0):
    padded = np.pad(images, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    return _dot(_windows(padded, weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "padding for the rows alone")
def conv2d_pad_rows(images, weight, bias=None, stride=1, padding=0):
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (0, 0)))
    return _dot(_windows(padded, weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "padding repeats the pixels of the edge")
def conv2d_pad_edge(images, weight, bias=None, stride=1, padding=0):
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="edge")
    return _dot(_windows(padded, weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "padding ignored")
def conv2d_no_padding(images, weight, bias=None, stride=1, padding=0):
    return _dot(_windows(images, weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "padded so that the size stays, whatever padding says")
def conv2d_same(images, weight, bias=None, stride=1, padding=0):
    return _dot(_windows(_pad(images, weight.shape[2] // 2), weight.shape[2:], stride), weight, bias)


@wrong("conv2d", "zeros set around the output instead of the picture")
def conv2d_pad_after(images, weight, bias=None, stride=1, padding=0):
    return _pad(_dot(_windows(images, weight.shape[2:], stride), weight, bias), padding)


@wrong("conv2d", "bias forgotten")
def conv2d_no_bias(images, weight, bias=None, stride=1, padding=0):
    return _dot(_windows(_pad(images, padding), weight.shape[2:], stride), weight)


@wrong("conv2d", "bias added once for each input channel")
def conv2d_bias_per_channel(images, weight, bias=None, stride=1, padding=0):
    output = 0
    for c in range(images.shape[1]):
        channel = _pad(images[:, c : c + 1], padding)
        output = output + _dot(_windows(channel, weight.shape[2:], stride), weight[:, c : c + 1], bias)
    return output


@wrong("conv2d", "bias broadcast along the width")
def conv2d_bias_on_columns(images, weight, bias=None, stride=1, padding=0):
    output = _dot(_windows(_pad(images, padding), weight.shape[2:], stride), weight)
    return output if bias is None else output + bias


@wrong("conv2d", "mean over the channels instead of their sum")
def conv2d_channel_mean(images, weight, bias=None, stride=1, padding=0):
    return _dot(_windows(_pad(images, padding), weight.shape[2:], stride), weight / weight.shape[1], bias)


@wrong("conv2d", "first channel alone")
def conv2d_first_channel(images, weight, bias=None, stride=1, padding=0):
    return _dot(_windows(_pad(images[:, :1], padding), weight.shape[2:], stride), weight[:, :1], bias)


@wrong("conv2d", "depthwise: each kernel sees one channel")
def conv2d_depthwise(images, weight, bias=None, stride=1, padding=0):
    own = np.arange(len(weight)) % weight.shape[1]
    windows = _windows(_pad(images, padding), weight.shape[2:], stride)[:, own]
    output = np.einsum("boyxij,oij->boyx", windows, weight[np.arange(len(weight)), own])
    return output if bias is None else output + bias[:, None, None]


@wrong("conv2d", "sums over the batch")
def conv2d_batch_summed(images, weight, bias=None, stride=1, padding=0):
    output = _dot(_windows(_pad(images, padding), weight.shape[2:], stride), weight, bias)
    return np.broadcast_to(output.sum(axis=0), output.shape).copy()


@wrong("conv2d", "channels last in the output")
def conv2d_channels_last(images, weight, bias=None, stride=1, padding=0):
    return np.moveaxis(_dot(_windows(_pad(images, padding), weight.shape[2:], stride), weight, bias), 1, -1)


@wrong("conv2d", "columns gathered as (pixel, window) but reshaped straight to (O, H_out, W_out)")
def conv2d_wrong_reshape(images, weight, bias=None, stride=1, padding=0):
    windows = np.moveaxis(_windows(_pad(images, padding), weight.shape[2:], stride), 1, 3)
    batch, rows, columns = windows.shape[:3]
    product = windows.reshape(batch, rows * columns, -1) @ weight.reshape(len(weight), -1).T
    output = product.reshape(batch, len(weight), rows, columns)
    return output if bias is None else output + bias[:, None, None]


@wrong("conv2d", "strides worked out by hand, as if rows always lay one after the other")
def conv2d_contiguous_only(images, weight, bias=None, stride=1, padding=0):
    padded, (k_height, k_width) = (_pad(images, padding) if padding else images).copy(order="K"), weight.shape[2:]
    batch, channels, height, width = padded.shape
    size = (batch, channels, height - k_height + 1, width - k_width + 1, k_height, k_width)
    jumps = [padded.itemsize * n for n in (channels * height * width, height * width, width, 1, width, 1)]
    return _dot(as_strided(padded, size, jumps)[:, :, ::stride, ::stride], weight, bias)


@right("conv2d", "one matrix product over gathered windows")
def conv2d_columns(images, weight, bias=None, stride=1, padding=0):
    windows = np.moveaxis(_windows(_pad(images, padding), weight.shape[2:], stride), 1, 3)  # (B, H, W, C, kH, kW)
    output = windows.reshape(*windows.shape[:3], -1) @ weight.reshape(len(weight), -1).T
    return np.moveaxis(output if bias is None else output + bias, -1, 1)


@right("conv2d", "one shifted picture for each kernel pixel")
def conv2d_taps(images, weight, bias=None, stride=1, padding=0):
    padded = _pad(images, padding)
    rows, columns = ((n - k) // stride + 1 for n, k in zip(padded.shape[2:], weight.shape[2:], strict=True))
    output = np.zeros((len(images), len(weight), rows, columns), images.dtype)
    for i, j in np.ndindex(weight.shape[2:]):
        shifted = padded[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
        output += np.einsum("oc,bcyx->boyx", weight[:, :, i, j], shifted[:, :, :rows, :columns])
    return output if bias is None else output + bias[:, None, None]


@right("conv2d", "a product of Fourier transforms")
def conv2d_fourier(images, weight, bias=None, stride=1, padding=0):
    padded, (k_height, k_width) = _pad(images, padding), weight.shape[2:]
    size = padded.shape[2:]
    spectrum = np.fft.fft2(padded)[:, None] * np.fft.fft2(weight, s=size).conj()  # the conjugate does not flip
    output = np.fft.ifft2(spectrum.sum(axis=2)).real[:, :, : size[0] - k_height + 1, : size[1] - k_width + 1]
    output = output[:, :, ::stride, ::stride].astype(images.dtype)
    return output if bias is None else output + bias[:, None, None]


# max_pool2d


@wrong("max_pool2d", "the search begins with zero")
def max_pool2d_from_zero(images, kernel_size, stride=None):
    windows = _windows(images, (kernel_size, kernel_size), stride or kernel_size)
    return windows.max(axis=(-2, -1), initial=0)


@wrong("max_pool2d", "stride is 1 when none is given")
def max_pool2d_stride_one(images, kernel_size, stride=None):
    return _windows(images, (kernel_size, kernel_size), stride or 1).max(axis=(-2, -1))


@wrong("max_pool2d", "stride ignored, always kernel_size")
def max_pool2d_no_stride(images, kernel_size, stride=None):
    return _windows(images, (kernel_size, kernel_size), kernel_size).max(axis=(-2, -1))


@wrong("max_pool2d", "mean instead of maximum")
def max_pool2d_mean(images, kernel_size, stride=None):
    return _windows(images, (kernel_size, kernel_size), stride or kernel_size).mean(axis=(-2, -1))


@wrong("max_pool2d", "largest absolute value, without its sign")
def max_pool2d_absolute(images, kernel_size, stride=None):
    return np.abs(_windows(images, (kernel_size, kernel_size), stride or kernel_size)).max(axis=(-2, -1))


@wrong("max_pool2d", "output size rounded up: a partial window counts")
def max_pool2d_ceil(images, kernel_size, stride=None):
    step = stride or kernel_size
    more = [-(n - kernel_size) % step for n in images.shape[2:]]
    padded = np.pad(images, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=-np.inf)
    return _windows(padded, (kernel_size, kernel_size), step).max(axis=(-2, -1))


@wrong("max_pool2d", "the last window left out")
def max_pool2d_range_too_short(images, kernel_size, stride=None):
    windows = _windows(images[:, :, :-1, :-1], (kernel_size, kernel_size), stride or kernel_size)
    return windows.max(axis=(-2, -1))


@wrong("max_pool2d", "side by side by reshape: fails when pixels are left over")
def max_pool2d_must_divide(images, kernel_size, stride=None):
    if stride not in (None, kernel_size):
        return _windows(images, (kernel_size, kernel_size), stride).max(axis=(-2, -1))
    batch, channels, height, width = images.shape
    blocks = images.reshape(batch, channels, height // kernel_size, kernel_size, width // kernel_size, kernel_size)
    return blocks.max(axis=(3, 5))


@wrong("max_pool2d", "reshaped into blocks with the axes in the wrong order")
def max_pool2d_wrong_reshape(images, kernel_size, stride=None):
    windows = _windows(images, (kernel_size, kernel_size), stride or kernel_size)
    batch, channels, rows, columns = windows.shape[:4]
    pixels = windows.transpose(0, 1, 2, 4, 3, 5)
    return pixels.reshape(batch, channels, rows, columns, -1).max(axis=-1)


@wrong("max_pool2d", "padded by half a window, as convolutions often are")
def max_pool2d_padded(images, kernel_size, stride=None):
    half = kernel_size // 2
    padded = np.pad(images, ((0, 0), (0, 0), (half, half), (half, half)), constant_values=-np.inf)
    return _windows(padded, (kernel_size, kernel_size), stride or kernel_size).max(axis=(-2, -1))


@wrong("max_pool2d", "over the channels as well")
def max_pool2d_channels(images, kernel_size, stride=None):
    pooled = _windows(images, (kernel_size, kernel_size), stride or kernel_size).max(axis=(-2, -1))
    return np.broadcast_to(pooled.max(axis=1, keepdims=True), pooled.shape).copy()


@wrong("max_pool2d", "gives back where the maxima are too")
def max_pool2d_tuple(images, kernel_size, stride=None):
    windows = _windows(images, (kernel_size, kernel_size), stride or kernel_size)
    flat = windows.reshape(*windows.shape[:4], -1)
    return flat.max(axis=-1), flat.argmax(axis=-1)


@right("max_pool2d", "rows first, then columns")
def max_pool2d_separable(images, kernel_size, stride=None):
    step = stride or kernel_size
    tall = sliding_window_view(images, kernel_size, axis=2)[:, :, ::step].max(axis=-1)
    return sliding_window_view(tall, kernel_size, axis=3)[:, :, :, ::step].max(axis=-1)


@right("max_pool2d", "a running maximum over shifted pictures")
def max_pool2d_running(images, kernel_size, stride=None):
    step = stride or kernel_size
    rows, columns = (n - kernel_size + 1 for n in images.shape[2:])
    best = np.full((*images.shape[:2], rows, columns), -np.inf, images.dtype)
    for i, j in np.ndindex(kernel_size, kernel_size):
        best = np.maximum(best, images[:, :, i : i + rows, j : j + columns])
    return best[:, :, ::step, ::step]


# conv2d_backward


@wrong("conv2d_backward", "padding not cut off again")
def conv2d_backward_padded(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_images = _spread(grad_output, _pad(images, padding).shape, weight, stride)
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    return grad_images, grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "padding cut off at the far side alone")
def conv2d_backward_far_side(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_padded = _spread(grad_output, _pad(images, padding).shape, weight, stride)
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    return grad_padded[:, :, : images.shape[2], : images.shape[3]], grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "padding cut off with padding:-padding, which is empty for 0")
def conv2d_backward_empty(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_padded = _spread(grad_output, _pad(images, padding).shape, weight, stride)
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    return grad_padded[:, :, padding:-padding, padding:-padding], grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "windows that overlap overwrite each other")
def conv2d_backward_overwritten(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad, (k_height, k_width) = np.zeros_like(_pad(images, padding)), weight.shape[2:]
    for y, x in np.ndindex(grad_output.shape[2:]):
        rows, columns = slice(y * stride, y * stride + k_height), slice(x * stride, x * stride + k_width)
        grad[:, :, rows, columns] = np.einsum("bo,ocij->bcij", grad_output[:, :, y, x], weight)
    grad_images = grad[:, :, padding : padding + images.shape[2], padding : padding + images.shape[3]]
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    return grad_images, grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "kernel flipped once too often in the gradient of the images")
def conv2d_backward_flipped(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_images = _image_gradient(grad_output, images, weight[:, :, ::-1, ::-1], stride, padding)
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    return grad_images, grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "stride forgotten in the gradient of the images")
def conv2d_backward_no_stride(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_images = _image_gradient(grad_output, images, weight, 1, padding)
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    return grad_images, grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "gradient of the weight flipped")
def conv2d_backward_weight_flipped(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)[:, :, ::-1, ::-1]
    return _image_gradient(grad_output, images, weight, stride, padding), grad_weight, _bias_gradient(grad_output, bias)


@wrong("conv2d_backward", "weight and bias averaged over the batch")
def conv2d_backward_batch_mean(grad_output, images, weight, bias=None, stride=1, padding=0):
    mean = grad_output / len(images)
    grad_weight = _weight_gradient(mean, images, weight, stride, padding)
    return _image_gradient(grad_output, images, weight, stride, padding), grad_weight, _bias_gradient(mean, bias)


@wrong("conv2d_backward", "a gradient of the bias where there is none")
def conv2d_backward_no_none(grad_output, images, weight, bias=None, stride=1, padding=0):
    grad_weight = _weight_gradient(grad_output, images, weight, stride, padding)
    grad_bias = grad_output.sum(axis=(0, 2, 3))
    return _image_gradient(grad_output, images, weight, stride, padding), grad_weight, grad_bias


@right("conv2d_backward", "one shifted picture for each kernel pixel")
def conv2d_backward_taps(grad_output, images, weight, bias=None, stride=1, padding=0):
    padded, (rows, columns) = _pad(images, padding), grad_output.shape[2:]
    grad_padded, grad_weight = np.zeros_like(padded), np.zeros_like(weight)
    for i, j in np.ndindex(weight.shape[2:]):
        seen = (..., slice(i, i + stride * rows, stride), slice(j, j + stride * columns, stride))
        grad_weight[:, :, i, j] = np.einsum("boyx,bcyx->oc", grad_output, padded[seen])
        grad_padded[seen] += np.einsum("boyx,oc->bcyx", grad_output, weight[:, :, i, j])
    height, width = images.shape[2:]
    grad_images = grad_padded[:, :, padding : padding + height, padding : padding + width]
    return grad_images, grad_weight, _bias_gradient(grad_output, bias)


# max_pool2d_backward


@wrong("max_pool2d_backward", "spread evenly over the window")
def max_pool2d_backward_even(grad_output, images, kernel_size, stride=None):
    step, share = stride or kernel_size, 1 / kernel_size**2
    return _pool_gradient(grad_output, images, kernel_size, step, lambda window: share)


@wrong("max_pool2d_backward", "every pixel of the window gets all of it")
def max_pool2d_backward_all(grad_output, images, kernel_size, stride=None):
    return _pool_gradient(grad_output, images, kernel_size, stride or kernel_size, np.ones_like)


@wrong("max_pool2d_backward", "multiplied by the pixel itself")
def max_pool2d_backward_times(grad_output, images, kernel_size, stride=None):
    step = stride or kernel_size
    return _pool_gradient(grad_output, images, kernel_size, step, lambda window: window * (window == window.max()))


@wrong("max_pool2d_backward", "stride is 1 when none is given")
def max_pool2d_backward_stride_one(grad_output, images, kernel_size, stride=None):
    return _pool_gradient(grad_output, images, kernel_size, stride or 1, lambda window: window == window.max())


@wrong("max_pool2d_backward", "windows that overlap overwrite each other")
def max_pool2d_backward_overwritten(grad_output, images, kernel_size, stride=None):
    grad, step = np.zeros_like(images), stride or kernel_size
    for b, c, y, x in np.ndindex(grad_output.shape):
        window = images[b, c, y * step : y * step + kernel_size, x * step : x * step + kernel_size]
        i, j = np.unravel_index(window.argmax(), window.shape)
        grad[b, c, y * step + i, x * step + j] = grad_output[b, c, y, x]
    return grad


@wrong("max_pool2d_backward", "place of the maximum counted within the window, not within the picture")
def max_pool2d_backward_local(grad_output, images, kernel_size, stride=None):
    grad, step = np.zeros_like(images), stride or kernel_size
    for b, c, y, x in np.ndindex(grad_output.shape):
        window = images[b, c, y * step : y * step + kernel_size, x * step : x * step + kernel_size]
        i, j = divmod(window.argmax(), kernel_size)
        grad[b, c, i, j] += grad_output[b, c, y, x]
    return grad


@right("max_pool2d_backward", "flat indices and np.add.at")
def max_pool2d_backward_add_at(grad_output, images, kernel_size, stride=None):
    step, (rows, columns) = stride or kernel_size, grad_output.shape[2:]
    windows = _windows(images, (kernel_size, kernel_size), step)
    i, j = divmod(windows.reshape(*grad_output.shape, -1).argmax(axis=-1), kernel_size)
    y, x = i + step * np.arange(rows)[:, None], j + step * np.arange(columns)
    b, c = np.ogrid[: images.shape[0], : images.shape[1]]
    grad = np.zeros(images.shape, images.dtype)
    np.add.at(grad, (b[..., None, None], c[..., None, None], y, x), grad_output)
    return grad
