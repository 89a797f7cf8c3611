"""Splitting texts into parts so that nothing of the test leaks into training.

A text and its near-duplicates always land in one part. Which part is decided by a hash of the text, not by its place in the
list or by a random number: a document that is added tomorrow moves no other, except perhaps those that resemble it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from minimm.errors import check
from minimm.features.near_duplicates import near_duplicate_groups

SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}


def leak_free_split(
    texts: Sequence[str], shares: Mapping[str, float] = SHARES, threshold: float = 0.8
) -> dict[str, list[int]]:
    """part -> the numbers of its texts, in order. Every text is in exactly one part.

    Args:
        shares: part -> share of the groups that it gets, on average; they sum to one.
        threshold: resemblance from which two texts must stay together (see `near_duplicate_groups`).

    >>> parts = leak_free_split(["one text about foxes"] * 3, {"train": 0.5, "test": 0.5})
    >>> sorted(map(len, parts.values()))
    [0, 3]
    """
    check(
        len(shares) > 0 and min(shares.values()) >= 0 and abs(sum(shares.values()) - 1) < 1e-9,
        f"the shares {dict(shares)} must be at least 0 and sum to 1",
    )
    parts: dict[str, list[int]] = {part: [] for part in shares}
    for group in near_duplicate_groups(texts, threshold):
        first = min(_digest(texts[number].encode("utf-8", "surrogatepass")) for number in group)  # in whatever order
        place = int.from_bytes(_digest(first)[:6], "big") / 2**48  # hashed again: the smallest of many is not uniform
        parts[_part_at(place, shares)] += group
    return {part: sorted(numbers) for part, numbers in parts.items()}


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _part_at(place: float, shares: Mapping[str, float]) -> str:
    """The part into whose stretch of [0, 1) the number falls."""
    end = 0.0
    for part, share in shares.items():
        end += share
        if place < end:
            return part
    return part  # rounding: the shares may sum to a little less than one
