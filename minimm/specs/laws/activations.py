"""Laws of the two smooth activations: GELU, x * Phi(x), and SiLU, x * sigmoid(x)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, exactly, floats, sizes
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats

LESSON = "lesson 05, positions, normalisation, the block"


@st.composite
def arrays(draw: Draw, dtype: Any = dtypes, large: bool = True) -> np.ndarray:
    """x of any shape, up to 1e4 in size with `large`."""
    return floats(draw, *draw(batches()), draw(sizes), dtype=draw(dtype), large=large)


@st.composite
def one_array(draw: Draw, large: bool = False) -> tuple[np.ndarray]:
    """For gradients: float64."""
    return (draw(arrays(exactly, large)),)


def _by_number(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    def apply(x: np.ndarray) -> np.ndarray:
        """Number by number, in Python floats."""
        return np.array([function(number) for number in x.ravel().tolist()]).reshape(x.shape)

    return apply


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


naive_gelu = _by_number(lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)))
naive_silu = _by_number(lambda x: x * _sigmoid(x))


class GELU(Spec):
    """x * Phi(x), Phi the distribution function of the standard normal."""

    signature = "gelu(x)"
    shapes = "x (any shape) -> (the same shape); the exact form with the error function"
    lesson = LESSON
    example = (np.array([-1.0, 0.0, 2.0]),)
    reference = staticmethod(naive_gelu)

    @staticmethod
    def returns(x):
        return Floats(x.shape)

    @law("gelu(0) = 0", batches(), hint="x is a factor of the formula.")
    def zero(gelu, shape):
        close(gelu(np.zeros((*shape, 2))), np.zeros((*shape, 2)), "gelu(0)")

    @law(
        "gelu(x) - gelu(-x) = x",
        arrays(),
        hint="Phi(x) + Phi(-x) = 1: is what you multiply x with really a probability?",
    )
    def odd_part(gelu, x):
        close(gelu(x) - gelu(-x), x, "gelu(x) - gelu(-x)", like=(x,))

    @law(
        "far above zero it is x, far below it is 0, and never NaN",
        arrays(),
        hint="Which part of the formula overflows, or multiplies infinity with zero?",
    )
    def ends(gelu, x):
        far = np.sign(x) * (np.abs(x) + 40)
        close(gelu(far), np.maximum(far, 0), "gelu of numbers beyond 40 and -40", like=(x,))

    @law(
        "gelu(x) / x is the share of the standard normal that lies below x",
        st.sampled_from([(1.0, 0.8413447460685429), (-1.0, 0.15865525393145707), (2.0, 0.9772498680518208)]),
        hint="Phi(x) = (1 + erf(x / sqrt(2))) / 2. An approximation with tanh or 1.702 is off in the third digit.",
    )
    def normal_distribution(gelu, point):
        x, share = point
        close(gelu(np.array([x])) / x, np.array([share]), f"gelu({x:g}) / {x:g}, beside the normal table")

    @law(
        "each number is transformed on its own",
        arrays(large=False),
        hint="No sum or maximum over the array has a place here.",
    )
    def elementwise(gelu, x):
        close(gelu(x).ravel()[:1], gelu(np.array(x.ravel()[:1])), "the first number, beside the same alone", like=(x,))

    @law("it equals x * Phi(x) worked out number by number", arrays(), hint="Phi with the error function, math.erf.")
    def agrees(gelu, x):
        close(gelu(x), naive_gelu(x), "the result", like=(x,))


class GELUBackward(BackwardSpec):
    """The gradient of GELU."""

    forward = GELU
    differentiable = ("x",)
    hint = "The product rule: Phi(x) + x * density(x)."
    inputs = one_array()
    extreme = one_array(large=True)


class SiLU(Spec):
    """x * sigmoid(x)."""

    signature = "silu(x)"
    shapes = "x (any shape) -> (the same shape)"
    lesson = LESSON
    example = (np.array([-1.0, 0.0, 2.0]),)
    reference = staticmethod(naive_silu)

    @staticmethod
    def returns(x):
        return Floats(x.shape)

    @law("silu(0) = 0", batches(), hint="x is a factor of the formula.")
    def zero(silu, shape):
        close(silu(np.zeros((*shape, 2))), np.zeros((*shape, 2)), "silu(0)")

    @law("silu(x) - silu(-x) = x", arrays(), hint="sigmoid(x) + sigmoid(-x) = 1: does your sigmoid keep that?")
    def odd_part(silu, x):
        close(silu(x) - silu(-x), x, "silu(x) - silu(-x)", like=(x,))

    @law(
        "far above zero it is x, far below it is 0, and never NaN",
        arrays(),
        hint="exp(1e4) is infinity: which of exp(x) and exp(-x) is safe depends on the sign of x.",
    )
    def ends(silu, x):
        far = np.sign(x) * (np.abs(x) + 50)
        result = silu(far)
        holds(np.isfinite(result), "silu of numbers beyond 50 and -50", result, "finite numbers")
        close(result, np.maximum(far, 0), "silu of numbers beyond 50 and -50", like=(x,))

    @law(
        "silu(x) / x is the sigmoid of x",
        st.sampled_from([0.5, 1.0, -2.0, 3.0]),
        hint="1 / (1 + exp(-x)), with the minus sign and without a factor in front of x.",
    )
    def is_sigmoid(silu, x):
        close(silu(np.array([x])) / x, np.array([_sigmoid(x)]), f"silu({x:g}) / {x:g}")

    @law(
        "each number is transformed on its own",
        arrays(large=False),
        hint="No sum or maximum over the array has a place here.",
    )
    def elementwise(silu, x):
        close(silu(x).ravel()[:1], silu(np.array(x.ravel()[:1])), "the first number, beside the same alone", like=(x,))

    @law("it equals x / (1 + exp(-x)) worked out number by number", arrays(), hint="x times the sigmoid of x.")
    def agrees(silu, x):
        close(silu(x), naive_silu(x), "the result", like=(x,))


class SiLUBackward(BackwardSpec):
    """The gradient of SiLU."""

    forward = SiLU
    differentiable = ("x",)
    hint = "The product rule, with sigmoid' = sigmoid * (1 - sigmoid)."
    inputs = one_array()
    extreme = one_array(large=True)
