"""What metrics of text share: hypotheses with their references, and the n-grams of a sentence.

A hypothesis is what a model wrote; its references are the texts that people wrote for the same input, one or more.
An n-gram is a run of n neighbouring words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from minimm.errors import check

Ngram = tuple[str, ...]


def check_segments(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Raise `MinimmError` unless there is at least one hypothesis and each has its own list of references, not empty."""
    check(
        not isinstance(hypotheses, str),
        "hypotheses is one text, but a list of texts was expected; put it into [...]",
    )
    check(len(hypotheses) > 0, "hypotheses is empty, so there is nothing to measure; give at least one text")
    check(
        len(hypotheses) == len(references),
        f"there are {len(hypotheses)} hypotheses but {len(references)} lists of references; "
        "give one list of references for each hypothesis",
    )
    for index, texts in enumerate(references):
        check(
            not isinstance(texts, str),
            f"references[{index}] is one text, but a list of texts was expected; put it into [...]",
        )
        check(len(texts) > 0, f"references[{index}] is empty; each hypothesis needs at least one reference")


def count_ngrams(words: Sequence[str], order: int) -> Counter[Ngram]:
    """How often each run of `order` words occurs; empty when there are fewer words.

    >>> count_ngrams(["a", "b", "a", "b"], 2)
    Counter({('a', 'b'): 2, ('b', 'a'): 1})
    """
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))
