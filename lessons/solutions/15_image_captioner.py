"""Solutions of lesson 15, an image captioner: `minimm check lessons/solutions/15_image_captioner.py`."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


def cross_entropy(logits, targets, ignore_index=-100):
    """log(sum of exp) minus the target's logit, over the rows that are asked."""
    asked = targets != ignore_index
    rows, wanted = logits[asked], targets[asked]
    shifted = rows - rows.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(axis=-1))
    return float((log_total - shifted[np.arange(len(wanted)), wanted]).mean())


def bleu(hypotheses, references, max_order=4):
    """Clipped matches and totals of the corpus, order by order; their geometric mean, times the brevity penalty."""

    def ngrams(text, n):
        words = text.split()
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    written = wanted = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        length = len(hypothesis.split())
        written += length
        wanted += min((len(text.split()) for text in texts), key=lambda r: (abs(r - length), r))
    log_precisions = 0.0
    for n in range(1, max_order + 1):
        matches = total = 0
        for hypothesis, texts in zip(hypotheses, references, strict=True):
            counts, allowed = ngrams(hypothesis, n), Counter()
            for text in texts:
                allowed |= ngrams(text, n)
            matches += (counts & allowed).total()
            total += counts.total()
        if matches == 0:
            return 0.0
        log_precisions += math.log(matches / total) / max_order
    penalty = 1.0 if written >= wanted else math.exp(1 - wanted / written)
    return 100 * penalty * math.exp(log_precisions)
