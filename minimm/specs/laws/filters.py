"""Laws of the two filters in front of sampling: the k likeliest tokens, and the smallest set that holds p."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, distinct, dtypes, exactly, floats, up_to
from minimm.specs.expect import close, equal, holds
from minimm.specs.law import Spec, law
from minimm.specs.laws.softmax import naive_softmax
from minimm.specs.returns import Floats

LESSON = "lesson 07, decoding and the KV cache"
PROBABILITIES = st.sampled_from([0.01, 0.3, 0.5, 0.75, 0.9, 0.999])


@st.composite
def rows(draw: Draw, no_ties: bool = False, dtype: Any = dtypes, large: bool = True) -> np.ndarray:
    """logits (..., V)."""
    shape = (*draw(batches()), draw(up_to(6)))
    return (
        distinct(draw, *shape, dtype=draw(dtype)) if no_ties else floats(draw, *shape, dtype=draw(dtype), large=large)
    )


def _survivors_keep_their_value(result: np.ndarray, logits: np.ndarray) -> None:
    kept = result != -np.inf
    equal(result[kept], logits[kept], "the logits that are kept")
    holds(kept.any(axis=-1), "the result", result, "at least one number above -inf in each row")


def _order_kept(result: np.ndarray, logits: np.ndarray) -> None:
    """No dropped token is likelier than a kept one."""
    kept = result != -np.inf
    least = np.where(kept, logits, np.inf).min(axis=-1)
    most = np.where(kept, -np.inf, logits).max(axis=-1)
    holds(most <= least, "the largest dropped logit of each row", most, f"at most the smallest kept one, {least}")


class TopKFilter(Spec):
    """All but the k largest logits become -inf; those equal to the k-th stay."""

    signature = "top_k_filter(logits, k)"
    shapes = "logits (..., V), k -> (..., V), dropped ones are -inf; ties with the k-th are kept"
    lesson = LESSON
    example = (np.array([[1.0, 3.0, 2.0]]), 2)

    @staticmethod
    def returns(logits, k):
        return Floats(logits.shape)

    @staticmethod
    def reference(logits: np.ndarray, k: int) -> np.ndarray:
        """Row by row: sort, look at the k-th, drop what is smaller."""
        result = np.array(logits)
        for index in np.ndindex(logits.shape[:-1]):
            row = sorted(logits[index].tolist(), reverse=True)
            result[index][logits[index] < row[min(k, len(row)) - 1]] = -np.inf
        return result

    @law(
        "k tokens are kept when no two are equal", rows(no_ties=True), st.integers(1, 7), hint="Exactly k, in each row."
    )
    def count(top_k_filter, logits, k):
        kept = (top_k_filter(logits, k) != -np.inf).sum(axis=-1)
        equal(kept, np.full(logits.shape[:-1], min(k, logits.shape[-1])), "how many tokens are kept in each row")

    @law(
        "kept logits are not changed, dropped ones are minus infinity",
        rows(),
        st.integers(1, 6),
        hint="softmax turns -inf into probability 0; a zero would be an ordinary logit.",
    )
    def values(top_k_filter, logits, k):
        _survivors_keep_their_value(top_k_filter(logits, k), logits)

    @law(
        "no dropped token is likelier than a kept one",
        rows(),
        st.integers(1, 6),
        hint="The largest, not the smallest; each in its own place of its own row.",
    )
    def largest(top_k_filter, logits, k):
        _order_kept(top_k_filter(logits, k), logits)

    @law("the likeliest token is always kept", rows(), hint="k = 1 keeps the maximum of each row.")
    def best_stays(top_k_filter, logits):
        best = top_k_filter(logits, 1).max(axis=-1)
        equal(best, logits.max(axis=-1), "the largest number that is left in each row")

    @law(
        "k of the vocabulary's size or more changes nothing",
        rows(),
        st.integers(0, 4),
        hint="Cut k at V, the size of the last axis.",
    )
    def all_kept(top_k_filter, logits, more):
        equal(top_k_filter(logits, logits.shape[-1] + more), logits, "the result for a k that includes all tokens")

    @law(
        "tokens that tie with the k-th are kept with it",
        st.integers(2, 6),
        st.integers(1, 5),
        hint="Compare with the k-th value: `<` drops, equal ones stay.",
    )
    def ties(top_k_filter, v, k):
        logits = np.zeros((1, v))
        logits[0, 0] = 1.0
        wanted = np.where(logits > 0.5, logits, -np.inf) if k == 1 else logits
        equal(top_k_filter(logits, k), wanted, f"the result of one largest and {v - 1} equal logits for k={k}")

    @law(
        "equal logits count one by one on the way to the k-th",
        st.permutations([2.0, 2.0, 1.0, 0.0, 0.0]),
        st.integers(1, 5),
        hint="Of 2, 2, 1 the second largest is 2: the k-th number of the sorted row, not the k-th different number.",
    )
    def counts_equal_ones(top_k_filter, row, k):
        logits = np.array([row])
        equal(top_k_filter(logits, k), TopKFilter.reference(logits, k), f"the result for k={k}")

    @law(
        "it equals sorting each row and dropping what is below the k-th",
        rows(),
        st.integers(1, 7),
        hint="Sort the printed row by hand.",
    )
    def agrees(top_k_filter, logits, k):
        equal(top_k_filter(logits, k), TopKFilter.reference(logits, k), f"the result for k={k}")


class TopPFilter(Spec):
    """All but the smallest set of likeliest tokens whose probabilities sum to at least p become -inf."""

    signature = "top_p_filter(logits, p)"
    shapes = "logits (..., V), 0 < p <= 1 -> (..., V), dropped ones are -inf"
    lesson = LESSON
    example = (np.array([[1.0, 3.0, 2.0]]), 0.8)

    @staticmethod
    def returns(logits, p):
        return Floats(logits.shape)

    @staticmethod
    def reference(logits: np.ndarray, p: float) -> np.ndarray:
        """Row by row: take the likeliest tokens until their probabilities reach p."""
        result = np.full(logits.shape, -np.inf, logits.dtype)
        for index in np.ndindex(logits.shape[:-1]):
            probabilities, total = naive_softmax(logits[index]), 0.0
            for token in np.argsort(-logits[index], kind="stable"):
                if total >= p:
                    break
                result[index][token] = logits[index][token]
                total += probabilities[token]
        return result

    @law(
        "the kept tokens together have at least probability p",
        rows(),
        PROBABILITIES,
        hint="The token with which the sum crosses p is needed, so it is kept.",
    )
    def enough(top_p_filter, logits, p):
        result = top_p_filter(logits, p)
        mass = np.where(result != -np.inf, naive_softmax(logits), 0.0).sum(axis=-1)
        holds(mass >= p - 1e-5, "the probability of the kept tokens in each row", mass, f"at least {p:g}")

    @law(
        "without the least likely of them it would be less than p",
        rows(),
        PROBABILITIES,
        hint="The smallest such set: the sum of the tokens ranked above decides whether one more is needed.",
    )
    def not_more(top_p_filter, logits, p):
        result = top_p_filter(logits, p)
        mass = np.where(result != -np.inf, naive_softmax(logits), 0.0)
        least = np.where(result != -np.inf, mass, np.inf).min(axis=-1)
        rest = mass.sum(axis=-1) - least
        holds(rest < p + 1e-5, "the probability of the kept tokens but for the least likely", rest, f"less than {p:g}")

    @law(
        "kept logits are not changed, dropped ones are minus infinity, and something is always kept",
        rows(),
        st.sampled_from([1e-6, 0.3, 0.9, 1.0]),
        hint="Each logit stays in its own place: sorting has to be undone.",
    )
    def values(top_p_filter, logits, p):
        _survivors_keep_their_value(top_p_filter(logits, p), logits)

    @law(
        "no dropped token is likelier than a kept one",
        rows(),
        PROBABILITIES,
        hint="Begin with the likeliest of each row.",
    )
    def likeliest(top_p_filter, logits, p):
        _order_kept(top_p_filter(logits, p), logits)

    @law(
        "exactly p is enough",
        st.sampled_from([(2, 0.5, 1), (4, 0.5, 2), (4, 0.25, 1), (4, 0.75, 3), (1, 1.0, 1), (8, 0.125, 1)]),
        hint="At least p: when the sum has reached p, the next token is not needed.",
    )
    def exactly_enough(top_p_filter, case):
        v, p, wanted = case
        kept = int((top_p_filter(np.zeros(v), p) != -np.inf).sum())
        equal(kept, wanted, f"how many of {v} equally likely tokens are kept for p={p:g}")

    @law(
        "a small p keeps the likeliest token alone",
        rows(no_ties=True),
        hint="Even if it has more than p by itself.",
    )
    def best_alone(top_p_filter, logits):
        result = top_p_filter(logits, 1e-6)
        wanted = np.where(logits == logits.max(axis=-1, keepdims=True), logits, -np.inf)
        equal(result, wanted, "the result for p=1e-6")

    @law(
        "p = 1 keeps every token that has any probability", rows(large=False), hint="The whole distribution sums to 1."
    )
    def all_kept(top_p_filter, logits):
        close(top_p_filter(logits, 1.0), logits, "the result for p=1")

    @law(
        "adding a constant to a row changes nothing about who is kept",
        rows(dtype=exactly, large=False),
        PROBABILITIES,
        hint="Probabilities depend on differences of logits; is the softmax safe for logits of 1e4?",
    )
    def constant(top_p_filter, logits, p):
        wanted = top_p_filter(logits, p) != -np.inf
        equal(top_p_filter(logits + 8192.0, p) != -np.inf, wanted, "which tokens are kept after adding 8192")

    @law(
        "it equals taking the likeliest until their probabilities reach p",
        rows(no_ties=True),
        st.sampled_from([0.37, 0.61, 0.83, 0.951]),
        hint="Sort the printed row, write the probabilities below it, and add them up from the left.",
    )
    def agrees(top_p_filter, logits, p):
        equal(top_p_filter(logits, p), TopPFilter.reference(logits, p), f"the result for p={p:g}")
