"""The edit distance: how many edits a text is away from another. The table is in `first_principles/edit_distance.py`.

Over characters and words it is what the error rates of speech recognition count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minimm.errors import check
from minimm.first_principles.edit_distance import edit_distance as plain_edit_distance


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The fewest insertions, deletions and substitutions from `a` to `b`.

    Two texts are compared character by character, two lists, tuples or arrays (N,) element by element. The time grows
    with the product of the lengths. Raises `MinimmError` for what is not a sequence.

    >>> edit_distance("kitten", "sitting")
    3
    >>> edit_distance("the cat sat".split(), "the cat".split())
    1
    """
    for name, sequence in (("a", a), ("b", b)):
        check(
            isinstance(sequence, Sequence) or (isinstance(sequence, np.ndarray) and sequence.ndim == 1),
            f"edit_distance got {name} of type {type(sequence).__name__}{_shape(sequence)}, expected a sequence; "
            "give a text, a list of words or ids, or an array with one axis",
        )
    return plain_edit_distance(a, b)


def word_error_rate(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Edits of words over words of the references, summed over the corpus: 0 is perfect, and it may exceed 1.

    >>> word_error_rate(["the cat sat"], ["the cat sat down"])
    0.25
    """
    return _error_rate([text.split() for text in hypotheses], [text.split() for text in references])


def character_error_rate(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """The same over characters, spaces included; the measure for Chinese, which has none between words."""
    return _error_rate(hypotheses, references)


def _error_rate(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    check(
        len(hypotheses) == len(references) and len(references) > 0,
        f"there are {len(hypotheses)} hypotheses and {len(references)} references; give as many of both, at least one",
    )
    length = sum(map(len, references))
    check(length > 0, "the references are empty, so there is nothing to compare with")
    return sum(map(edit_distance, hypotheses, references)) / length


def _shape(sequence: Any) -> str:
    return f" and shape {sequence.shape}" if isinstance(sequence, np.ndarray) else ""
