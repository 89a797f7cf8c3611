"""BLEU: which share of the model's n-grams do the references contain?

    p_n  = sum over texts of min(count in hypothesis, max count in one reference) / sum of counts in hypothesis
    BP   = 1 if c >= r else exp(1 - r / c)            c: words of all hypotheses, r: of the references closest in length
    BLEU = 100 BP (p_1 p_2 ... p_N)^(1/N)             0 when some p_n is 0

The count of an n-gram is clipped at what one reference has, so that repeating a good word earns nothing. Leaving words out
would raise precision, so brevity is punished. An n-gram is a run of n neighbouring words; words stand between white space.

Source: Papineni, Roukos, Ward and Zhu, 2002, sections 2.1 to 2.3. A tie in length goes to the shorter reference, which
the paper leaves open. `metrics/bleu.py` adds what WMT adds: punctuation is split off, and orders without a match smoothed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]], max_order: int = 4) -> float:
    """BLEU of a whole corpus, from 0 to 100. `references[i]` lists the texts that `hypotheses[i]` may match.

    >>> round(bleu(["the cat sat on the mat"], [["the cat is on the mat", "a cat sat on the mat"]]), 2)
    84.09
    """
    matches, totals = [0] * max_order, [0] * max_order  # summed over the corpus before they are divided
    written = wanted = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        words, alternatives = hypothesis.split(), [text.split() for text in texts]
        written += len(words)
        wanted += min(map(len, alternatives), key=lambda length: (abs(length - len(words)), length))
        for n in range(1, max_order + 1):
            counts, allowed = _ngrams(words, n), Counter()
            for alternative in alternatives:
                allowed |= _ngrams(alternative, n)  # | takes the larger count of each n-gram, & the smaller
            matches[n - 1] += (counts & allowed).total()
            totals[n - 1] += counts.total()
    if not all(matches):
        return 0.0
    brevity_penalty = 1.0 if written >= wanted else math.exp(1 - wanted / written)
    log_precisions = [math.log(match / total) for match, total in zip(matches, totals, strict=True)]
    return 100 * brevity_penalty * math.exp(sum(log_precisions) / max_order)


def _ngrams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words occurs."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
