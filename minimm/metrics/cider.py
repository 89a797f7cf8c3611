"""CIDEr-D: does the caption say what all people say about this picture, and about no other?

An n-gram w of a caption weighs g(w) = tf(w) idf(w): its count, times idf(w) = log(documents / documents with w).
A document is the set of references of one picture. For captions c (hypothesis) and s (one of m references) of
lengths l(c) and l(s):

    CIDEr-D_n(c, S) = 10/m sum_s exp(-(l(c) - l(s))^2 / (2 sigma^2))  min(g(c), g(s)) . g(s) / (|g(c)| |g(s)|)
    CIDEr-D(c, S)   = mean over n = 1..4;   the score of the corpus is the mean over its pictures

Source: Vedantam, Zitnick and Parikh, 2015, "CIDEr: consensus-based image description evaluation", equations 2, 3 and
7. Differs from the paper as the authors' code does: tf is the count, not the count over the caption's length (the
cosine cancels that), and an n-gram no document contains is taken to be in one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from minimm.metrics.segments import Ngram, check_segments, count_ngrams

MAX_ORDER = 4
SIGMA = 6.0  # words: captions that differ by more in length hardly count as similar


def caption_words(text: str) -> list[str]:
    """Lower-case words: runs of letters, digits and inner apostrophes; punctuation is dropped.

    Languages written without spaces must be split into words first.

    >>> caption_words("A dog's red-brown ball.")
    ['a', "dog's", 'red', 'brown', 'ball']
    """
    return re.findall(r"\w+(?:'\w+)*", text.lower())


def cider(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """CIDEr-D of a corpus, from 0 to 10. `references[i]` lists the captions people gave to the picture of `hypotheses[i]`.

    Document frequencies are counted over the given references, so scores compare only on the same references. What
    every document says has idf log(1) = 0 and counts nothing. With a single document that would be everything, so then
    all idf are 1 and the score is the plain similarity of n-gram counts. A caption of fewer than four words has no
    4-grams and stays below 10 even when perfect, as in the authors' code.
    Raises `MinimmError` for empty or unequal lists.

    >>> cider(["a small red fox", "two blue birds sing"], [["a small red fox"], ["two blue birds sing"]])
    10.0
    """
    check_segments(hypotheses, references)
    documents = [[_all_ngrams(text) for text in texts] for texts in references]
    document_frequency = Counter(ngram for document in documents for ngram in set().union(*document))

    def weigh(counts: Counter[Ngram]) -> list[dict[Ngram, float]]:
        """The vectors g, one for each order."""
        vectors: list[dict[Ngram, float]] = [{} for _ in range(MAX_ORDER)]
        for ngram, count in counts.items():
            rarity = math.log(len(documents) / max(1, document_frequency[ngram])) if len(documents) > 1 else 1.0
            vectors[len(ngram) - 1][ngram] = count * rarity
        return vectors

    total = 0.0
    for hypothesis, texts, document in zip(hypotheses, references, documents, strict=True):
        candidate, length = weigh(_all_ngrams(hypothesis)), len(caption_words(hypothesis))
        for text, counts in zip(texts, document, strict=True):
            penalty = math.exp(-((length - len(caption_words(text))) ** 2) / (2 * SIGMA**2))
            similarity = sum(map(_clipped_cosine, candidate, weigh(counts))) / MAX_ORDER
            total += 10 * penalty * similarity / len(texts)
    return total / len(hypotheses)


def _all_ngrams(text: str) -> Counter[Ngram]:
    words = caption_words(text)
    return Counter({ngram: count for n in range(MAX_ORDER) for ngram, count in count_ngrams(words, n + 1).items()})


def _clipped_cosine(candidate: dict[Ngram, float], reference: dict[Ngram, float]) -> float:
    """The cosine of two sparse vectors, the candidate's weights clipped to the reference's: repeating earns nothing."""
    product = sum(
        min(weight, reference.get(ngram, 0.0)) * reference.get(ngram, 0.0) for ngram, weight in candidate.items()
    )
    norms = math.hypot(*candidate.values()) * math.hypot(*reference.values())
    return product / norms if norms > 0 else 0.0
