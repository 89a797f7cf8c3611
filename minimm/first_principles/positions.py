"""Positions: attention alone cannot tell "dog bites man" from "man bites dog", so order is written into the vectors.

sinusoidal   added to the embedding: column 2i is sin(t / 10000^(2i / d_model)), column 2i + 1 the cosine
             (Vaswani et al. 2017, section 3.5)
rotary       queries and keys are turned: the pair (x_i, x_(i + D/2)) by the angle t base^(-2i / D), so that their
             product depends on the distance alone (Su et al. 2021, "RoFormer", eq. 34; halves paired as in Llama)
"""

from __future__ import annotations

import numpy as np


def sinusoidal_positions(length: int, d_model: int) -> np.ndarray:
    """(T, d_model) for the positions 0 to T - 1; d_model even. Each pair of columns is the hand of a slower clock."""
    wavelengths = 10000.0 ** (np.arange(0, d_model, 2) / d_model)  # (d_model / 2,)
    angles = np.arange(length)[:, None] / wavelengths  # (T, d_model / 2)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, d_model)  # in turns


def rotary_embedding(x: np.ndarray, positions: np.ndarray, base: float = 10000.0) -> np.ndarray:
    """x (..., T, D) with D even, positions (T,) -> (..., T, D): row t turned by its own position."""
    return _turn(x, _angles(x.shape[-1], positions, base))


def rotary_embedding_backward(
    grad_output: np.ndarray, x: np.ndarray, positions: np.ndarray, base: float = 10000.0
) -> np.ndarray:
    """The gradient of x, (..., T, D).

    Turning is a matrix R with y = R x, so dx = R^T dy; and the transpose of a rotation turns back: the angles negated.
    """
    return _turn(grad_output, -_angles(x.shape[-1], positions, base))


def _angles(d: int, positions: np.ndarray, base: float) -> np.ndarray:
    frequencies = base ** (-np.arange(0, d, 2) / d)  # (D / 2,)
    return positions[:, None] * frequencies  # (T, D / 2)


def _turn(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(a, b) -> (a cos - b sin, a sin + b cos) for each a of the first half and b of the second."""
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)  # (T, D / 2)
    a, b = np.split(x, 2, axis=-1)  # (..., T, D / 2) each
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
