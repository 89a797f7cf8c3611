"""What an audit found, whatever the kind of model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from minimm.errors import check
from minimm.fairness.groups import spread_p_value
from minimm.metrics.intervals import Interval, share_interval


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


def accuracy_rows(right: Sequence[bool], groups: Sequence[Hashable]) -> dict[str, Interval]:
    """The share that is right in each group with its interval. Raises `MinimmError` unless there are two groups."""
    by_group: dict[Hashable, list[bool]] = defaultdict(list)
    for one, group in zip(right, groups, strict=True):
        by_group[group].append(one)
    check(
        len(by_group) >= 2,
        f"every example is of the group {next(iter(by_group), None)!r}; an audit compares two or more",
    )
    return {str(group): share_interval(by_group[group]) for group in sorted(by_group, key=str)}


def worst_and_best(noun: str, right: Sequence[bool], groups: Sequence[Hashable], seed: int = 0) -> tuple[str, float]:
    """A sentence on the two ends of what is right by group, and how often chance alone makes such a difference."""
    rows = accuracy_rows(right, groups)
    low, high = (choose(rows, key=lambda name: rows[name].value) for choose in (min, max))
    if rows[low].value == rows[high].value:
        return f"{noun} is {rows[low].value:.3f} in every group.", 1.0
    p_value = spread_p_value(right, groups, seed=seed)
    verdict = "more than chance leaves" if p_value < 0.05 else "no clear effect"
    return (
        f"{noun} is lowest for {low} ({rows[low].value:.3f}) and highest for {high} ({rows[high].value:.3f}); groups dealt "
        f"out at random differ as much with p = {p_value:.3f}: {verdict}."
    ), p_value
