"""The laws of normalisation, activations, positions, convolution, pooling and the contrastive loss in NumPy.

The oracle is torch: its functions and its autograd. Where it has none (rotary and sinusoidal positions) it is the formula in
another notation: complex numbers, and one cell after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawing import TOLERANCE, batches, generators, normal, sizes
from hypothesis import given
from hypothesis import strategies as st

from minimm.first_principles.activations import gelu, gelu_backward, sigmoid, silu, silu_backward
from minimm.first_principles.contrastive import contrastive_loss, contrastive_loss_backward
from minimm.first_principles.convolution import conv2d, conv2d_backward
from minimm.first_principles.normalization import layer_norm, layer_norm_backward, rms_norm, rms_norm_backward
from minimm.first_principles.pooling import max_pool2d, max_pool2d_backward
from minimm.first_principles.positions import rotary_embedding, rotary_embedding_backward, sinusoidal_positions


class Problem(NamedTuple):
    """`arrays` have gradients and come first, `others` follow them; the oracle takes torch tensors for `arrays`."""

    function: Callable
    backward: Callable
    oracle: Callable
    arrays: tuple[np.ndarray | None, ...]
    others: tuple[Any, ...] = ()


def or_default(draw, strategy: st.SearchStrategy) -> tuple[Any, ...]:
    """One value for the last argument, or none, so that its default is tried as well."""
    return draw(st.sampled_from([(), (draw(strategy),)]))


# Not smaller: torch's own layer_norm gradient of a single number, exactly 0, is off by 1e-8 when eps is 1e-12.
epsilons = st.sampled_from([1e-6, 1e-3, 0.5])


@st.composite
def layer_norm_problems(draw) -> Problem:
    batch, width = draw(batches), draw(sizes)
    x, gain, bias = normal(draw, (*batch, width), (width,), (width,))
    x = draw(st.sampled_from([1.0, 1e3])) * x + draw(st.sampled_from([0.0, 100.0]))

    def oracle(x, gain, bias, eps=1e-5):
        return F.layer_norm(x, (width,), gain, bias, eps)

    return Problem(layer_norm, layer_norm_backward, oracle, (x, gain, bias), or_default(draw, epsilons))


@st.composite
def rms_norm_problems(draw) -> Problem:
    batch, width = draw(batches), draw(sizes)
    x, gain = normal(draw, (*batch, width), (width,))
    x = draw(st.sampled_from([1.0, 1e3])) * x

    def oracle(x, gain, eps=1e-6):
        return F.rms_norm(x, (width,), gain, eps)

    return Problem(rms_norm, rms_norm_backward, oracle, (x, gain), or_default(draw, epsilons))


@st.composite
def activation_problems(draw, function: Callable, backward: Callable, oracle: Callable) -> Problem:
    batch, width = draw(batches), draw(sizes)
    (x,) = normal(draw, (*batch, width))
    return Problem(function, backward, oracle, (draw(st.sampled_from([0.0, 1.0, 10.0, 1e4])) * x,))


def turn_complex_numbers(x: torch.Tensor, positions: np.ndarray, base: float = 10000.0) -> torch.Tensor:
    """The pair (x_i, x_(i + D/2)) as the number x_i + x_(i + D/2) j, times exp(j angle)."""
    half = x.shape[-1] // 2
    frequencies = torch.tensor([base ** (-2 * i / x.shape[-1]) for i in range(half)], dtype=torch.float64)
    angles = torch.outer(as_tensor(positions).double(), frequencies)  # (T, D / 2)
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], dim=-1)


@st.composite
def rotary_problems(draw) -> Problem:
    """Positions in any order, whole or not: float64 ones must not turn a float32 x into float64."""
    batch, length, half = draw(batches), draw(sizes), draw(sizes)
    (x,) = normal(draw, (*batch, length, 2 * half))
    positions = draw(generators).integers(-100, 1000, size=length)
    positions = draw(st.sampled_from([positions, positions / 3]))
    others = (positions, *or_default(draw, st.sampled_from([2.0, 100.0, 5e5])))
    return Problem(rotary_embedding, rotary_embedding_backward, turn_complex_numbers, (x,), others)


@st.composite
def conv2d_problems(draw) -> Problem:
    """Kernels and pictures that are not square, and pictures at whose end a stride leaves pixels over."""
    batch, channels, out_channels = (draw(st.integers(1, 3)) for _ in range(3))
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    options = draw(st.sampled_from([(), (stride,), (stride, padding)]))
    around = 2 * padding if len(options) == 2 else 0
    height, width = (max(k - around, 1) + draw(st.integers(0, 5)) for k in kernel)
    shapes = (batch, channels, height, width), (out_channels, channels, *kernel), (out_channels,)
    images, weight, bias = normal(draw, *shapes)
    biases = [(bias,), (None,)] if options else [(bias,), (None,), ()]
    return Problem(conv2d, conv2d_backward, F.conv2d, (images, weight, *draw(st.sampled_from(biases))), options)


@st.composite
def max_pool2d_problems(draw) -> Problem:
    """Windows that overlap, touch or leave gaps; half of the pictures hold whole numbers, so that many pixels tie."""
    batch, channels, kernel_size = draw(sizes), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    height, width = (kernel_size + draw(st.integers(0, 6)) for _ in range(2))
    (images,) = normal(draw, (batch, channels, height, width))
    images = draw(st.sampled_from([images, np.round(images)]))
    others = (kernel_size, *or_default(draw, st.sampled_from([None, 1, 2, 3, 5])))
    return Problem(max_pool2d, max_pool2d_backward, F.max_pool2d, (images,), others)


def torch_contrastive_loss(images: torch.Tensor, texts: torch.Tensor, temperature: float) -> torch.Tensor:
    logits = F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).mT / temperature
    own = torch.arange(len(images))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.mT, own)) / 2


@st.composite
def contrastive_problems(draw) -> Problem:
    shape = draw(sizes), draw(sizes)
    arrays = normal(draw, shape, shape)
    temperature = draw(st.sampled_from([0.01, 0.07, 1.0, 5.0]))
    return Problem(contrastive_loss, contrastive_loss_backward, torch_contrastive_loss, arrays, (temperature,))


PROBLEMS = {
    "layer_norm": layer_norm_problems(),
    "rms_norm": rms_norm_problems(),
    "gelu": activation_problems(gelu, gelu_backward, F.gelu),
    "silu": activation_problems(silu, silu_backward, F.silu),
    "rotary_embedding": rotary_problems(),
    "conv2d": conv2d_problems(),
    "max_pool2d": max_pool2d_problems(),
    "contrastive_loss": contrastive_problems(),
}
for_every_function = pytest.mark.parametrize("name", PROBLEMS)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def several(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def draw_incoming(draw, problem: Problem) -> np.ndarray | float:
    """A normal gradient of the function's result: an array of its shape, or a float for a loss."""
    result = problem.function(*problem.arrays, *problem.others)
    (incoming,) = normal(draw, np.shape(result))
    return float(incoming) if isinstance(result, float) else incoming


def assert_same(actual: np.ndarray | float, expected: torch.Tensor) -> None:
    assert np.shape(actual) == tuple(expected.shape)
    np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=0, atol=TOLERANCE)


@for_every_function
@given(data=st.data())
def test_the_value_and_every_gradient_equal_torchs(name, data):
    problem = data.draw(PROBLEMS[name])
    incoming = draw_incoming(data.draw, problem)
    in_torch = [None if x is None else as_tensor(x).requires_grad_() for x in problem.arrays]
    expected = problem.oracle(*in_torch, *problem.others)
    assert_same(problem.function(*problem.arrays, *problem.others), expected)

    gradients = several(problem.backward(incoming, *problem.arrays, *problem.others))
    leaves = [x for x in in_torch if x is not None]
    if name == "conv2d" and len(leaves) == 2:
        *gradients, of_no_bias = gradients
        assert of_no_bias is None
    expected_gradients = torch.autograd.grad(expected, leaves, as_tensor(incoming))
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_same(gradient, expected_gradient)


@for_every_function
@given(data=st.data())
def test_the_precision_that_comes_in_is_the_one_that_goes_out_and_arguments_stay_as_they_were(name, data):
    problem = data.draw(PROBLEMS[name])
    incoming = draw_incoming(data.draw, problem)
    for dtype in (np.float32, np.float64):
        arrays = [None if x is None else x.astype(dtype) for x in problem.arrays]
        grad_output = incoming if isinstance(incoming, float) else incoming.astype(dtype)
        given_in = [grad_output, *arrays, *problem.others]
        before = [np.copy(x) for x in given_in]
        result = problem.function(*given_in[1:])
        gradients = several(problem.backward(*given_in))
        for copy, left in zip(before, given_in, strict=True):
            np.testing.assert_array_equal(left, copy)
        if name == "contrastive_loss":
            assert type(result) is float
        else:
            assert result.dtype == dtype
        assert {gradient.dtype for gradient in gradients if gradient is not None} == {np.dtype(dtype)}


@given(generators, batches, st.sampled_from([1e-12, 1e-5, 0.5]))
def test_a_layer_norm_of_single_numbers_gives_the_bias_whatever_they_are_and_no_gradient_passes(generator, batch, eps):
    x, grad_output = 1e3 * generator.standard_normal((*batch, 1)), generator.standard_normal((*batch, 1))
    gain, bias = generator.standard_normal(1), generator.standard_normal(1)
    np.testing.assert_array_equal(layer_norm(x, gain, bias, eps), np.broadcast_to(bias, x.shape))
    grad_x, grad_gain, grad_bias = layer_norm_backward(grad_output, x, gain, bias, eps)
    assert not grad_x.any() and not grad_gain.any()
    np.testing.assert_allclose(grad_bias, [grad_output.sum()], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(st.floats(-1e4, 1e4, width=32))
def test_a_switch_far_from_zero_blocks_or_passes_and_overflows_nowhere(dtype, start):
    x = np.array([start, -1e4, 1e4], dtype)
    ones = np.ones_like(x)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        open_share = sigmoid(x)
        values = [gelu(x), silu(x)]
        slopes = [gelu_backward(ones, x), silu_backward(ones, x)]
    below_normal = np.finfo(dtype).tiny  # torch rounds shares under it to 0
    np.testing.assert_allclose(open_share, torch.sigmoid(as_tensor(x)), rtol=1e-6, atol=below_normal)
    assert open_share.dtype == dtype
    for value, slope in zip(values, slopes, strict=True):
        np.testing.assert_array_equal(value[1:], x[1:] * [0, 1])
        np.testing.assert_array_equal(slope[1:], [0, 1])
        assert np.isfinite(value[0]) and np.isfinite(slope[0])


@given(st.integers(0, 200), st.integers(1, 20))
def test_sinusoidal_positions_equal_the_formula_cell_by_cell(length, half):
    table = sinusoidal_positions(length, 2 * half)
    assert table.shape == (length, 2 * half)
    for t in range(length):
        for i in range(half):
            angle = t / 10000 ** (2 * i / (2 * half))
            np.testing.assert_allclose(table[t, 2 * i : 2 * i + 2], [math.sin(angle), math.cos(angle)], atol=1e-12)


@given(rotary_problems())
def test_turning_there_and_back_gives_the_vector_again(problem):
    (x,) = problem.arrays
    turned = rotary_embedding(x, *problem.others)
    np.testing.assert_allclose(rotary_embedding_backward(turned, x, *problem.others), x, rtol=0, atol=1e-12)


def test_of_equally_large_pixels_the_first_row_by_row_gets_the_gradient():
    images = np.array([[[[0.0, 2.0], [2.0, 2.0]]]])
    gradient = max_pool2d_backward(np.array([[[[5.0]]]]), images, 2)
    np.testing.assert_array_equal(gradient, [[[[0.0, 5.0], [0.0, 0.0]]]])
