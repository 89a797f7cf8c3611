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
    _refuse_nan(similarity, "recall_at_k")
    check(
        isinstance(k, int | np.integer) and k >= 1,
        f"recall_at_k got k={k!r}; give the number of items to look at, a whole number from 1",
    )
    return plain_recall_at_k(similarity, k)


def recall_by_label(similarity: ArrayLike, query_labels: ArrayLike, item_labels: ArrayLike, k: int) -> float:
    """The share of queries that find an item of their own label among the k most similar, where several may be right.

    A query has found one when fewer than k items of other labels are at least as similar as its best right one. With N
    different labels in order, this is `recall_at_k`.

    Args:
        similarity: (N, M). query_labels: (N,), item_labels: (M,): equal where an item is a right answer; numbers or texts.
        k: how many items are looked at, 1 or more.

    Raises `MinimmError` for shapes that do not agree, NaN, a query without any right item, or k below 1.

    >>> recall_by_label([[0.9, 0.1, 0.8], [0.8, 0.2, 0.7]], ["cat", "dog"], ["cat", "dog", "dog"], k=1)
    0.5
    """
    similarity, query_labels, item_labels = map(np.asarray, (similarity, query_labels, item_labels))
    check(
        similarity.ndim == 2
        and similarity.shape == (len(query_labels), len(item_labels))
        and query_labels.ndim == item_labels.ndim == 1
        and similarity.size > 0,
        f"recall_by_label got similarity of shape {similarity.shape}, {query_labels.shape} query labels and "
        f"{item_labels.shape} item labels; give (N, M) with N labels of rows and M labels of columns, none of them 0",
    )
    _refuse_nan(similarity, "recall_by_label")
    check(k >= 1, f"recall_by_label got k={k!r}; give the number of items to look at, a whole number from 1")
    right = query_labels[:, None] == item_labels[None]  # (N, M)
    check(
        bool(right.any(axis=1).all()),
        "recall_by_label got a query that has no item of its label, so it could never be found; add one or leave it out",
    )
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)  # (N, 1)
    rivals = ((similarity >= best) & ~right).sum(axis=1)
    return float((rivals < k).mean())


def _refuse_nan(similarity: np.ndarray, name: str) -> None:
    check(
        not np.isnan(similarity).any(),
        f"{name} got NaN among the similarities; look for an embedding of length zero that was divided by its length",
    )
