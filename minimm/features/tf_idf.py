"""TF-IDF: which document speaks of what is asked? A word counts the more often it stands in a document, and the fewer have it.

    weight(w, d) = count of w in d * (ln((1 + N) / (1 + documents with w)) + 1),    then each document's vector has length 1
    similarity   = dot product of two such vectors, from 0 to 1

Source: Salton & Buckley 1988; smoothed as scikit-learn's TfidfVectorizer does by default. The index is inverted, word ->
documents, so that a search touches only documents that share a word with the question.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import regex

from minimm.errors import check

_WORD = regex.compile(r"\p{Han}|[\p{L}\p{N}--\p{Han}]+", regex.VERSION1)


def search_words(text: str) -> list[str]:
    """Lower-case words; a Chinese character is a word.

    >>> search_words("Two cats: 红猫")
    ['two', 'cats', '红', '猫']
    """
    return _WORD.findall(text.lower())


class TfIdf:
    """`TfIdf().fit(documents).search("who eats fish", k=3)`."""

    def __init__(self) -> None:
        self.inverse_frequency: dict[str, float] = {}
        self._postings: dict[str, list[tuple[int, float]]] = {}

    def fit(self, documents: Sequence[str]) -> TfIdf:
        """Index `documents`; raises `MinimmError` when there is none."""
        check(not isinstance(documents, str) and len(documents) > 0, "give a list of at least one document")
        counts = [Counter(search_words(document)) for document in documents]
        having = Counter(word for count in counts for word in count)
        self.inverse_frequency = {
            word: math.log((1 + len(documents)) / (1 + number)) + 1 for word, number in having.items()
        }
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, document in enumerate(documents):
            for word, weight in self.transform(document).items():
                postings[word].append((number, weight))
        self._postings = dict(postings)
        return self

    def transform(self, text: str) -> dict[str, float]:
        """word -> weight, of length 1; words that no indexed document has are left out, so it may be empty."""
        counts = Counter(word for word in search_words(text) if word in self.inverse_frequency)
        known = {word: count * self.inverse_frequency[word] for word, count in counts.items()}
        length = math.hypot(*known.values())
        return {word: weight / length for word, weight in known.items()}

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """The k most similar documents as (number, similarity), best first; those that share no word are left out."""
        check(k >= 1, f"k={k} must be at least 1")
        scores: dict[int, float] = defaultdict(float)
        for word, weight in self.transform(query).items():
            for number, other in self._postings[word]:
                scores[number] += weight * other
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
