"""Laws of cross-entropy: how surprised the model was, on average, by the tokens that came."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, dtypes, exactly, floats, integers, up_to
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.softmax import naive_log_softmax
from minimm.specs.returns import Number


@st.composite
def predictions(draw: Draw, large: bool = True, dtype: Any = dtypes) -> tuple[np.ndarray, np.ndarray]:
    """logits (N, V) and targets (N,), every one of them a token."""
    n, v = draw(up_to(5)), draw(up_to(5))
    return floats(draw, n, v, dtype=draw(dtype), large=large), integers(draw, n, high=v - 1)


@st.composite
def with_ignored(draw: Draw, large: bool = True, dtype: Any = dtypes) -> tuple[np.ndarray, np.ndarray, int]:
    """The same with an ignore_index in some targets, never in all of them."""
    logits, targets = draw(predictions(large, dtype))
    ignore_index = draw(st.sampled_from([-100, -1, logits.shape[1], 0]))
    if ignore_index == 0 and (targets == 0).all():
        ignore_index = -100
    hidden = np.frombuffer(draw(st.binary(min_size=len(targets), max_size=len(targets))), np.uint8) % 2 == 1
    changed = np.where(hidden, ignore_index, targets)
    return logits, targets if (changed == ignore_index).all() else changed, ignore_index


@st.composite
def gradient_inputs(draw: Draw, large: bool = False) -> tuple:
    """float64, some targets ignored."""
    return draw(with_ignored(large, dtype=exactly))


def naive_cross_entropy(logits: np.ndarray, targets: np.ndarray, ignore_index: int = -100) -> float:
    """Token by token, the mean of -log p(target) over those that count."""
    log_p = naive_log_softmax(logits)
    surprises = [-log_p[n, target] for n, target in enumerate(targets.tolist()) if target != ignore_index]
    return math.fsum(surprises) / len(surprises)


class CrossEntropy(Spec):
    """-1/N sum_n log softmax(logits_n)[target_n], over the targets that count."""

    signature = "cross_entropy(logits, targets, ignore_index=-100)"
    shapes = "logits (N, V), targets (N,) int64 in [0, V) or ignore_index -> one float, in nats"
    lesson = "lesson 03, neural bigrams and perplexity"
    example = (np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]]), np.array([1, 2]))
    reference = staticmethod(naive_cross_entropy)

    @staticmethod
    def returns(logits, targets, ignore_index=-100):
        return Number()

    @law(
        "a model that knows nothing (equal logits) has the loss ln V",
        st.integers(1, 30),
        st.integers(1, 4),
        hint="Each of V tokens has probability 1/V. Natural logarithm; a mean over the targets, not a sum.",
    )
    def uniform(cross_entropy, v, n):
        close(cross_entropy(np.zeros((n, v)), np.arange(n) % v), math.log(v), f"the loss, beside ln {v}")

    @law(
        "certainty about the right token costs nothing, about a wrong one as much as the logits differ",
        st.integers(2, 5),
        st.sampled_from([50.0, 1e4]),
        hint="-log p of a probability that rounds to 0 is infinity. Take the logarithm by hand, before exp can underflow.",
    )
    def certainty(cross_entropy, v, sure):
        logits = np.zeros((1, v))
        logits[0, 0] = sure
        close(cross_entropy(logits, np.array([0])), 0.0, f"the loss when the right token leads by {sure:g}")
        close(cross_entropy(logits, np.array([1])), sure, f"the loss when a wrong token leads by {sure:g}")

    @law("the loss is never negative", predictions(), hint="A probability is at most 1; which sign has its logarithm?")
    def not_negative(cross_entropy, inputs):
        loss = cross_entropy(*inputs)
        holds(loss >= -1e-6, "the loss", loss, "0 or more")

    @law(
        "rows may come in any order, together with their targets",
        predictions(),
        hint="The mean does not know the order. Is each row paired with its own target?",
    )
    def rows_permute(cross_entropy, inputs):
        logits, targets = inputs
        reversed_loss = cross_entropy(logits[::-1], targets[::-1])
        close(reversed_loss, cross_entropy(logits, targets), "the loss of the rows in reverse order", like=(logits,))

    @law(
        "adding a constant to a row of logits changes nothing",
        predictions(large=False, dtype=exactly),
        st.sampled_from([3.0, -1000.0]),
        hint="Only differences between logits mean anything; is each row normalised?",
    )
    def constant_cancels(cross_entropy, inputs, constant):
        logits, targets = inputs
        moved = cross_entropy(logits + constant, targets)
        close(moved, cross_entropy(logits, targets), f"the loss after adding {constant:g} to every logit")

    @law(
        "twice the same data has the same loss",
        predictions(),
        hint="A mean stays when everything is there twice; a sum does not.",
    )
    def mean_not_sum(cross_entropy, inputs):
        logits, targets = inputs
        twice = cross_entropy(np.concatenate([logits, logits]), np.concatenate([targets, targets]))
        close(twice, cross_entropy(logits, targets), "the loss of the data twice over", like=(logits,))

    @law(
        "a target that is ignored changes nothing: neither the sum nor what it is divided by",
        predictions(),
        st.sampled_from([-100, -1, 7]),
        hint="Take the ignored rows out first: how many are left to average over?",
    )
    def ignored(cross_entropy, inputs, ignore_index):
        logits, targets = inputs
        more_logits = np.concatenate(
            [logits, np.ones_like(logits[:1]) * np.arange(logits.shape[1])], dtype=logits.dtype
        )
        more_targets = np.append(targets, ignore_index)
        got = cross_entropy(more_logits, more_targets, ignore_index=ignore_index)
        wanted = cross_entropy(logits, targets, ignore_index=ignore_index)
        close(got, wanted, f"the loss with one more row whose target is {ignore_index}", like=(logits,))

    @law(
        "it equals the mean of -log p(target) worked out row by row",
        with_ignored(),
        st.booleans(),
        hint="Which targets count? The mean is over these.",
    )
    def agrees(cross_entropy, inputs, plain):
        logits, targets, ignore_index = inputs
        wanted = naive_cross_entropy(logits, targets, ignore_index)
        if plain and ignore_index == -100:
            close(cross_entropy(logits, targets), wanted, "the loss", like=(logits,))
        close(cross_entropy(logits, targets, ignore_index=ignore_index), wanted, "the loss", like=(logits,))


class CrossEntropyBackward(BackwardSpec):
    """The gradient of cross-entropy."""

    forward = CrossEntropy
    differentiable = ("logits",)
    hint = "softmax minus one-hot, divided by the number of targets that count; a row that is ignored gets zero."
    inputs = gradient_inputs()
    extreme = gradient_inputs(large=True)
