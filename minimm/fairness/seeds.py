"""One change, measured on a few seeds: its mean, and the interval that so few leave.

    mean +- t s / sqrt(n),    s the standard deviation of n differences, t the quantile of Student's distribution

Both numbers of a difference come from the same seed, so from the same data and first weights ("paired"). Five values are too
few to be resampled; that they are normal is assumed instead. Source: Student 1908, "The probable error of a mean".
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from minimm.errors import check
from minimm.metrics.intervals import Interval

# The quantile .975 of Student's distribution with 1, 2, ... degrees of freedom.
QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


def paired_change(before: Sequence[float], after: Sequence[float]) -> Interval:
    """The mean of after - before, one each for every seed, with its 95 % interval."""
    check(
        len(before) == len(after) and 2 <= len(after) <= len(QUANTILES) + 1,
        f"a change takes as many numbers before as after, of 2 to {len(QUANTILES) + 1} seeds, but there are {len(before)} "
        f"and {len(after)}",
    )
    changes = [new - old for old, new in zip(before, after, strict=True)]
    mean = statistics.fmean(changes)
    half = QUANTILES[len(changes) - 2] * statistics.stdev(changes) / len(changes) ** 0.5
    return Interval(mean, mean - half, mean + half)
