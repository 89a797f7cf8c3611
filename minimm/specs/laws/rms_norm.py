"""Laws of RMS normalisation: every vector keeps its direction and is brought to root mean square 1."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, exactly
from minimm.specs.expect import close
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.layer_norm import EPS, LESSON, spread, vectors, with_gain_and_bias
from minimm.specs.returns import Floats


@st.composite
def rms_norm_inputs(draw: Draw) -> tuple:
    """float64; with a small eps the vectors are spread out, or the slope would be too steep to measure."""
    x, gain, _ = draw(with_gain_and_bias(exactly))
    eps = draw(st.sampled_from([0.5, 0.1, 1e-6]))
    return spread(np.abs(x)) + 1.0 if eps == 1e-6 else x, gain, eps


def naive_rms_norm(x: np.ndarray, gain: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """Vector by vector, in Python floats."""
    result = np.zeros(x.shape)
    for index in np.ndindex(x.shape[:-1]):
        row = x[index].tolist()
        mean_square = math.fsum(number**2 for number in row) / len(row)
        result[index] = [number / math.sqrt(mean_square + eps) * g for number, g in zip(row, gain, strict=True)]
    return result


class RMSNorm(Spec):
    """x / sqrt(mean(x^2) + eps) * gain, along the last axis."""

    signature = "rms_norm(x, gain, eps=1e-6)"
    shapes = "x (..., D), gain (D,) -> (..., D)"
    lesson = LESSON
    example = (np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 1.0]]), np.ones(3))
    reference = staticmethod(naive_rms_norm)

    @staticmethod
    def returns(x, gain, eps=1e-6):
        return Floats(x.shape)

    @law(
        "with gain 1 the mean of the squares of every vector is 1",
        vectors(exactly),
        hint="Divide by the root of the mean of the squares: the mean, not the sum; nothing is subtracted.",
    )
    def mean_square_one(rms_norm, x):
        result = rms_norm(spread(np.abs(x)) + 1.0, np.ones(x.shape[-1]), eps=1e-12)
        close((result**2).mean(axis=-1), np.ones(x.shape[:-1]), "the mean of the squares of each vector")

    @law(
        "stretching a vector changes nothing, and turning its sign turns the result's",
        vectors(exactly),
        st.sampled_from([2.0, -1.0, -50.0]),
        hint="The root of the mean square stretches just as the vector does.",
    )
    def scale(rms_norm, x, scale):
        x, gain = spread(np.abs(x)) + 1.0, np.ones(x.shape[-1])
        got, wanted = rms_norm(scale * x, gain, eps=1e-12), math.copysign(1, scale) * rms_norm(x, gain, eps=1e-12)
        close(got, wanted, f"the result for {scale:g} * x")

    @law(
        "the direction stays: nothing is subtracted",
        vectors(exactly, smallest=2),
        hint="RMSNorm has no mean and no bias; it only changes the length.",
    )
    def direction(rms_norm, x):
        result = rms_norm(x, np.ones(x.shape[-1]))
        close(
            result * np.abs(x).sum(-1, keepdims=True),
            x * np.abs(result).sum(-1, keepdims=True),
            "the direction of result",
        )

    @law(
        "each vector is normalised on its own",
        vectors(),
        hint="Over which axes do you take the mean of the squares?",
    )
    def on_its_own(rms_norm, x):
        gain = np.ones(x.shape[-1], x.dtype)
        pair = np.stack([x, np.full_like(x, 3.0)])
        close(rms_norm(pair, gain)[0], rms_norm(x, gain), "x's own part, normalised beside others", like=(x,))

    @law(
        "gain stretches each coordinate after normalising",
        with_gain_and_bias(exactly),
        hint="First normalise, then * gain.",
    )
    def with_gain(rms_norm, inputs):
        x, gain, _ = inputs
        close(rms_norm(x, gain), rms_norm(x, np.ones_like(gain)) * gain, "the result, beside the plain one * gain")

    @law(
        "zero stays zero, and eps stands inside the root",
        st.sampled_from([1e-6, 0.25, 1.0]),
        hint="sqrt(mean square + eps), so that zero does not divide by zero. Is eps the one that was given?",
    )
    def eps_inside(rms_norm, eps):
        close(rms_norm(np.zeros((1, 3)), np.ones(3), eps=eps), np.zeros((1, 3)), "the result for [0, 0, 0]")
        got, root = rms_norm(np.array([[-1.0, 1.0]]), np.ones(2), eps=eps), math.sqrt(1 + eps)
        close(got, np.array([[-1 / root, 1 / root]]), f"the result for [-1, 1] with eps={eps:g}")

    @law(
        "eps is 1e-6 when none is given",
        with_gain_and_bias(exactly),
        hint="The default stands in the signature; it shows where the numbers are small.",
    )
    def default_eps(rms_norm, inputs):
        x, gain, _ = inputs
        close(rms_norm(x * 1e-3, gain), naive_rms_norm(x * 1e-3, gain, 1e-6), "the result without eps")

    @law(
        "it equals x / sqrt(mean(x^2) + eps) * gain worked out number by number",
        with_gain_and_bias(),
        EPS,
        hint="Try the printed vector with pencil and paper.",
    )
    def agrees(rms_norm, inputs, eps):
        x, gain, _ = inputs
        if eps == 1e-6:
            close(rms_norm(x, gain), naive_rms_norm(x, gain), "the result", like=(x,))
        close(rms_norm(x, gain, eps=eps), naive_rms_norm(x, gain, eps), f"the result with eps={eps:g}", like=(x,))


class RMSNormBackward(BackwardSpec):
    """The gradient of RMS normalisation."""

    forward = RMSNorm
    differentiable = ("x", "gain")
    hint = "Each number is also in the mean square of its vector. gain sums over all vectors."
    inputs = rms_norm_inputs()

    @law(
        "eps is 1e-6 when none is given",
        with_gain_and_bias(exactly),
        hint="The same default as in the forward pass.",
    )
    def default_eps(rms_norm_backward, inputs):
        x, gain, _ = inputs
        got, wanted = (rms_norm_backward(x, x * 1e-3, gain, *eps)[0] for eps in ((), (1e-6,)))
        close(got, wanted, "the gradient of x without eps")
