"""A data card: what is in a corpus, before anything is trained on it (after Gebru et al. 2018, "Datasheets for datasets").

vocabulary = different words            hapax = words that occur once        Chinese characters count as words
duplicates = documents that are there before, word for word or nearly (`features.near_duplicates`)
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from minimm.errors import check
from minimm.features.languages import guess_language
from minimm.features.near_duplicates import near_duplicate_groups
from minimm.features.sentences import split_sentences
from minimm.features.stop_words import STOP_WORDS
from minimm.features.tf_idf import search_words

COMMON = 12  # words shown
BAR = 30  # characters of the longest bar


@dataclass(frozen=True)
class DataCard:
    """The numbers of a corpus. `str(card)` is the card as Markdown."""

    documents: int
    bytes: int  # in UTF-8
    characters: int
    words: int
    sentences: int
    vocabulary: int
    hapax: int
    exact_duplicates: int
    near_duplicates: int  # beyond the exact ones
    languages: dict[str, int]  # code -> documents, the commonest first
    lengths: dict[str, int]  # words of a document, "1", "2-3", "4-7", ... -> documents
    shortest: int
    median: float
    longest: int
    common_words: list[str]  # without stop words

    def as_dict(self) -> dict:
        """For results.json."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [
            ("documents", f"{self.documents:,}"),
            ("size", f"{self.bytes:,} bytes, {self.characters:,} characters, {self.words:,} words"),
            ("sentences", f"{self.sentences:,}, of {self.words / max(self.sentences, 1):.1f} words on average"),
            ("vocabulary", f"{self.vocabulary:,} different words, {self.hapax:,} of them once"),
            ("duplicates", f"{self.exact_duplicates:,} exact, {self.near_duplicates:,} near"),
            ("languages", ", ".join(f"{name} {count:,}" for name, count in self.languages.items())),
            ("words in a document", f"{self.shortest:,} to {self.longest:,}, median {self.median:,.0f}"),
            ("commonest words", " ".join(self.common_words)),
        ]
        table = "\n".join(["| what | how much |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
        return f"{table}\n\nWords in a document:\n\n{self._histogram()}"

    def _histogram(self) -> str:
        width, most = max(map(len, self.lengths)), max(self.lengths.values())
        return "\n".join(
            f"    {name:>{width}}  {'#' * round(BAR * count / most):<{BAR}} {count:,}"
            for name, count in self.lengths.items()
        )


def data_card(texts: Sequence[str], threshold: float = 0.8) -> DataCard:
    """Count everything. `texts` are documents, paragraphs or lines; `threshold` is that of a near-duplicate."""
    check(not isinstance(texts, str) and len(texts) > 0, "give a list of at least one text")
    words = [search_words(text) for text in texts]
    counts = Counter(word for found in words for word in found)
    content = [word for word, _ in counts.most_common() if not any(word in stop for stop in STOP_WORDS.values())]
    lengths = [len(found) for found in words]
    different = list(dict.fromkeys(texts))
    return DataCard(
        documents=len(texts),
        bytes=sum(len(text.encode("utf-8", "surrogatepass")) for text in texts),
        characters=sum(map(len, texts)),
        words=sum(lengths),
        sentences=sum(len(split_sentences(text)) for text in texts),
        vocabulary=len(counts),
        hapax=sum(count == 1 for count in counts.values()),
        exact_duplicates=len(texts) - len(different),
        near_duplicates=len(different) - len(near_duplicate_groups(different, threshold)),
        languages=dict(Counter(map(guess_language, texts)).most_common()),
        lengths=_histogram(lengths),
        shortest=min(lengths),
        median=float(statistics.median(lengths)),
        longest=max(lengths),
        common_words=content[:COMMON],
    )


def _histogram(lengths: Sequence[int]) -> dict[str, int]:
    """Bins that double: "0", "1", "2-3", "4-7", "8-15", ..., from the first to the last that is not empty."""
    bins = Counter(length.bit_length() for length in lengths)
    names = {k: "0" if k == 0 else "1" if k == 1 else f"{2 ** (k - 1)}-{2**k - 1}" for k in range(max(bins) + 1)}
    return {names[k]: bins[k] for k in range(min(bins), max(bins) + 1)}
