"""Laws of the causal mask: a position sees itself and what came before, nothing that comes later."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from minimm.specs.expect import equal, holds
from minimm.specs.law import Spec, law
from minimm.specs.laws.softmax import LESSON
from minimm.specs.returns import Booleans


class CausalMask(Spec):
    """True where the key lies no later than the query."""

    signature = "causal_mask(length)"
    shapes = "length -> mask (T, T) bool, True = may attend; row = query, column = key"
    lesson = LESSON
    example = (3,)

    @staticmethod
    def returns(length):
        return Booleans((length, length))

    @staticmethod
    def reference(length: int) -> np.ndarray:
        """Cell by cell."""
        return np.array([[key <= query for key in range(length)] for query in range(length)])

    @law("every position may see itself", st.integers(1, 12), hint="Row i, column i: `<` or `<=`?")
    def sees_itself(causal_mask, length):
        diagonal = np.diagonal(causal_mask(length))
        equal(diagonal, np.ones(length, dtype=bool), "the diagonal")

    @law(
        "nothing may see what comes later", st.integers(1, 12), hint="Row is the query, column the key: which triangle?"
    )
    def future_is_closed(causal_mask, length):
        mask = causal_mask(length)
        later = np.array([mask[query, key] for query in range(length) for key in range(query + 1, length)], dtype=bool)
        holds(~later, "the cells right of the diagonal", mask, "False right of the diagonal")

    @law(
        "everything may see all that came before", st.integers(1, 12), hint="Row is the query: how much lies behind it?"
    )
    def past_is_open(causal_mask, length):
        mask = causal_mask(length)
        earlier = np.array([mask[query, key] for query in range(length) for key in range(query)], dtype=bool)
        holds(earlier, "the cells left of the diagonal", mask, "True left of the diagonal")

    @law("query i may see i + 1 keys", st.integers(1, 12), hint="The first query sees one key, the last sees all.")
    def counts(causal_mask, length):
        equal(causal_mask(length).sum(axis=1), np.arange(1, length + 1), "how many keys each query may see")

    @law(
        "a longer mask begins with the shorter one",
        st.integers(1, 10),
        st.integers(1, 5),
        hint="What a token may see does not depend on how long the text becomes.",
    )
    def grows(causal_mask, length, more):
        equal(causal_mask(length + more)[:length, :length], causal_mask(length), f"the corner of a mask {more} longer")
