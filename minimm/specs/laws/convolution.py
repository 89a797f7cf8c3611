"""Laws of convolution: one small pattern looked for everywhere in a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, dtypes, exactly, floats, up_to
from minimm.specs.expect import close
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats

LESSON = "lesson 12, convolution and a tiny CNN"


@st.composite
def pictures(draw: Draw, dtype: Any = dtypes) -> tuple:
    """images (B, C, H, W), weight (O, C, kH, kW), bias (O,) or None, stride, padding; the kernel fits."""
    dtype = draw(dtype)
    batch, channels, out = (draw(up_to(3)) for _ in range(3))
    kernel = draw(up_to(3)), draw(up_to(3))
    stride, padding = draw(up_to(3)), draw(st.integers(0, 2))
    size = (draw(up_to(k + 3, max(1, k - 2 * padding))) for k in kernel)
    images = floats(draw, batch, channels, *size, dtype=dtype)
    bias = floats(draw, out, dtype=dtype) if draw(st.booleans()) else None
    return images, floats(draw, out, channels, *kernel, dtype=dtype), bias, stride, padding


def naive_conv2d(images, weight, bias=None, stride=1, padding=0):
    """Output pixel by output pixel: cut the window out of the padded picture, multiply, sum."""
    batch, channels, height, width = images.shape
    out, _, k_height, k_width = weight.shape
    padded = np.zeros((batch, channels, height + 2 * padding, width + 2 * padding))
    padded[:, :, padding : padding + height, padding : padding + width] = images
    rows, columns = (padded.shape[2] - k_height) // stride + 1, (padded.shape[3] - k_width) // stride + 1
    result = np.zeros((batch, out, rows, columns))
    for b, o, y, x in np.ndindex(result.shape):
        window = padded[b, :, y * stride : y * stride + k_height, x * stride : x * stride + k_width]
        result[b, o, y, x] = (window * weight[o]).sum() + (0.0 if bias is None else bias[o])
    return result


class Conv2d(Spec):
    """output[b, o, y, x] = bias[o] + sum over c, i, j of weight[o, c, i, j] * padded[b, c, y * stride + i, x * stride + j]."""

    signature = "conv2d(images, weight, bias=None, stride=1, padding=0)"
    shapes = (
        "images (B, C, H, W), weight (O, C, kH, kW), bias (O,) -> (B, O, H_out, W_out) with "
        "H_out = (H + 2 padding - kH) // stride + 1; zeros on all four sides; the kernel is not flipped"
    )
    lesson = LESSON
    example = (np.arange(24.0).reshape(1, 2, 3, 4), np.ones((3, 2, 2, 2)))
    reference = staticmethod(naive_conv2d)

    @staticmethod
    def returns(images, weight, bias=None, stride=1, padding=0):
        sizes = ((n + 2 * padding - k) // stride + 1 for n, k in zip(images.shape[2:], weight.shape[2:], strict=True))
        return Floats((images.shape[0], weight.shape[0], *sizes))

    @law(
        "a 1 x 1 kernel mixes the channels of each pixel and looks no further",
        st.integers(1, 3),
        st.integers(1, 3),
        hint="With one pixel in the window, the sum runs over the channels alone.",
    )
    def one_pixel(conv2d, channels, out):
        images = np.arange(channels * 6.0).reshape(1, channels, 2, 3)
        weight = np.arange(out * channels, dtype=np.float64).reshape(out, channels, 1, 1) + 1
        wanted = np.stack([sum(weight[o, c, 0, 0] * images[0, c] for c in range(channels)) for o in range(out)])[None]
        close(conv2d(images, weight), wanted, "the output of a 1 x 1 kernel")

    @law(
        "a picture with one bright pixel gives the kernel back, upside down and mirrored",
        st.integers(1, 3),
        st.integers(1, 3),
        hint="The window moves, the kernel does not turn: weight[i, j] meets the pixel i below and j right of the corner.",
    )
    def bright_pixel(conv2d, k_height, k_width):
        kernel = np.arange(1.0, k_height * k_width + 1).reshape(1, 1, k_height, k_width)
        images = np.zeros((1, 1, 2 * k_height - 1, 2 * k_width - 1))
        images[0, 0, k_height - 1, k_width - 1] = 1.0
        close(conv2d(images, kernel), kernel[:, :, ::-1, ::-1], "the output for one bright pixel in the middle")

    @law(
        "each picture of the batch is looked at on its own",
        pictures(),
        hint="The batch is the first axis, and no sum runs over it.",
    )
    def batch_is_independent(conv2d, inputs):
        images, weight, bias, stride, padding = inputs
        together = conv2d(images, weight, bias, stride, padding)[-1:]
        alone = conv2d(images[-1:], weight, bias, stride, padding)
        close(alone, together, "the output of the last picture alone", like=(images,))

    @law(
        "each kernel makes its own channel, and its bias is added everywhere in it",
        pictures(),
        hint="weight[o] and bias[o] belong to output channel o.",
    )
    def own_channel(conv2d, inputs):
        images, weight, bias, stride, padding = inputs
        together = conv2d(images, weight, bias, stride, padding)[:, -1:]
        alone = conv2d(images, weight[-1:], None, stride, padding) + (0.0 if bias is None else bias[-1])
        close(
            alone,
            together,
            "the output channel of the last kernel, alone and with its bias added by hand",
            like=(images,),
        )

    @law(
        "a stride keeps every stride-th output, beginning with the first",
        pictures(),
        hint="The window starts at (0, 0) of the padded picture and moves by `stride` both ways.",
    )
    def strided(conv2d, inputs):
        images, weight, bias, stride, padding = inputs
        every = conv2d(images, weight, bias, 1, padding)[:, :, ::stride, ::stride]
        close(conv2d(images, weight, bias, stride, padding), every, f"the output with stride {stride}", like=(images,))

    @law(
        "padding surrounds the picture with zeros on all four sides",
        pictures(),
        hint="`padding` rows above and below, as many columns left and right, before anything else.",
    )
    def padded(conv2d, inputs):
        images, weight, bias, stride, padding = inputs
        wider = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        got = conv2d(images, weight, bias, stride, padding)
        close(got, conv2d(wider, weight, bias, stride), f"the output with padding {padding}", like=(images,))

    @law(
        "shifting the picture shifts the output",
        pictures(),
        hint="The same kernel everywhere: what depends on the place?",
    )
    def shift(conv2d, inputs):
        images, weight, _, _, _ = inputs
        zeros = np.zeros((*images.shape[:3], 6), images.dtype)
        wide = np.concatenate([zeros[..., :3], images, zeros[..., :3]], axis=3)
        moved = np.concatenate([zeros[..., :4], images, zeros[..., :2]], axis=3)
        got, wanted = conv2d(moved, weight, padding=2)[..., 1:], conv2d(wide, weight, padding=2)[..., :-1]
        close(got, wanted, "the output of a picture moved right by one pixel", like=(images,))

    @law(
        "how a picture lies in memory does not matter",
        pictures(),
        hint="A transposed array or every other column is a view with other strides; ask the array for them, or copy it.",
    )
    def layout(conv2d, inputs):
        images, weight, bias, stride, padding = inputs
        plain = conv2d(np.ascontiguousarray(images), weight, bias, stride, padding)
        for name, view in (
            ("columns side by side", np.ascontiguousarray(images.swapaxes(2, 3)).swapaxes(2, 3)),
            ("channels last", np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)),
            ("every other row of a larger picture", np.repeat(images, 2, axis=2)[:, :, ::2]),
        ):
            close(
                conv2d(view, weight, bias, stride, padding), plain, f"the output of images with {name}", like=(images,)
            )

    @law(
        "it equals the sum over the window worked out pixel by pixel",
        pictures(),
        hint="Take one output pixel of the printed picture: which window does it see?",
    )
    def agrees(conv2d, inputs):
        images, weight, bias, stride, padding = inputs
        got = conv2d(images, weight, bias=bias, stride=stride, padding=padding)
        close(got, naive_conv2d(*inputs), f"the output with stride {stride} and padding {padding}", like=(images,))
        if stride == 1 and padding == 0 and bias is None:
            close(conv2d(images, weight), naive_conv2d(*inputs), "the output", like=(images,))


class Conv2dBackward(BackwardSpec):
    """The gradient of convolution."""

    forward = Conv2d
    differentiable = ("images", "weight", "bias")
    hint = "A pixel is in several windows, a kernel number in all of them: which products hold it? Padding is cut off again."
    inputs = pictures(exactly)
