"""Recall at k: how often a search finds the right item among its first k. The formula is in `first_principles/retrieval.py`.

Ties count against the model: the right item is found when fewer than k others are at least as similar.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from minimm.errors import check
from minimm.first_principles.retrieval import recall_at_k as plain_recall_at_k


def recall_at_k(similarity: ArrayLike, k: int) -> float:
    """The share of queries, from 0 to 1, that find their item among the k most similar.

    Args:
        similarity: (N, M), N <= M; row = query, column = item, larger = more similar. The right item of query i is i.
        k: how many items are looked at, 1 or more; beyond M every query finds its item.

    Raises `MinimmError` for other shapes, no query, NaN, or k below 1.

    >>> recall_at_k([[0.9, 0.1], [0.8, 0.2]], k=1)
    0.5
    """
    similarity = np.asarray(similarity)
    check(
        similarity.ndim == 2 and 1 <= similarity.shape[0] <= similarity.shape[1],
        f"recall_at_k got similarity of shape {similarity.shape}, expected (queries, items) with at least one query and an "
        "item for each query; put queries into rows, with the right item of query i in column i",
    )
    check(
        similarity.dtype.kind in "fiub",
        f"recall_at_k got similarity of type {similarity.dtype}, expected numbers that can be compared; give floats",
    )
    check(
        not np.isnan(similarity).any(),
        "recall_at_k got NaN among the similarities; look for an embedding of length zero that was divided by its length",
    )
    check(
        isinstance(k, int | np.integer) and k >= 1,
        f"recall_at_k got k={k!r}; give the number of items to look at, a whole number from 1",
    )
    return plain_recall_at_k(similarity, k)
