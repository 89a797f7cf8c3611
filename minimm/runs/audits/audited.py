"""What an audit found, whatever the kind of model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minimm.errors import check
from minimm.fairness.groups import Interval, bootstrap


@dataclass
class Audited:
    """measured_on: what was given to the model, in a sentence. results: for results.json. rows: what the figure shows, a value
    with its interval for each group. axis: what these values are. findings: sentences. limits: what this audit cannot tell.
    """

    measured_on: str
    results: dict[str, Any]
    rows: dict[str, Interval]
    axis: str
    findings: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)


def accuracy_rows(right: Sequence[bool], groups: Sequence[Hashable], seed: int = 0) -> dict[str, Interval]:
    """The share that is right in each group with its interval; a group of one example has none, so it is refused."""
    right = np.asarray(right, dtype=float)
    found = {}
    for group in sorted(set(groups), key=str):
        own = right[[one == group for one in groups]]
        check(
            len(own) >= 2,
            f"the group {group!r} has a single example, from which nothing follows; add some, or leave the group out",
        )
        found[str(group)] = bootstrap(lambda rows, own=own: float(own[rows].mean()), len(own), seed=seed)
    check(len(found) >= 2, f"every example is of the group {next(iter(found), None)!r}; an audit compares two or more")
    return found


def worst_and_best(rows: dict[str, Interval], noun: str) -> str:
    """A sentence on the two ends, and whether their intervals are apart."""
    low, high = (choose(rows, key=lambda name: rows[name].value) for choose in (min, max))
    apart = rows[low].high < rows[high].low
    return f"{noun} is lowest for {low} ({rows[low].value:.3f}) and highest for {high} ({rows[high].value:.3f}); " + (
        "their intervals are apart." if apart else "their intervals overlap, so no clear effect."
    )


def as_dict(interval: Interval) -> dict[str, float]:
    """For results.json."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}
