"""Softmax turns any numbers into weights that are positive and sum to one; log-softmax gives their logarithms.

    softmax(z)_i = exp(z_i) / sum_j exp(z_j)          log_softmax(z)_i = z_i - log sum_j exp(z_j)

Adding a constant to all z changes neither, since it cancels. So the largest logit is subtracted first: every exponential
is then at most 1 and cannot overflow, and the largest is exactly 1, so that the sum is at least 1.

Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs".
"""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Weights along `axis`, shape of logits (...). A logit of -inf gets weight 0; a row of nothing but -inf, all zeros."""
    exponentials = np.exp(_below_largest(logits, axis))
    return exponentials / _total(exponentials, axis)


def softmax_backward(grad_output: np.ndarray, logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """The gradient of the logits; grad_output and the result have the shape of logits (...).

    With p = softmax(z), the quotient rule gives dp_i/dz_j = p_i (1[i = j] - p_j). Summed over i with g = grad_output:

        dz_j = sum_i g_i p_i (1[i = j] - p_j) = p_j (g_j - sum_i g_i p_i)

    A logit rises when its weight's gradient lies above the weighted average of all.
    """
    weights = softmax(logits, axis)
    average = np.sum(grad_output * weights, axis=axis, keepdims=True)
    return weights * (grad_output - average)


def log_softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Logarithms of the weights along `axis`, in nats, shape of logits (...).

    Not log(softmax(z)): a weight of exp(-1000) is stored as 0, and its logarithm would be -inf instead of -1000.
    """
    below = _below_largest(logits, axis)
    return below - np.log(_total(np.exp(below), axis))


def log_softmax_backward(grad_output: np.ndarray, logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """The gradient of the logits; grad_output and the result have the shape of logits (...).

    The slope of log sum_i exp(z_i) by z_j is p_j = softmax(z)_j, so that dy_i/dz_j = 1[i = j] - p_j and

        dz_j = g_j - p_j sum_i g_i
    """
    return grad_output - softmax(logits, axis) * np.sum(grad_output, axis=axis, keepdims=True)


def _below_largest(logits: np.ndarray, axis: int) -> np.ndarray:
    largest = np.max(logits, axis=axis, keepdims=True)
    return logits - np.where(largest == -np.inf, 0.0, largest)  # -inf - (-inf) would be NaN


def _total(exponentials: np.ndarray, axis: int) -> np.ndarray:
    # A sum below 1 lacks even the largest logit's exp(0): all logits were -inf. Dividing those zeros by 1 leaves zeros.
    return np.maximum(np.sum(exponentials, axis=axis, keepdims=True), 1.0)
