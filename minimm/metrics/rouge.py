"""ROUGE: how much of the reference does a summary recall, and how much of what it says is in it?

    ROUGE-N    F1 of the n-grams that both have (clipped: a repeated one counts as often as it stands in both)
    ROUGE-L    F1 of the longest common subsequence of words: the same order, with gaps

Source: Lin 2004, "ROUGE: a package for automatic evaluation of summaries", sections 2 and 3. Words are lower-case runs of
letters and digits, as in the rouge-score package without stemming. Differs from it in that letters beyond a to z are letters
and that a Chinese character is a word; that package takes both for white space.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from minimm.metrics.segments import check_segments, count_ngrams

_WORD = regex.compile(r"\p{Han}|[\p{L}\p{N}--\p{Han}]+", regex.VERSION1)


def rouge_words(text: str) -> list[str]:
    """Lower-case words.

    >>> rouge_words("A dog's ball: 红球")
    ['a', 'dog', 's', 'ball', '红', '球']
    """
    return _WORD.findall(text.lower())


def rouge_n(hypothesis: str, reference: str, order: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of the n-grams of one summary, 0 to 1 each."""
    ours, theirs = (count_ngrams(rouge_words(text), order) for text in (hypothesis, reference))
    return _precision_recall_f1((ours & theirs).total(), ours.total(), theirs.total())


def rouge_l(hypothesis: str, reference: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of the longest common subsequence of one summary, 0 to 1 each."""
    ours, theirs = rouge_words(hypothesis), rouge_words(reference)
    row = [0] * (len(theirs) + 1)  # row[j]: the longest for the words of ours so far and the first j of theirs
    for word in ours:
        above_left = 0
        for j, other in enumerate(theirs, start=1):
            above = row[j]
            row[j] = above_left + 1 if word == other else max(above, row[j - 1])
            above_left = above
    return _precision_recall_f1(row[-1], len(ours), len(theirs))


def rouge(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """`rouge1`, `rouge2` and `rougeL`: the means over all summaries of the best F1 with one of their references, 0 to 1.

    Raises `MinimmError` for empty or unequal lists.
    """
    check_segments(hypotheses, references)
    scores = {
        "rouge1": lambda hypothesis, text: rouge_n(hypothesis, text, 1)[2],
        "rouge2": lambda hypothesis, text: rouge_n(hypothesis, text, 2)[2],
        "rougeL": lambda hypothesis, text: rouge_l(hypothesis, text)[2],
    }
    pairs = list(zip(hypotheses, references, strict=True))
    return {
        name: sum(max(score(hypothesis, text) for text in texts) for hypothesis, texts in pairs) / len(pairs)
        for name, score in scores.items()
    }


def _precision_recall_f1(shared: int, ours: int, theirs: int) -> tuple[float, float, float]:
    precision, recall = shared / max(ours, 1), shared / max(theirs, 1)
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    return precision, recall, f1
