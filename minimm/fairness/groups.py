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
from statistics import NormalDist

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

    def as_dict(self) -> dict[str, float]:
        """For results.json."""
        return {"value": self.value, "low": self.low, "high": self.high}

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
    strata: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Interval:
    """measure(all rows), and the interval of measure(rows drawn with replacement), the percentile method.

    A measure that is not signed, such as a largest difference, is made larger by every noise, and resampling adds noise once
    more; its interval is the reflected one, value - (quantile - value), and holds the value itself.

    Args:
        measure: called with numbers of rows (count,). count: how many examples there are. signed: whether the measure may be
            below zero. strata: of each example, what it is drawn within, so that no group goes missing; None = all alike.
    """
    check(count >= 2, f"an interval takes at least two examples, but there are {count}")
    generator = np.random.default_rng(seed)
    if strata is None:
        parts = [np.arange(count)]
    else:
        (column,) = _columns(strata)
        parts = [np.flatnonzero(_is(column, one)) for one in dict.fromkeys(column)]
    found = [
        measure(np.concatenate([part[generator.integers(len(part), size=len(part))] for part in parts]))
        for _ in range(rounds)
    ]
    value = float(measure(np.arange(count)))
    low, high = (float(edge) for edge in np.quantile(found, [(1 - level) / 2, (1 + level) / 2]))
    if not signed:
        low, high = max(0.0, min(value, 2 * value - high)), max(value, 2 * value - low)
    return Interval(value, low, high, level, signed)


def share_interval(right: Sequence[bool], level: float = 0.95) -> Interval:
    """A share and Wilson's interval of it, which is not of no width where all or none are right (Wilson 1927).

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4 n^2)) / (1 + z^2 / n)
    """
    count = len(right)
    check(count >= 1, "there is no example, so there is no share of what is right; give at least one")
    check(0 < level < 1, f"level={level} must be a share between 0 and 1, such as 0.95")
    p, z = float(np.mean(right)), NormalDist().inv_cdf((1 + level) / 2)
    centre, scale = p + z * z / (2 * count), 1 + z * z / count
    half = z * (p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5
    return Interval(
        p, max(0.0, min(p, (centre - half) / scale)), min(1.0, max(p, (centre + half) / scale)), level, signed=False
    )


def spread_p_value(right: Sequence[bool], groups: Sequence[Hashable], *, rounds: int = 1000, seed: int = 0) -> float:
    """How often groups that are dealt out anew differ in accuracy, best less worst, at least as much as the true ones."""
    right, groups = _columns(right, groups)
    right = right.astype(float)
    _, numbers = np.unique(groups.astype(str), return_inverse=True)
    counts = np.bincount(numbers)
    generator = np.random.default_rng(seed)

    def spread(values: np.ndarray) -> float:
        return _spread(np.bincount(numbers, values) / counts)

    check(rounds >= 1, f"rounds={rounds} must be at least 1")
    true = spread(right)
    at_least = sum(spread(generator.permutation(right)) >= true - 1e-12 for _ in range(rounds))
    return (1 + at_least) / (1 + rounds)


def _columns(*columns: Sequence[Hashable]) -> list[np.ndarray]:
    sizes = {len(column) for column in columns}
    check(len(sizes) == 1, f"labels, answers and groups must be alike in number, not {sorted(sizes)}")
    check(sizes != {0}, "there is no example; give at least one of every group")
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
