"""Two smooth switches between "pass" and "block", applied to each number alone.

    gelu(x) = x Phi(x)        Phi: share of the standard normal below x      (Hendrycks and Gimpel 2016, section 2)
    silu(x) = x sigmoid(x)    sigmoid(x) = 1 / (1 + exp(-x))                 (Elfwing, Uchibe and Doya 2018, eq. 3)

Both are nearly 0 far below zero and nearly x far above it; between, unlike a sharp corner at 0, they have a slope everywhere.
"""

from __future__ import annotations

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has no error function of its own


def gelu(x: np.ndarray) -> np.ndarray:
    """x (...) -> (...): the exact form, not the approximation with tanh."""
    return x * _normal_share_below(x)


def gelu_backward(grad_output: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of x, (...).

    Product rule, and the slope of Phi is the density phi(x) = exp(-x^2 / 2) / sqrt(2 pi):  dy/dx = Phi(x) + x phi(x).
    """
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return grad_output * (_normal_share_below(x) + x * density)


def silu(x: np.ndarray) -> np.ndarray:
    """x (...) -> (...)."""
    return x * sigmoid(x)


def silu_backward(grad_output: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of x, (...).

    With s = sigmoid(x), whose slope is s (1 - s):  dy/dx = s + x s (1 - s) = s (1 + x (1 - s)).
    """
    s = sigmoid(x)
    return grad_output * (s + x * s * (1 - s))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) for any x: exp is only taken of -|x|, so it cannot overflow."""
    small = np.exp(-np.abs(x))  # in (0, 1]
    return np.where(x >= 0, 1, small) / (1 + small)


def _normal_share_below(x: np.ndarray) -> np.ndarray:
    """Phi(x) = (1 + erf(x / sqrt(2))) / 2, in the dtype of x."""
    return (0.5 * (1 + _erf(x / math.sqrt(2)))).astype(x.dtype)
