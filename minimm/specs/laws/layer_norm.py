"""Laws of layer normalisation: every vector is brought to mean 0 and variance 1, on its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, exactly, floats, up_to
from minimm.specs.expect import close
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats

LESSON = "lesson 05, positions, normalisation, the block"
EPS = st.sampled_from([1e-5, 1e-6, 1e-3, 0.5])


@st.composite
def vectors(draw: Draw, dtype: Any = dtypes, smallest: int = 1, large: bool = False) -> np.ndarray:
    """x (..., D)."""
    return floats(draw, *draw(batches()), draw(up_to(6, smallest)), dtype=draw(dtype), large=large)


@st.composite
def with_gain_and_bias(draw: Draw, dtype: Any = dtypes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (..., D), gain (D,), bias (D,)."""
    x = draw(vectors(dtype))
    return x, floats(draw, x.shape[-1], dtype=x.dtype), floats(draw, x.shape[-1], dtype=x.dtype)


@st.composite
def layer_norm_inputs(draw: Draw) -> tuple:
    """float64; with a small eps the vectors are spread out, or the slope would be too steep to measure."""
    x, gain, bias = draw(with_gain_and_bias(exactly))
    eps = draw(st.sampled_from([0.5, 0.1, 1e-5]))
    return spread(x * 0.1) if eps == 1e-5 else x, gain, bias, eps


def naive_layer_norm(x: np.ndarray, gain: np.ndarray, bias: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Vector by vector, in Python floats."""
    result = np.zeros(x.shape)
    for index in np.ndindex(x.shape[:-1]):
        row = x[index].tolist()
        mean = math.fsum(row) / len(row)
        variance = math.fsum((number - mean) ** 2 for number in row) / len(row)
        result[index] = [
            (number - mean) / math.sqrt(variance + eps) * g + b for number, g, b in zip(row, gain, bias, strict=True)
        ]
    return result


def spread(x: np.ndarray) -> np.ndarray:
    """The same vectors plus 0, 4, 8, ... along the last axis, so that no vector is constant."""
    return x + 4 * np.arange(x.shape[-1])


class LayerNorm(Spec):
    """(x - mean) / sqrt(variance + eps) * gain + bias, along the last axis."""

    signature = "layer_norm(x, gain, bias, eps=1e-5)"
    shapes = "x (..., D), gain (D,), bias (D,) -> (..., D)"
    lesson = LESSON
    example = (np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 1.0]]), np.ones(3), np.zeros(3))
    reference = staticmethod(naive_layer_norm)

    @staticmethod
    def returns(x, gain, bias, eps=1e-5):
        return Floats(x.shape)

    @law(
        "with gain 1 and bias 0 every vector has mean 0",
        vectors(),
        hint="Subtract the mean of the last axis; keepdims=True lets it line up again.",
    )
    def mean_zero(layer_norm, x):
        d = x.shape[-1]
        result = layer_norm(x, np.ones(d, x.dtype), np.zeros(d, x.dtype))
        close(result.mean(axis=-1), np.zeros(x.shape[:-1]), "the mean of each vector", like=(x,), tolerance=1e-3)

    @law(
        "with gain 1 and bias 0 every vector has variance 1",
        vectors(exactly, smallest=2),
        hint="Divide by the root of the mean square distance from the mean: divided by D, not by D - 1.",
    )
    def variance_one(layer_norm, x):
        x = spread(x * 0.1)
        d = x.shape[-1]
        result = layer_norm(x, np.ones(d), np.zeros(d), eps=1e-12)
        close(result.var(axis=-1), np.ones(x.shape[:-1]), "the variance of each vector (divided by D)")

    @law(
        "moving or stretching a vector changes nothing",
        vectors(exactly, smallest=2),
        st.sampled_from([10.0, -300.0, 1e6]),
        st.sampled_from([2.0, 50.0]),
        hint="Mean and deviation move along, so both cancel. E[x^2] - E[x]^2 loses its digits far from zero.",
    )
    def shift_and_scale(layer_norm, x, shift, scale):
        x, d = spread(x * 0.1), x.shape[-1]
        gain, bias = np.ones(d), np.zeros(d)
        got, wanted = layer_norm(scale * x + shift, gain, bias, eps=1e-12), layer_norm(x, gain, bias, eps=1e-12)
        close(got, wanted, f"the result for {scale:g} * x + {shift:g}, beside that for x")

    @law(
        "each vector is normalised on its own",
        vectors(),
        hint="Over which axes do you take the mean? What stands at other positions must change nothing.",
    )
    def on_its_own(layer_norm, x):
        d = x.shape[-1]
        gain, bias = np.ones(d, x.dtype), np.zeros(d, x.dtype)
        pair = np.stack([x, np.full_like(x, 3.0) + np.arange(d, dtype=x.dtype)])
        close(
            layer_norm(pair, gain, bias)[0],
            layer_norm(x, gain, bias),
            "x's own part, normalised beside others",
            like=(x,),
        )

    @law(
        "gain stretches each coordinate after normalising, and bias moves it",
        with_gain_and_bias(exactly),
        hint="First normalise, then * gain, then + bias.",
    )
    def gain_and_bias(layer_norm, inputs):
        x, gain, bias = inputs
        plain = layer_norm(x, np.ones_like(gain), np.zeros_like(bias))
        close(layer_norm(x, gain, bias), plain * gain + bias, "the result, beside the plain one * gain + bias")

    @law(
        "a vector of equal numbers gives the bias, and eps stands inside the root",
        st.sampled_from([1e-5, 0.25, 1.0]),
        hint="sqrt(variance + eps), so that a variance of 0 does not divide by 0. Is eps the one that was given?",
    )
    def eps_inside(layer_norm, eps):
        got = layer_norm(np.full((1, 3), 5.0), np.ones(3), np.array([1.0, 2.0, 3.0]), eps=eps)
        close(got, np.array([[1.0, 2.0, 3.0]]), "the result for [5, 5, 5] with bias [1, 2, 3]")
        got = layer_norm(np.array([[-1.0, 1.0]]), np.ones(2), np.zeros(2), eps=eps)
        root = math.sqrt(1 + eps)
        close(got, np.array([[-1 / root, 1 / root]]), f"the result for [-1, 1], whose variance is 1, with eps={eps:g}")

    @law(
        "eps is 1e-5 when none is given",
        with_gain_and_bias(exactly),
        hint="The default stands in the signature; it shows where the numbers are small.",
    )
    def default_eps(layer_norm, inputs):
        x, gain, bias = inputs
        got, wanted = layer_norm(x * 1e-3, gain, bias), naive_layer_norm(x * 1e-3, gain, bias, 1e-5)
        close(got, wanted, "the result without eps")

    @law(
        "it equals (x - mean) / sqrt(variance + eps) * gain + bias worked out number by number",
        with_gain_and_bias(),
        EPS,
        hint="Try the printed vector with pencil and paper.",
    )
    def agrees(layer_norm, inputs, eps):
        steep = (
            1 / math.sqrt(eps) if inputs[0].dtype == np.float32 else 1.0
        )  # float32's error in x - mean, divided by the root
        tolerance = 2e-6 * max(100.0, steep * 4)
        tolerance = tolerance if inputs[0].dtype == np.float32 else None
        if eps == 1e-5:
            close(layer_norm(*inputs), naive_layer_norm(*inputs), "the result", like=inputs, tolerance=tolerance)
        got, wanted = layer_norm(*inputs, eps=eps), naive_layer_norm(*inputs, eps)
        close(got, wanted, f"the result with eps={eps:g}", like=inputs, tolerance=tolerance)


class LayerNormBackward(BackwardSpec):
    """The gradient of layer normalisation."""

    forward = LayerNorm
    differentiable = ("x", "gain", "bias")
    hint = "Each number is also in the mean and in the variance of its vector. gain and bias sum over all vectors."
    inputs = layer_norm_inputs()

    @law(
        "eps is 1e-5 when none is given",
        with_gain_and_bias(exactly),
        hint="The same default as in the forward pass.",
    )
    def default_eps(layer_norm_backward, inputs):
        x, gain, bias = inputs
        got, wanted = (layer_norm_backward(x, x * 1e-3, gain, bias, *eps)[0] for eps in ((), (1e-5,)))
        close(got, wanted, "the gradient of x without eps")
