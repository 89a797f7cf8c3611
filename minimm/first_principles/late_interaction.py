"""Late interaction: a text fits a picture as well as its words do, each compared with the region that shows it best.

    c_tr = word_t . region_r        similarity = 1/T sum_t max_r c_tr

Source: Khattab and Zaharia 2020, "ColBERT", section 3.3; for pictures Yao et al. 2022, "FILIP", eq. 4.
"""

from __future__ import annotations

import numpy as np


def late_interaction(words: np.ndarray, regions: np.ndarray) -> float:
    """words (T, D) and regions (R, D) -> how well they fit, from -1 to 1 for rows of length one.

    >>> late_interaction(np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[1.0, 0.0]]))
    0.8
    """
    return float((words @ regions.T).max(axis=1).mean())


def late_interaction_backward(
    grad_output: float, words: np.ndarray, regions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of words (T, D) and regions (R, D): a word and its best region are pulled together, no others.

    dc_tr = 1/T [r is best for t];   d words = dc regions,   d regions = dc^T words
    """
    cosines = words @ regions.T  # (T, R)
    grad = np.zeros_like(cosines)
    grad[np.arange(len(words)), cosines.argmax(axis=1)] = grad_output / len(words)
    return grad @ regions, grad.T @ words
