"""How sure a measured value is: the interval that resampling leaves (Efron 1979), and that of a share (Wilson 1927).

Where the interval of a change, such as before against after, covers zero, there is no clear effect.
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
    check(rounds >= 1, f"rounds={rounds} must be at least 1; a thousand give an interval to two digits")
    check(0 < level < 1, f"level={level} must be a share between 0 and 1, such as 0.95")
    strata = [None] * count if strata is None else list(strata)
    check(len(strata) == count, f"there are {count} examples, but strata of {len(strata)}; give one for each")
    parts = [np.flatnonzero([one == stratum for one in strata]) for stratum in dict.fromkeys(strata)]
    generator = np.random.default_rng(seed)
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
