"""How differently a model treats groups: what it gets right in each, and how its errors and its yeses are shared out.

    worst group               the lowest accuracy of a group
    demographic parity        the largest difference between groups in the share of positive answers        (0 = none)
    equalised odds            the larger of the largest differences in true and in false positive rates     (0 = none)

Source: Hardt, Price & Srebro 2016, "Equality of opportunity in supervised learning". No number stands alone: `bootstrap` gives
the interval that resampling the examples leaves (Efron 1979). Where that of a change, such as before against after, covers
zero, there is no clear effect. The differences above are never below zero, and above it by chance alone: compare two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from minimm.errors import check


@dataclass(frozen=True)
class Interval:
    """A measured value, and the middle `level` of what resampling made of it; `signed` where it may be above or below zero."""

    value: float
    low: float
    high: float
    level: float = 0.95
    signed: bool = True

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out. Raises `MinimmError` for what is never below zero, and so always would."""
        check(
            self.signed,
            "a measure that is never below zero cannot cover it; take the interval of the change between two models instead",
        )
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        remark = ", no clear effect" if self.signed and not self.is_clear else ""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}){remark}"


def group_accuracies(
    labels: Sequence[Hashable], predicted: Sequence[Hashable], groups: Sequence[Hashable]
) -> dict[Hashable, float]:
    """The share that is right in each group, in the order in which groups occur."""
    labels, predicted, groups = _columns(labels, predicted, groups)
    return {group: float((labels == predicted)[_is(groups, group)].mean()) for group in dict.fromkeys(groups)}


def worst_group_accuracy(
    labels: Sequence[Hashable], predicted: Sequence[Hashable], groups: Sequence[Hashable]
) -> float:
    """The lowest of `group_accuracies`."""
    return min(group_accuracies(labels, predicted, groups).values())


def demographic_parity_difference(
    predicted: Sequence[Hashable], groups: Sequence[Hashable], positive: Hashable
) -> float:
    """The largest difference between two groups in how often `positive` is predicted, 0 to 1."""
    predicted, groups = _columns(predicted, groups)
    _check_groups(groups)
    return _spread([_is(predicted, positive)[_is(groups, group)].mean() for group in set(groups)])


def equalized_odds_difference(
    labels: Sequence[Hashable], predicted: Sequence[Hashable], groups: Sequence[Hashable], positive: Hashable
) -> float:
    """The larger of two differences between groups: in how often what is positive, and what is not, is called positive."""
    labels, predicted, groups = _columns(labels, predicted, groups)
    _check_groups(groups)
    found = []
    for is_true in (True, False):
        rates = []
        for group in sorted(set(groups), key=str):
            rows = _is(groups, group) & (_is(labels, positive) == is_true)
            check(
                bool(rows.any()),
                f"the group {group!r} has no example whose label {'is' if is_true else 'is not'} {positive!r}, so its rate of "
                "errors there is unknown; add some, or leave the group out",
            )
            rates.append(_is(predicted, positive)[rows].mean())
        found.append(_spread(rates))
    return max(found)


def bootstrap(
    measure: Callable[[np.ndarray], float],
    count: int,
    *,
    rounds: int = 1000,
    level: float = 0.95,
    signed: bool = True,
    seed: int = 0,
) -> Interval:
    """measure(all rows), and the interval of measure(rows drawn with replacement), the percentile method.

    Args:
        measure: called with numbers of rows (count,), among which a small group may be missing. count: how many examples
            there are. signed: whether the measure may be below zero.
    """
    check(count >= 2, f"an interval takes at least two examples, but there are {count}")
    generator = np.random.default_rng(seed)
    found = [measure(generator.integers(count, size=count)) for _ in range(rounds)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(measure(np.arange(count))), float(low), float(high), level, signed)


def _columns(*columns: Sequence[Hashable]) -> list[np.ndarray]:
    sizes = {len(column) for column in columns}
    check(len(sizes) == 1 and sizes != {0}, f"labels, answers and groups must be alike in number, not {sorted(sizes)}")
    found = [np.empty(len(column), dtype=object) for column in columns]
    for array, column in zip(found, columns, strict=True):
        array[:] = list(column)  # a group may be a tuple, such as ("woman", "old")
    return found


def _is(column: np.ndarray, value: Hashable) -> np.ndarray:
    """Which entries are `value`, bool."""
    return np.array([entry == value for entry in column])


def _check_groups(groups: np.ndarray) -> None:
    found = sorted(set(groups), key=str)
    check(len(found) >= 2, f"a difference between groups takes two of them, but every example is of {found}")


def _spread(rates: Sequence[float]) -> float:
    return float(max(rates) - min(rates))
