"""chrF: how many character n-grams do hypothesis and reference share? It forgives endings, where BLEU sees two other words.

    P_n = shared / in the hypothesis      R_n = shared / in the reference        for n = 1..6 characters, without spaces
    P, R = means over the n that occur in both
    chrF = 100 (1 + beta^2) P R / (beta^2 P + R)                                 beta = 2: recall counts twice as much

Source: Popovic 2015, "chrF: character n-gram F-score for automatic MT evaluation", eq. 1;
summed over the corpus as sacrebleu does.
"""

from __future__ import annotations

from collections.abc import Sequence

from minimm.metrics.segments import check_segments, count_ngrams

MAX_ORDER = 6
BETA = 2.0
Counts = list[tuple[int, int, int]]  # for each order: n-grams of the hypothesis, of the reference, of both


def chrf(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """chrF of a corpus, from 0 to 100. Of several references the one closest to the hypothesis counts.

    Raises `MinimmError` for empty or unequal lists.

    >>> chrf(["the cat"], [["the cat"]])
    100.0
    """
    check_segments(hypotheses, references)
    total: Counts = [(0, 0, 0)] * MAX_ORDER
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        best = max((_counts(hypothesis, text) for text in texts), key=_score)
        total = [tuple(map(sum, zip(one, other, strict=True))) for one, other in zip(total, best, strict=True)]
    return _score(total)


def _counts(hypothesis: str, reference: str) -> Counts:
    found = []
    characters = "".join(hypothesis.split()), "".join(reference.split())
    for order in range(1, MAX_ORDER + 1):
        ours, theirs = (count_ngrams(text, order) for text in characters)
        found.append((ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()))
    return found


def _score(counts: Counts) -> float:
    both = [(shared / ours, shared / theirs) for ours, theirs, shared in counts if ours > 0 and theirs > 0]
    if not both:
        return 0.0
    precision, recall = (sum(values) / len(both) for values in zip(*both, strict=True))
    if precision + recall == 0:
        return 0.0
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
