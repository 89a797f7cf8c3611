"""Dropout: in training a random part of the numbers is set to zero, so that no unit can rely on one other unit.

    y = x * mask / (1 - p)        mask is True with probability 1 - p

The division keeps the mean: E[y] = x. At the time of use nothing has to be scaled and dropout is left out.

Differs from the paper (Srivastava et al. 2014, section 4), which multiplies by 1 - p at the time of use instead. The mask is
an argument here, drawn by the caller: the function then has one result, and a gradient that can be checked.
"""

from __future__ import annotations

import numpy as np


def dropout(x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """x (...) with zeros where mask (...) is False, the rest divided by 1 - p. p in [0, 1): the share that is dropped."""
    return np.where(mask, x / (1 - p), 0.0)


def dropout_backward(grad_output: np.ndarray, x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """The gradient of x; grad_output and the result have the shape of x (...).

    Each y_i is x_i times a constant, 1 / (1 - p) or 0, and the gradient is multiplied by the same constant: dropout of the
    gradient with the same mask.
    """
    return dropout(grad_output, mask, p)
