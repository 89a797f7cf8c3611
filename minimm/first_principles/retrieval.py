"""Recall at k: how often is the right item among the k most similar ones?

    recall@k = 1/N sum_i [ #{j != i : s_ij >= s_ii} < k ]        s_ij: similarity of query i and item j; i belongs to i

An item that is exactly as similar as the right one counts as before it: a model that finds everything equally similar has
found nothing.
Source: the usual measure of image-text retrieval, as in Karpathy and Fei-Fei, 2015, section 4.1.
"""

from __future__ import annotations

import numpy as np


def recall_at_k(similarity: np.ndarray, k: int) -> float:
    """The share of queries, from 0 to 1, that find their item. `similarity` (N, M), M >= N: row = query, column = item.

    >>> recall_at_k(np.array([[0.9, 0.1], [0.8, 0.2]]), k=1)
    0.5
    """
    own = np.diagonal(similarity)[:, None]  # (N, 1)
    rivals = (similarity >= own).sum(axis=1) - 1  # (N,); the right item is as similar as itself: not a rival
    return float((rivals < k).mean())
