"""Laws of softmax and log-softmax: weights that are positive, sum to one, and depend on differences alone."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, floats, sizes
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats

LESSON = "lesson 04, attention"


@st.composite
def rows(draw: Draw, large: bool = True) -> np.ndarray:
    """Logits (..., V)."""
    return floats(draw, *draw(batches()), draw(sizes), dtype=draw(dtypes), large=large)


@st.composite
def rows_and_axis(draw: Draw, large: bool = True) -> tuple[np.ndarray, int]:
    """Logits of one to three axes, and one of these axes counted from either end."""
    logits = draw(rows(large=large))
    return logits, draw(st.integers(-logits.ndim, logits.ndim - 1))


@st.composite
def gradient_inputs(draw: Draw, large: bool = False) -> tuple[np.ndarray, int]:
    """The same in float64."""
    logits, axis = draw(rows_and_axis(large))
    return logits.astype(np.float64), axis


def naive_softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Row by row, number by number, in Python floats."""
    moved = np.moveaxis(np.asarray(logits, dtype=np.float64), axis, -1)
    result = np.zeros_like(moved)
    for index in np.ndindex(moved.shape[:-1]):
        largest = max(moved[index].tolist())
        powers = [math.exp(x - largest) for x in moved[index].tolist()]
        result[index] = [power / math.fsum(powers) for power in powers]
    return np.moveaxis(result, -1, axis)


def naive_log_softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """x_i - max - log sum exp(x_j - max), row by row."""
    moved = np.moveaxis(np.asarray(logits, dtype=np.float64), axis, -1)
    result = np.zeros_like(moved)
    for index in np.ndindex(moved.shape[:-1]):
        row = moved[index].tolist()
        largest = max(row)
        total = math.log(math.fsum(math.exp(x - largest) for x in row))
        result[index] = [x - largest - total for x in row]
    return np.moveaxis(result, -1, axis)


class Softmax(Spec):
    """exp(x_i) / sum_j exp(x_j) along one axis."""

    signature = "softmax(logits, axis=-1)"
    shapes = "logits (any shape) -> weights (the same shape)"
    lesson = LESSON
    example = (np.array([[1.0, 2.0, 3.0], [0.0, 0.0, -1.0]]),)
    reference = staticmethod(naive_softmax)

    @staticmethod
    def returns(logits, axis=-1):
        return Floats(logits.shape)

    @law(
        "the weights of each row sum to one",
        rows(large=False),
        hint="What do you divide by? It has to be the total of the same row.",
    )
    def sums_to_one(softmax, logits):
        close(softmax(logits).sum(axis=-1), np.ones(logits.shape[:-1]), "the sum of each row", like=(logits,))

    @law(
        "no weight is negative, and none is NaN, however large the logits",
        rows(),
        hint="exp(1e4) is infinity, and infinity / infinity is NaN. Which number may you subtract from a whole row?",
    )
    def stays_finite(softmax, logits):
        weights = softmax(logits)
        holds(weights >= 0, "the weights", weights, "every one a number, 0 or more")

    @law(
        "adding the same constant to a row changes nothing",
        rows(large=False),
        st.sampled_from([1.0, -3.0, 100.0, -1000.0]),
        hint="exp(x + c) = exp(c) exp(x): where does the factor cancel?",
    )
    def constant_cancels(softmax, logits, constant):
        logits = logits.astype(np.float64)
        close(softmax(logits + constant), softmax(logits), f"the weights after adding {constant:g} to every logit")

    @law(
        "a larger logit never gets a smaller weight",
        rows(),
        hint="exp grows with its argument; what in your formula does not?",
    )
    def keeps_order(softmax, logits):
        order = np.argsort(logits, axis=-1)
        sorted_weights = np.take_along_axis(softmax(logits), order, axis=-1)
        rises = np.diff(sorted_weights, axis=-1) >= -1e-6
        holds(rises, "the weights, from the smallest logit to the largest", sorted_weights, "never falling")

    @law(
        "the ratio of two weights is the exponential of the difference of their logits",
        st.integers(-8, 8),
        hint="The base is e, and the logits stand in the exponent as they are, with their sign.",
    )
    def ratio(softmax, difference):
        weights = softmax(np.array([difference / 2, 0.0]))
        close(weights[0] / weights[1], math.exp(difference / 2), "weights[0] / weights[1]")

    @law(
        "it works along the axis that it is given",
        rows_and_axis(),
        hint="`axis` has to reach the maximum as well as the sum, with keepdims=True.",
    )
    def along_any_axis(softmax, drawn):
        logits, axis = drawn
        weights = softmax(logits, axis=axis)
        ones = np.ones(np.delete(logits.shape, axis))
        close(weights.sum(axis=axis), ones, f"the sum along axis {axis}", like=(logits,))

    @law(
        "a logit of minus infinity gets weight zero, and the others share the rest",
        rows(large=False),
        hint="exp(-inf) is 0. Does a NaN come from -inf - (-inf), or from 0 * inf?",
    )
    def minus_infinity(softmax, logits):
        closed = np.concatenate([np.full_like(logits[..., :1], -np.inf), logits], axis=-1)
        weights = softmax(closed)
        close(weights[..., 0], np.zeros(logits.shape[:-1]), "the weight of the logit -inf")
        close(weights[..., 1:], naive_softmax(logits), "the weights of the other logits", like=(logits,))

    @law(
        "it equals exp(x_i) / sum_j exp(x_j) worked out number by number",
        rows_and_axis(),
        hint="Work the printed row out with a pocket calculator.",
    )
    def agrees(softmax, drawn):
        logits, axis = drawn
        close(softmax(logits, axis=axis), naive_softmax(logits, axis), "the weights", like=(logits,))


class SoftmaxBackward(BackwardSpec):
    """The gradient of softmax."""

    forward = Softmax
    differentiable = ("logits",)
    hint = "Every weight of a row depends on every logit of that row: the sum of grad_output * weights belongs to all of them."
    inputs = gradient_inputs()
    extreme = gradient_inputs(large=True)


class LogSoftmax(Spec):
    """x_i - log sum_j exp(x_j) along one axis."""

    signature = "log_softmax(logits, axis=-1)"
    shapes = "logits (any shape) -> log-probabilities (the same shape)"
    lesson = LESSON
    example = Softmax.example
    reference = staticmethod(naive_log_softmax)

    @staticmethod
    def returns(logits, axis=-1):
        return Floats(logits.shape)

    @law(
        "the exponentials of each row sum to one",
        rows(large=False),
        hint="Logarithms of probabilities: what has to be subtracted from every logit of the row?",
    )
    def probabilities(log_softmax, logits):
        total = np.exp(log_softmax(logits)).sum(axis=-1)
        close(total, np.ones(logits.shape[:-1]), "the sum of exp(result) in each row", like=(logits,))

    @law(
        "no log-probability is above zero",
        rows(),
        hint="A probability is at most 1, and log 1 = 0.",
    )
    def at_most_zero(log_softmax, logits):
        result = log_softmax(logits)
        holds(result <= 1e-6, "the result", result, "0 or less everywhere")

    @law(
        "differences between logits stay as they are, however large",
        rows(),
        hint="log(softmax(x)) loses small probabilities: exp(-1000) is 0, and log 0 is -inf. Take the logarithm by hand.",
    )
    def differences(log_softmax, logits):
        result = log_softmax(logits)
        got, wanted = result - result[..., :1], logits.astype(np.float64) - logits[..., :1]
        close(got, wanted, "result - result[..., :1], which is logits - logits[..., :1]", like=(logits,))

    @law(
        "adding the same constant to a row changes nothing",
        rows(large=False),
        st.sampled_from([1.0, -3.0, 100.0, -1000.0]),
        hint="The same constant is in the logit and in the logarithm of the sum.",
    )
    def constant_cancels(log_softmax, logits, constant):
        logits = logits.astype(np.float64)
        close(log_softmax(logits + constant), log_softmax(logits), f"the result after adding {constant:g}")

    @law(
        "it works along the axis that it is given",
        rows_and_axis(),
        hint="`axis` has to reach the maximum as well as the sum, with keepdims=True.",
    )
    def along_any_axis(log_softmax, drawn):
        logits, axis = drawn
        total = np.exp(log_softmax(logits, axis=axis)).sum(axis=axis)
        close(
            total, np.ones(np.delete(logits.shape, axis)), f"the sum of exp(result) along axis {axis}", like=(logits,)
        )

    @law(
        "a logit of minus infinity stays minus infinity, and the others are not disturbed",
        rows(large=False),
        hint="Does a NaN come from -inf - (-inf), or from 0 * log 0?",
    )
    def minus_infinity(log_softmax, logits):
        closed = np.concatenate([np.full_like(logits[..., :1], -np.inf), logits], axis=-1)
        result = log_softmax(closed)
        close(result[..., 0], np.full(logits.shape[:-1], -np.inf), "the result for the logit -inf")
        close(result[..., 1:], naive_log_softmax(logits), "the result for the other logits", like=(logits,))

    @law(
        "it equals x_i - log sum_j exp(x_j) worked out number by number",
        rows_and_axis(),
        hint="The natural logarithm, of the sum over the same row.",
    )
    def agrees(log_softmax, drawn):
        logits, axis = drawn
        close(log_softmax(logits, axis=axis), naive_log_softmax(logits, axis), "the result", like=(logits,))


class LogSoftmaxBackward(BackwardSpec):
    """The gradient of log-softmax."""

    forward = LogSoftmax
    differentiable = ("logits",)
    hint = "Each logit is in its own result and, through the sum, in all others of the row."
    inputs = gradient_inputs()
    extreme = gradient_inputs(large=True)
