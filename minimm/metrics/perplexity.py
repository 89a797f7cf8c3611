"""Perplexity: between how many tokens, all equally likely, does the model hesitate on average?

    perplexity = exp(-1/N sum_t log p(token_t | tokens before t))

A model that guesses uniformly has the size of its vocabulary as perplexity; a perfect one has 1. Perplexities compare
only between models with the same tokenizer. Bits per byte compare between any two: they divide by the bytes of the text.
Source: Jelinek, Mercer, Bahl and Baker, 1977, "Perplexity: a measure of the difficulty of speech recognition tasks".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from minimm.errors import check

ROUNDING = 1e-6  # a log-probability computed in float32 may lie this far above 0


def perplexity(token_log_probabilities: ArrayLike) -> float:
    """The exponential of the mean negative log-probability (natural logarithm) of the tokens that really came.

    `token_log_probabilities` has any shape; a token the model thought impossible (-inf) gives infinity.
    Raises `MinimmError` for an empty array, NaN, or values above 0.

    >>> perplexity([math.log(0.5), math.log(0.125)])
    4.0
    """
    values = np.asarray(token_log_probabilities, dtype=np.float64)
    check(values.size > 0, "perplexity got no log-probabilities; give at least one token")
    check(not np.isnan(values).any(), "perplexity got NaN among the log-probabilities; look for the step that made it")
    check(
        values.max() <= ROUNDING,
        f"perplexity got {values.max():.4g}, but a log-probability is never above 0; "
        "give log p, not p and not the loss -log p",
    )
    with np.errstate(over="ignore"):  # infinity is the right answer, not an accident
        return float(np.exp(-values.mean()))


def bits_per_byte(total_nll_nats: float, num_bytes: int) -> float:
    """How many bits the model needs for a byte of text: `total_nll_nats / (num_bytes ln 2)`.

    `total_nll_nats` is the sum (not the mean) of -ln p over all tokens, `num_bytes` the length of that text in UTF-8.

    >>> bits_per_byte(total_nll_nats=8 * math.log(2), num_bytes=4)
    2.0
    """
    check(num_bytes >= 1, f"bits_per_byte got num_bytes={num_bytes}; give the length in UTF-8 bytes, at least 1")
    check(
        total_nll_nats >= 0,  # also false for NaN
        f"bits_per_byte got total_nll_nats={total_nll_nats}; give the sum of -ln p over the tokens, which is at least 0",
    )
    return total_nll_nats / (num_bytes * math.log(2))
