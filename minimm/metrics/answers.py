"""How right is an answer: exactly, or in the words it shares with an accepted one.

Before they are compared, answers are lower-cased, and punctuation, the articles a, an, the and spare spaces are dropped.
F1 is that of the words: precision of what was answered, recall of what should have been. Chinese characters are words.

Source: Rajpurkar, Zhang, Lopyrev and Liang 2016, "SQuAD: 100,000+ questions for machine comprehension of text", section 6.1.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence

import regex

from minimm.metrics.segments import check_segments

_WORD = regex.compile(r"\p{Han}|[^\s\p{Han}]+", regex.VERSION1)
_ARTICLE = regex.compile(r"\b(a|an|the)\b")
_CHINESE_PUNCTUATION = "，。！？；：、“”‘’（）《》"


def normalized_words(answer: str) -> list[str]:
    """The words that count.

    >>> normalized_words("The Red-Cross, 红 cat!")
    ['redcross', '红', 'cat']
    """
    plain = "".join(c for c in answer.lower() if c not in string.punctuation + _CHINESE_PUNCTUATION)
    return _WORD.findall(_ARTICLE.sub(" ", plain))


def normalized_exact_match(answers: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
    """The share, from 0 to 1, of answers whose words are those of one of their accepted answers."""
    check_segments(answers, accepted)
    hits = (
        normalized_words(answer) in map(normalized_words, texts)
        for answer, texts in zip(answers, accepted, strict=True)
    )
    return sum(hits) / len(answers)


def token_f1(answers: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
    """The mean over all answers of the best F1 with an accepted one, from 0 to 1."""
    check_segments(answers, accepted)
    best = (max(_f1(answer, text) for text in texts) for answer, texts in zip(answers, accepted, strict=True))
    return sum(best) / len(answers)


def _f1(answer: str, truth: str) -> float:
    ours, theirs = Counter(normalized_words(answer)), Counter(normalized_words(truth))
    if not ours or not theirs:  # two empty answers agree
        return float(ours == theirs)
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())
