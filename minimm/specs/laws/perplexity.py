"""Laws of perplexity: between how many equally likely tokens a model hesitates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, exactly, floats, up_to
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Number


@st.composite
def log_probabilities(draw: Draw, dtype: Any = dtypes) -> np.ndarray:
    """Numbers of 0 or less, at least one of them, in one or more axes."""
    return -np.abs(floats(draw, *draw(batches()), draw(up_to(6)), dtype=draw(dtype)))


@st.composite
def gradient_inputs(draw: Draw) -> tuple[np.ndarray]:
    """float64, a step away from 0."""
    return (draw(log_probabilities(exactly)) - 0.5,)


def naive_perplexity(token_log_probabilities: np.ndarray) -> float:
    """The inverse of the geometric mean of the probabilities."""
    values = np.asarray(token_log_probabilities, dtype=np.float64).ravel().tolist()
    return math.exp(-math.fsum(values) / len(values))


class Perplexity(Spec):
    """exp(-1/N sum_t log p_t)."""

    signature = "perplexity(token_log_probabilities)"
    shapes = "natural logarithms of the probabilities of the tokens that came (any shape) -> one float"
    lesson = "lesson 03, neural bigrams and perplexity"
    example = (np.log(np.array([0.5, 0.125])),)
    reference = staticmethod(naive_perplexity)

    @staticmethod
    def returns(token_log_probabilities):
        return Number()

    @law(
        "a uniform guess among V tokens has perplexity V",
        st.integers(1, 50),
        st.integers(1, 5),
        hint="log p = -ln V for every token: the natural logarithm, and the exponential of a mean.",
    )
    def uniform(perplexity, v, n):
        close(perplexity(np.full(n, -math.log(v))), float(v), f"the perplexity of a uniform guess among {v}")

    @law("certainty has perplexity 1", st.integers(1, 6), hint="log 1 = 0 and exp(0) = 1.")
    def certain(perplexity, n):
        close(perplexity(np.zeros(n)), 1.0, "the perplexity of probability 1 everywhere")

    @law("it is never below 1", log_probabilities(), hint="A logarithm of a probability is 0 or less. Which sign?")
    def at_least_one(perplexity, values):
        result = perplexity(values)
        holds(result >= 1 - 1e-5, "the perplexity", result, "1 or more")

    @law(
        "the same tokens twice over have the same perplexity",
        log_probabilities(),
        hint="A mean stays, a sum doubles.",
    )
    def mean(perplexity, values):
        twice = np.concatenate([values, values], axis=-1)
        close(perplexity(twice), perplexity(values), "the perplexity of the tokens twice over", like=(values,))

    @law(
        "order and arrangement of the tokens do not matter",
        log_probabilities(),
        hint="The mean runs over all tokens, whatever the shape of the array.",
    )
    def any_order(perplexity, values):
        close(
            perplexity(values.ravel()[::-1]),
            perplexity(values),
            "the perplexity of the tokens in reverse",
            like=(values,),
        )

    @law(
        "halving every probability doubles it",
        log_probabilities(),
        hint="It is the inverse of the geometric mean of the probabilities, not the mean of their inverses.",
    )
    def halving(perplexity, values):
        halved = perplexity(values - values.dtype.type(math.log(2)))
        close(halved, 2 * perplexity(values), "the perplexity with halved probabilities", like=(values,))

    @law(
        "one token that the model thought impossible makes it infinite",
        log_probabilities(),
        hint="exp(infinity) is infinity; leaving such tokens out is flattery.",
    )
    def impossible(perplexity, values):
        with_impossible = np.append(values.ravel(), -np.inf)
        close(perplexity(with_impossible), np.inf, "the perplexity with a log-probability of -inf")

    @law(
        "it equals the inverse geometric mean worked out token by token",
        log_probabilities(),
        hint="Add the logarithms, divide by how many there are, change the sign, take exp.",
    )
    def agrees(perplexity, values):
        close(perplexity(values), naive_perplexity(values), "the perplexity", like=(values,))


class PerplexityBackward(BackwardSpec):
    """The gradient of perplexity."""

    forward = Perplexity
    differentiable = ("token_log_probabilities",)
    hint = "The exponential keeps itself as a factor, and the mean divides by the number of tokens."
    inputs = gradient_inputs()
