"""Normalisation: bring every position's vector to one scale, so that depth neither blows it up nor lets it fade.

    layer_norm  y = (x - mean) / sqrt(variance + eps) * gain + bias        (Ba, Kiros and Hinton 2016, eq. 4)
    rms_norm    y = x / sqrt(mean(x^2) + eps) * gain                       (Zhang and Sennrich 2019, eq. 4)

Means run over the last axis alone: what stands at other positions changes nothing.
"""

from __future__ import annotations

import numpy as np


def layer_norm(x: np.ndarray, gain: np.ndarray, bias: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """x (..., D), gain and bias (D,) -> (..., D). The variance is biased: divided by D."""
    normalized, _ = _standardize(x, eps)
    return normalized * gain + bias


def layer_norm_backward(
    grad_output: np.ndarray, x: np.ndarray, gain: np.ndarray, bias: np.ndarray, eps: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, gain and bias; grad_output (..., D) = g.

    With r = 1 / sqrt(variance + eps) and n = (x - mean) r, so that y = n * gain + bias: dgain = sum g n and dbias = sum g
    over all vectors. Let d = g * gain be the gradient of n. A number x_j enters n_i in three ways:

        dn_i/dx_j = r (1[i = j] - 1/D - n_i n_j / D)        itself, the mean, and the variance (dr/dx_j = -r^2 n_j / D)

        dx = r (d - mean(d) - n mean(d n))

    What is left of d has no part along the two directions that normalising takes away: a shift and a stretch.
    """
    normalized, r = _standardize(x, eps)
    grad_normalized = grad_output * gain  # (..., D)
    grad_x = r * (grad_normalized - _mean(grad_normalized) - normalized * _mean(grad_normalized * normalized))
    return grad_x, _over_vectors(grad_output * normalized), _over_vectors(grad_output)


def rms_norm(x: np.ndarray, gain: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """x (..., D), gain (D,) -> (..., D)."""
    return x * _inverse_root(_mean(x * x), eps) * gain


def rms_norm_backward(
    grad_output: np.ndarray, x: np.ndarray, gain: np.ndarray, eps: float = 1e-6
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and gain; grad_output (..., D) = g.

    As in `layer_norm_backward` without the mean: n = x r with r = 1 / sqrt(mean(x^2) + eps) and dr/dx_j = -r^2 n_j / D give

        dgain = sum g n        dx = r (d - n mean(d n)),    d = g * gain
    """
    r = _inverse_root(_mean(x * x), eps)
    normalized = x * r
    grad_normalized = grad_output * gain
    grad_x = r * (grad_normalized - normalized * _mean(grad_normalized * normalized))
    return grad_x, _over_vectors(grad_output * normalized)


def _standardize(x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """(x - mean) / sqrt(variance + eps), (..., D), and the inverse root that it was multiplied with, (..., 1)."""
    centred = x - _mean(x)  # first, and only then squared: E[x^2] - E[x]^2 would lose its digits far from zero
    r = _inverse_root(_mean(centred * centred), eps)
    return centred * r, r


def _inverse_root(mean_square: np.ndarray, eps: float) -> np.ndarray:
    # eps stands inside the root: a vector of equal numbers divides by sqrt(eps), not by 0.
    return 1 / np.sqrt(mean_square + eps)


def _mean(x: np.ndarray) -> np.ndarray:
    return np.mean(x, axis=-1, keepdims=True)  # (..., 1)


def _over_vectors(x: np.ndarray) -> np.ndarray:
    """(..., D) -> (D,): one gain and bias serve every vector, so their gradients add up."""
    return x.reshape(-1, x.shape[-1]).sum(axis=0)
