"""Two summaries without learning: the first sentences, and the most central ones.

    similarity(a, b) = shared words / (ln |a| + ln |b|)                    |a|: words of sentence a
    score(a) = (1 - d) / N + d sum over b of  similarity(b, a) / (sum of b's similarities) * score(b)        d = 0.85

A sentence is central when central sentences resemble it: PageRank on sentences, found by applying the equation until nothing
changes. Source: Mihalcea & Tarau 2004, "TextRank: bringing order into texts", section 4. Differs from the paper in the term
(1 - d) / N instead of 1 - d, so that the scores sum to one; the order is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minimm.errors import check
from minimm.features.sentences import join_sentences, split_sentences
from minimm.features.tf_idf import search_words

DAMPING = 0.85
TOLERANCE = 1e-12
MAX_ROUNDS = 1000


def text_rank(sentences: Sequence[str]) -> np.ndarray:
    """The score of each sentence, (N,) float64, summing to one; sentences that resemble none share what is left evenly."""
    check(len(sentences) > 0, "there is no sentence to rank; give at least one")
    words = [set(search_words(sentence)) for sentence in sentences]
    count = len(sentences)
    similarity = np.zeros((count, count))
    for a in range(count):
        for b in range(a):
            size = math.log(max(len(words[a]), 1)) + math.log(max(len(words[b]), 1))
            if size > 0:
                similarity[a, b] = similarity[b, a] = len(words[a] & words[b]) / size
    totals = similarity.sum(axis=1, keepdims=True)
    steps = np.where(totals > 0, similarity / np.where(totals > 0, totals, 1), 1 / count)  # (from, to), rows sum to one
    scores = np.full(count, 1 / count)
    for _ in range(MAX_ROUNDS):
        new = (1 - DAMPING) / count + DAMPING * scores @ steps
        if np.abs(new - scores).max() < TOLERANCE:
            return new
        scores = new
    return scores


def lead_summary(text: str, num_sentences: int) -> str:
    """The first sentences: for news hard to beat, since reporters put the news first."""
    return join_sentences(_checked_sentences(text, num_sentences)[:num_sentences])


def text_rank_summary(text: str, num_sentences: int) -> str:
    """The most central sentences, in the order of the text; of equals the earlier one."""
    sentences = _checked_sentences(text, num_sentences)
    best = sorted(np.argsort(-text_rank(sentences).round(9), kind="stable")[:num_sentences].tolist())
    return join_sentences([sentences[i] for i in best])


def _checked_sentences(text: str, num_sentences: int) -> list[str]:
    check(num_sentences >= 1, f"num_sentences={num_sentences} must be at least 1")
    sentences = split_sentences(text)
    check(len(sentences) > 0, "the text is empty, so there is nothing to shorten")
    return sentences
