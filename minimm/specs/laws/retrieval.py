"""Laws of recall at k: how often the right item is among the k most similar."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, distinct, dtypes, floats, up_to
from minimm.specs.expect import close, holds
from minimm.specs.law import Spec, law
from minimm.specs.returns import Number


@st.composite
def searches(draw: Draw, no_ties: bool = False, dtype: Any = dtypes) -> tuple[np.ndarray, int]:
    """similarity (N, M) with M >= N, and k from 1 to beyond M."""
    n = draw(up_to(5))
    m = n + draw(st.integers(0, 2))
    make = distinct if no_ties else floats
    return make(draw, n, m, dtype=draw(dtype)), draw(st.integers(1, m + 2))


def naive_recall_at_k(similarity: np.ndarray, k: int) -> float:
    """Query by query: how many others are at least as similar as the right one?"""
    found = 0
    for i, row in enumerate(similarity.tolist()):
        rivals = sum(1 for j, value in enumerate(row) if j != i and value >= row[i])
        found += rivals < k
    return found / len(similarity)


class RecallAtK(Spec):
    """The share of queries whose right item is among the k most similar; an item that ties with it counts as before it."""

    signature = "recall_at_k(similarity, k)"
    shapes = "similarity (N, M): row = query, column = item, the right item of query i is i; k -> one float from 0 to 1"
    lesson = "lesson 16, contrastive alignment and retrieval"
    example = (np.array([[0.9, 0.1], [0.8, 0.2]]), 1)
    reference = staticmethod(naive_recall_at_k)

    @staticmethod
    def returns(similarity, k):
        return Number()

    @law(
        "when every query is most similar to its own item, recall at 1 is 1",
        st.integers(1, 6),
        hint="The right item of query i is item i; larger means more similar.",
    )
    def perfect(recall_at_k, n):
        close(recall_at_k(np.eye(n), 1), 1.0, "the recall of a perfect match")

    @law(
        "when every query is least similar to its own item, nothing is found before k reaches all items",
        st.integers(2, 6),
        hint="Sort from the most similar down, not up.",
    )
    def worst(recall_at_k, n):
        close(recall_at_k(-np.eye(n), n - 1), 0.0, f"the recall at {n - 1} of the worst match among {n}")
        close(recall_at_k(-np.eye(n), n), 1.0, f"the recall at {n} of the worst match among {n}")

    @law(
        "looking at all items, or at more than there are, finds every one",
        searches(),
        hint="Cut k at the number of items.",
    )
    def everything(recall_at_k, drawn):
        similarity, k = drawn
        close(
            recall_at_k(similarity, similarity.shape[1] + k),
            1.0,
            "the recall when k is larger than the number of items",
        )

    @law(
        "looking at more items never finds less", searches(), hint="What is among the first k is among the first k + 1."
    )
    def grows(recall_at_k, drawn):
        similarity, k = drawn
        more, fewer = recall_at_k(similarity, k + 1), recall_at_k(similarity, k)
        holds(more >= fewer - 1e-12, f"recall at {k + 1}", more, f"at least recall at {k}, which is {fewer:g}")

    @law(
        "a model that finds everything equally similar has found nothing",
        st.integers(2, 6),
        hint="An item with the same similarity stands before the right one: count those that are at least as similar.",
    )
    def ties_count_against(recall_at_k, n):
        close(recall_at_k(np.ones((n, n)), n - 1), 0.0, f"recall at {n - 1} when all {n} items are equally similar")

    @law(
        "rows are queries: what one query finds does not depend on the others",
        searches(),
        hint="Compare within the row of the query. Columns belong to items.",
    )
    def row_by_row(recall_at_k, drawn):
        similarity, k = drawn
        n = len(similarity)
        alone = [recall_at_k(np.roll(similarity[i : i + 1], -i, axis=1), k) for i in range(n)]
        close(recall_at_k(similarity, k), sum(alone) / n, "the recall, beside the mean of the queries one by one")

    @law(
        "only the order of similarities matters, not their size",
        searches(no_ties=True, dtype=st.just(np.dtype(np.float64))),
        hint="Nothing but comparisons is needed.",
    )
    def only_order(recall_at_k, drawn):
        similarity, k = drawn
        close(
            recall_at_k(3 * similarity**3 - 1, k), recall_at_k(similarity, k), "the recall with 3 s^3 - 1 in place of s"
        )

    @law(
        "it equals counting, query by query, the items that are at least as similar",
        searches(),
        hint="The right item is found when fewer than k others are at least as similar.",
    )
    def agrees(recall_at_k, drawn):
        close(recall_at_k(*drawn), naive_recall_at_k(*drawn), "the recall")
