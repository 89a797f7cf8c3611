"""Near-duplicates: the same text twice with a few letters changed. A model learns them by heart, and a test set leaks.

    shingles S(t)  = all runs of 5 characters of t, in lower case, letters and digits alone
    J(a, b)        = |S(a) and S(b)| / |S(a) or S(b)|                                 1: the same, 0: nothing shared
    h_i(t)         = min over s in S(t) of (a_i s + b_i mod p)        P(h_i(a) = h_i(b)) = J(a, b): a short signature
    candidates     = pairs that agree in all 4 values of at least one of 32 bands, found without comparing all

The chance that a pair is missed is (1 - J^4)^32: one in twenty million for J = 0.8, 13 % for J = 0.5.
Candidates are then compared exactly, so nothing is ever called a duplicate that is none.
Sources: Broder 1997, "On the resemblance and containment of documents"; Leskovec, Rajaraman and Ullman 2014, "Mining of
massive datasets", chapter 3.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import regex

from minimm.errors import check

SHINGLE = 5  # characters
BANDS, ROWS = 32, 4
PRIME = 2**31 - 1  # products of two numbers below it fit into 64 bits
SEED = 1997
_LETTERS = regex.compile(r"[^\p{L}\p{N}]+")


def shingles(text: str) -> set[str]:
    """All runs of five letters and digits, in lower case; a shorter text is one shingle, an empty one none."""
    plain = _LETTERS.sub(" ", text.lower()).strip()
    return {plain[i : i + SHINGLE] for i in range(max(len(plain) - SHINGLE + 1, 1))} if plain else set()


def jaccard(a: set[str], b: set[str]) -> float:
    """The share of what is in either set that is in both; two empty sets are the same."""
    return len(a & b) / len(a | b) if a or b else 1.0


def near_duplicate_groups(texts: Sequence[str], threshold: float = 0.8) -> list[list[int]]:
    """Every text in one group with those it resembles, directly or through others: groups of numbers, in order.

    Args:
        texts: documents, paragraphs or sentences.
        threshold: resemblance from which two texts count as the same; 0.5 to 1. Below, too many pairs would be missed.

    >>> near_duplicate_groups(["A fox ran through the garden.", "Something else.", "a fox ran through the garden"])
    [[0, 2], [1]]
    """
    return resembling_groups([shingles(text) for text in texts], threshold)


def resembling_groups(sets: Sequence[set[str]], threshold: float = 0.8) -> list[list[int]]:
    """The same for texts, or anything else, whose shingles are known."""
    check(0.5 <= threshold <= 1.0, f"threshold={threshold} must lie between 0.5 and 1; 0.8 is the custom")
    parent = list(range(len(sets)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for number, signature in enumerate(_signatures(sets)):
        for band in range(BANDS):
            members = buckets[band, signature[band].tobytes()]
            for other in members:
                if root(other) != root(number) and jaccard(sets[other], sets[number]) >= threshold:
                    parent[root(number)] = root(other)
            members.append(number)
    groups: dict[int, list[int]] = defaultdict(list)
    for number in range(len(sets)):
        groups[root(number)].append(number)
    return sorted(groups.values())


def _signatures(sets: Sequence[set[str]]) -> np.ndarray:
    """(texts, bands, rows) int64."""
    generator = np.random.default_rng(SEED)
    a, b = generator.integers(1, PRIME, (2, BANDS * ROWS))
    rows = np.zeros((len(sets), BANDS * ROWS), dtype=np.int64)
    for number, found in enumerate(sets):
        codes = np.fromiter((zlib.crc32(s.encode()) % PRIME for s in found or {""}), dtype=np.int64)
        rows[number] = ((codes[:, None] * a + b) % PRIME).min(axis=0)
    return rows.reshape(len(sets), BANDS, ROWS)
