"""Solutions of lesson 03, bigrams: `minimm check lessons/solutions/03_bigrams.py`."""

from __future__ import annotations

import numpy as np


def perplexity(token_log_probabilities):
    """The mean over all tokens, its sign changed, in the exponent."""
    with np.errstate(over="ignore"):  # infinity is the right answer, not an accident
        return float(np.exp(-np.mean(token_log_probabilities, dtype=np.float64)))


def log_softmax(logits, axis=-1):
    """z - ln sum e^z; the largest score of each row is subtracted first, so that no power overflows."""
    shifted = logits - np.max(logits, axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def cross_entropy(logits, targets, ignore_index=-100):
    """The rows that are asked, the target's place in each, and their mean."""
    asked = np.flatnonzero(targets != ignore_index)
    surprise = -log_softmax(logits)[asked, targets[asked]]
    return float(surprise.sum() / max(len(asked), 1))
