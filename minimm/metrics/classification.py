"""Right or wrong, label by label: accuracy, precision, recall, F1.

    precision = right among those given the label      recall = right among those that have it
    F1        = 2 precision recall / (precision + recall)

"macro" is the plain mean over the labels, so that a rare one counts as much as a common one; "micro" counts all decisions
together. A label that was never given has precision 0, one that never occurs recall 0. Source: van Rijsbergen 1979, chapter 7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from minimm.errors import check

AVERAGES = ("macro", "micro", "weighted")


def accuracy(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """The share, from 0 to 1, of predictions that are right.

    >>> accuracy(["a", "b", "b"], ["a", "b", "a"])
    0.6666666666666666
    """
    _check_labels(truth, predicted)
    return sum(a == b for a, b in zip(truth, predicted, strict=True)) / len(truth)


def confusion_matrix(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> dict[Hashable, dict[Hashable, int]]:
    """For each true label, how often each label was predicted; every label that occurs on either side is there."""
    _check_labels(truth, predicted)
    labels = sorted({*truth, *predicted})
    counts = Counter(zip(truth, predicted, strict=True))
    return {a: {b: counts[a, b] for b in labels} for a in labels}


def precision_recall_f1(
    truth: Sequence[Hashable], predicted: Sequence[Hashable], *, average: str = "macro"
) -> tuple[float, float, float]:
    """Precision, recall and F1 over all labels, 0 to 1 each.

    Args:
        average: "macro", "micro", or "weighted" by how often each label occurs in `truth`.

    Raises `MinimmError` for empty or unequal lists.

    >>> precision_recall_f1(["a", "b", "b", "b"], ["a", "a", "b", "b"])[1]
    0.8333333333333333
    """
    check(average in AVERAGES, f"average={average!r} is not known; choose from {AVERAGES}")
    _check_labels(truth, predicted)
    if average == "micro":
        share = accuracy(truth, predicted)
        return share, share, share
    per_label = scores_by_label(truth, predicted)
    counts = Counter(truth)
    weights = [counts[label] if average == "weighted" else 1 for label in per_label]
    columns = zip(*per_label.values(), strict=True)
    return tuple(sum(w * x for w, x in zip(weights, column, strict=True)) / sum(weights) for column in columns)


def scores_by_label(
    truth: Sequence[Hashable], predicted: Sequence[Hashable]
) -> dict[Hashable, tuple[float, float, float]]:
    """label -> (precision, recall, F1), for every label that occurs on either side, in sorted order."""
    _check_labels(truth, predicted)
    given, there = Counter(predicted), Counter(truth)
    right = Counter(a for a, b in zip(truth, predicted, strict=True) if a == b)
    return {
        label: (
            right[label] / given[label] if given[label] else 0.0,
            right[label] / there[label] if there[label] else 0.0,
            2 * right[label] / (given[label] + there[label]),
        )
        for label in sorted({*truth, *predicted})
    }


def _check_labels(truth: Sequence[Hashable], predicted: Sequence[Hashable]) -> None:
    check(
        len(truth) == len(predicted) and len(truth) > 0,
        f"there are {len(truth)} true labels and {len(predicted)} predictions; give one prediction for each, at least one",
    )
