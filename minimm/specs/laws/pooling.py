"""Laws of max pooling: of each window the largest value remains."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, distinct, dtypes, exactly, floats, up_to
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats


@st.composite
def pictures(draw: Draw, dtype: Any = dtypes, no_ties: bool = False) -> tuple:
    """images (B, C, H, W), kernel_size, stride or None; the window fits, and some pixels may be left over."""
    kernel_size = draw(up_to(3))
    sizes = draw(up_to(2)), draw(up_to(2)), *(draw(up_to(5, kernel_size)) for _ in range(2))
    make = distinct if no_ties else floats
    images = make(draw, *sizes, dtype=draw(dtype))
    if draw(st.booleans()):
        images = images - np.asarray(40, images.dtype)  # nothing above zero
    return images, kernel_size, draw(st.sampled_from([None, None, 1, 1, 2, 3]))


def naive_max_pool2d(images: np.ndarray, kernel_size: int, stride: int | None = None) -> np.ndarray:
    """Window by window."""
    step = kernel_size if stride is None else stride
    rows, columns = ((size - kernel_size) // step + 1 for size in images.shape[2:])
    result = np.zeros((*images.shape[:2], rows, columns))
    for b, c, y, x in np.ndindex(result.shape):
        window = images[b, c, y * step : y * step + kernel_size, x * step : x * step + kernel_size]
        result[b, c, y, x] = max(window.ravel().tolist())
    return result


class MaxPool2d(Spec):
    """output[b, c, y, x] = the largest of images[b, c] in the window at (y * stride, x * stride)."""

    signature = "max_pool2d(images, kernel_size, stride=None)"
    shapes = (
        "images (B, C, H, W), stride None = kernel_size -> (B, C, H_out, W_out) with "
        "H_out = (H - kernel_size) // stride + 1; what no whole window covers is dropped"
    )
    lesson = "lesson 12, convolution and a tiny CNN"
    example = (np.arange(16.0).reshape(1, 1, 4, 4), 2)
    reference = staticmethod(naive_max_pool2d)

    @staticmethod
    def returns(images, kernel_size, stride=None):
        step = kernel_size if stride is None else stride
        return Floats((*images.shape[:2], *((size - kernel_size) // step + 1 for size in images.shape[2:])))

    @law(
        "a window of one pixel with stride 1 changes nothing",
        pictures(),
        hint="The largest of one number is that number.",
    )
    def one_pixel(max_pool2d, inputs):
        images, _, _ = inputs
        close(max_pool2d(images, 1), images, "the output with kernel_size 1", like=(images,))

    @law(
        "every output is one of the pixels, also where all are negative",
        pictures(),
        hint="With what do you begin before you have seen a pixel? Zero is larger than -1.",
    )
    def is_a_pixel(max_pool2d, inputs):
        images, kernel_size, stride = inputs
        output = max_pool2d(images, kernel_size, stride)
        nearest = np.abs(output[..., None] - images.ravel()).min(axis=-1, initial=np.inf)
        holds(nearest < 1e-4, "the output", output, "made of pixels of the picture")

    @law(
        "one window over a whole square picture gives its maximum",
        pictures(),
        hint="Of all pixels in the window, over both axes.",
    )
    def whole(max_pool2d, inputs):
        images = inputs[0]
        side = min(images.shape[2:])
        square = images[:, :, :side, :side]
        wanted = square.max(axis=(2, 3), keepdims=True)
        close(max_pool2d(square, side), wanted, "the output of one window over everything", like=(images,))

    @law(
        "without a stride the windows lie side by side",
        pictures(),
        hint="stride=None means kernel_size.",
    )
    def default_stride(max_pool2d, inputs):
        images, kernel_size, _ = inputs
        got, wanted = max_pool2d(images, kernel_size), max_pool2d(images, kernel_size, stride=kernel_size)
        close(got, wanted, "the output without a stride", like=(images,))

    @law(
        "a brighter pixel never makes an output darker, and adding a constant adds it to every output",
        pictures(),
        hint="A maximum is neither a mean nor a sum.",
    )
    def grows(max_pool2d, inputs):
        images, kernel_size, stride = inputs
        three = np.asarray(3, images.dtype)
        got = max_pool2d(images + three, kernel_size, stride)
        close(got, max_pool2d(images, kernel_size, stride) + three, "the output for images + 3", like=(images,))
        brighter = np.array(images)
        brighter[:, :, 0, 0] += 9
        rise = max_pool2d(brighter, kernel_size, stride) - max_pool2d(images, kernel_size, stride)
        holds(rise >= 0, "how much the outputs rise when one pixel gets brighter", rise, "0 or more")

    @law(
        "each channel of each picture is looked at on its own",
        pictures(),
        hint="The windows run over the last two axes alone.",
    )
    def on_its_own(max_pool2d, inputs):
        images, kernel_size, stride = inputs
        together = max_pool2d(images, kernel_size, stride)[-1:, -1:]
        alone = max_pool2d(images[-1:, -1:], kernel_size, stride)
        close(alone, together, "the output of the last channel of the last picture alone", like=(images,))

    @law(
        "it equals the maximum worked out window by window",
        pictures(),
        hint="Which window does the printed output pixel see?",
    )
    def agrees(max_pool2d, inputs):
        images, kernel_size, stride = inputs
        got = max_pool2d(images, kernel_size, stride=stride)
        close(got, naive_max_pool2d(*inputs), "the output", like=(images,))


class MaxPool2dBackward(BackwardSpec):
    """The gradient of max pooling, where no two pixels of a window are equal."""

    forward = MaxPool2d
    differentiable = ("images",)
    hint = "Only the largest pixel of a window gets its gradient; windows that overlap add theirs up."
    inputs = pictures(exactly, no_ties=True)

    @law(
        "a pixel that is the largest of several windows adds up what it gets from each",
        st.lists(st.sampled_from([1.0, 2.0, -1.0, 0.5]), min_size=4, max_size=4),
        hint="`grad[index] += ...` with the same index twice adds once; what does np.add.at do?",
    )
    def overlapping(max_pool2d_backward, incoming):
        images = np.arange(9.0).reshape(1, 1, 3, 3)
        images[0, 0, 1, 1] = 100.0  # in the middle, so that all four 2 x 2 windows see it
        got = max_pool2d_backward(np.array(incoming).reshape(1, 1, 2, 2), images, 2, 1)
        wanted = np.zeros((1, 1, 3, 3))
        wanted[0, 0, 1, 1] = sum(incoming)
        close(got, wanted, "the gradient of images")

    @law(
        "without a stride the windows lie side by side",
        pictures(exactly, no_ties=True),
        hint="stride=None means kernel_size, here as in the forward pass.",
    )
    def default_stride(max_pool2d_backward, inputs):
        images, kernel_size, _ = inputs
        images = np.concatenate([images, images + 100.0], axis=3)
        incoming = np.ones_like(naive_max_pool2d(images, kernel_size))
        got, wanted = (max_pool2d_backward(incoming, images, kernel_size, *stride) for stride in ((), (kernel_size,)))
        close(got, wanted, "the gradient of images without a stride")
