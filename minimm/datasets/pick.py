"""Choosing at random in a way that gives the same choice in every version of Python.

Of all that `random.Random` offers, only the numbers of `random()` are promised to stay the same; so everything that the
generated data draw is made of these: item number floor(n u) of n items, with u uniform in [0, 1).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def pick(generator: random.Random, items: Sequence[Item]) -> Item:
    """One of the items, each equally likely."""
    return items[int(generator.random() * len(items))]


def shuffled(generator: random.Random, items: Sequence[Item]) -> list[Item]:
    """The items in a random order, each order equally likely."""
    keys = [generator.random() for _ in items]
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]


def chance(generator: random.Random, probability: float) -> bool:
    """True with this probability."""
    return generator.random() < probability
