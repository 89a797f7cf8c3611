"""The embedding: token number i becomes row i of a learned table.

    y = E[i]        the same as onehot(i) E, without the product

Source: Bengio et al. 2003, "A neural probabilistic language model", section 2 (the matrix C).
"""

from __future__ import annotations

import numpy as np


def embedding(ids: np.ndarray, table: np.ndarray) -> np.ndarray:
    """ids (...) int in [0, V), table (V, D) -> (..., D)."""
    return table[ids]


def embedding_backward(grad_output: np.ndarray, ids: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The gradient of the table (V, D); grad_output (..., D). Ids are whole numbers and have no gradient.

    Row v was copied to every place where v stands, so it collects the gradients of all those places:

        dE_v = sum over places with id v of grad_output        and 0 for a token that did not occur

    `grad_table[ids] += grad_output` would keep only one of the places of a repeated id; `np.add.at` adds them all.
    """
    grad_table = np.zeros_like(table)
    np.add.at(grad_table, ids, grad_output)
    return grad_table
