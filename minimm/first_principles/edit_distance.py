"""The edit distance: the fewest insertions, deletions and substitutions that turn one sequence into another.

    d(i, 0) = i,   d(0, j) = j
    d(i, j) = min( d(i-1, j) + 1                     delete a_i
                   d(i, j-1) + 1                     insert b_j
                   d(i-1, j-1) + [a_i != b_j] )      keep or substitute

Source: Levenshtein, 1966; the table is that of Wagner and Fischer, 1974. A row needs only the row above it, so one is kept:
memory grows with the length of b, not with the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Levenshtein's distance between two texts (in characters), or two lists of words or ids (in elements).

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))  # d(0, j): from nothing to the first j elements of b
    for i, x in enumerate(a, start=1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            # On the right row[j] is still d(i-1, j), row[j-1] is d(i, j-1) already, and corner is d(i-1, j-1).
            substitution = corner if x == y else corner + 1
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, substitution)
    return row[-1]
