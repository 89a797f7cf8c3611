"""How differently a model treats groups: what it gets right in each, and how its errors and its yeses are shared out.

    worst group               the lowest accuracy of a group
    demographic parity        the largest difference between groups in the share of positive answers        (0 = none)
    equalised odds            the larger of the largest differences in true and in false positive rates     (0 = none)

Source: Hardt, Price & Srebro 2016, "Equality of opportunity in supervised learning". No number stands alone: `bootstrap` in
`metrics/intervals.py` gives its interval. The differences above are never below zero, and above it by chance alone: compare
two of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from minimm.errors import check


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
