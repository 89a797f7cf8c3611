"""Solutions of lesson 08, evaluating text: `minimm check lessons/solutions/08_evaluating_text.py`."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


def perplexity(token_log_probabilities):
    """The exponential of the mean surprise."""
    return float(np.exp(-np.mean(token_log_probabilities, dtype=np.float64)))


def edit_distance(a, b):
    """The whole table, cell by cell: from above, from the left, from the corner."""
    table = [
        [i + j if i == 0 or j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)
    ]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            corner = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, corner)
    return table[-1][-1]


def bleu(hypotheses, references, max_order=4):
    """Matches, totals and lengths of all texts; then one precision for each order, and the penalty."""

    def ngrams(text, n):
        words = text.split()
        return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))

    matches, totals = [0] * max_order, [0] * max_order
    written = wanted = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        length = len(hypothesis.split())
        written += length
        wanted += min((len(text.split()) for text in texts), key=lambda r: (abs(r - length), r))
        for n in range(1, max_order + 1):
            counts, allowed = ngrams(hypothesis, n), Counter()
            for text in texts:
                allowed |= ngrams(text, n)
            matches[n - 1] += (counts & allowed).total()
            totals[n - 1] += counts.total()
    if not all(matches):
        return 0.0
    mean = sum(math.log(m / t) for m, t in zip(matches, totals, strict=True)) / max_order
    return 100 * min(1.0, math.exp(1 - wanted / written)) * math.exp(mean)
