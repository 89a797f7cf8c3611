"""The list of planted implementations: each wrong one must be caught by its spec, each right one must pass.

A wrong one is written as a student would write it who has one thing wrong; its note says which. A right one reaches
the same numbers by another road (einsum, loops, online softmax, a heap), and its note says by which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """One implementation of the function `name` of the contract, and what is wrong or different about it."""

    name: str
    note: str
    function: Callable

    @property
    def label(self) -> str:
        """Short and unique, for test names: 'softmax: sums over everything'."""
        return f"{self.name}: {self.note}"


WRONG: list[Planted] = []
RIGHT: list[Planted] = []


def wrong(name: str, note: str) -> Callable[[Callable], Callable]:
    """Decorator: plant a wrong implementation of `name`; `note` says what is wrong in a few words."""
    return _plant(WRONG, name, note)


def right(name: str, note: str) -> Callable[[Callable], Callable]:
    """Decorator: plant a right but different implementation of `name`; `note` says how it differs."""
    return _plant(RIGHT, name, note)


def _plant(into: list[Planted], name: str, note: str) -> Callable[[Callable], Callable]:
    def keep(function: Callable) -> Callable:
        into.append(Planted(name, note, function))
        return function

    return keep
