"""A mask says who may look at whom: bool (T_q, T_k), True where a query may attend to a key.

Causal: position i sees positions j <= i, itself included, so that no prediction can peek at the token it has to guess.

Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.3.
"""

from __future__ import annotations

import numpy as np


def causal_mask(length: int) -> np.ndarray:
    """(T, T) bool, True on and below the diagonal: row i is the query, column j the key.

    >>> causal_mask(3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    positions = np.arange(length)
    return positions <= positions[:, None]  # keys (T,) against queries (T, 1) -> (T, T)
