"""Late interaction: two things fit as well as each part of one fits its best part of the other, on average.

    c_tr = x_t . y_r        similarity(x, y) = 1/2 ( 1/T sum_t max_r c_tr + 1/R sum_r max_t c_tr )

With words x and regions y, of length one each: every word is somewhere in the picture, every region has a word for it.
Source: Yao et al. 2022 (FILIP), eq. 3 to 5, with the two directions averaged.
"""

from __future__ import annotations

import numpy as np


def late_interaction(x: np.ndarray, y: np.ndarray) -> float:
    """x (T, D) and y (R, D) -> how well they fit, from -1 to 1 for rows of length one.

    >>> late_interaction(np.eye(2), np.eye(3, 2))
    0.8333333333333333
    """
    cosines = x @ y.T  # (T, R)
    return float(cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2


def late_interaction_backward(grad_output: float, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dx (T, D) and dy (R, D): only best pairs matter, so only they are pulled together.

    dc_tr = 1/2T [r is best for t] + 1/2R [t is best for r];  dx = dc y,  dy = dc^T x
    """
    cosines = x @ y.T  # (T, R)
    words, regions = cosines.shape
    grad = np.zeros_like(cosines)
    grad[np.arange(words), cosines.argmax(axis=1)] += grad_output / (2 * words)
    grad[cosines.argmax(axis=0), np.arange(regions)] += grad_output / (2 * regions)
    return grad @ y, grad.T @ x
