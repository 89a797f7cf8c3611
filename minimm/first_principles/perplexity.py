"""Perplexity: between how many tokens, all equally likely, does the model hesitate on average?

    perplexity = exp(-1/N sum_t log p(token_t | tokens before t))

A uniform guess among V tokens has perplexity V, certainty has 1. It is exp of the cross-entropy in nats.
Source: Jelinek, Mercer, Bahl and Baker, 1977, "Perplexity: a measure of the difficulty of speech recognition tasks".
"""

from __future__ import annotations

import numpy as np


def perplexity(token_log_probabilities: np.ndarray) -> float:
    """exp of the mean surprise. `token_log_probabilities`: natural logarithms, any shape; one -inf makes it infinite.

    >>> round(perplexity(np.log([0.5, 0.125])), 6)
    4.0
    """
    return float(np.exp(-np.mean(token_log_probabilities, dtype=np.float64)))


def perplexity_backward(grad_output: float, token_log_probabilities: np.ndarray) -> np.ndarray:
    """The gradient with respect to each log-probability, in the shape of `token_log_probabilities`.

    With P = exp(-m) and m = 1/N sum_t x_t:   dP/dx_t = -P dm/dx_t = -P / N,   the same for every token.
    """
    x = np.asarray(token_log_probabilities)
    return np.full(x.shape, -grad_output * perplexity(x) / x.size, dtype=x.dtype)
