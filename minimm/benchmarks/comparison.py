"""Sides that do the same work take turns: A B A B. What else the machine does then falls on all of them alike.

Each round gives one ratio, the seconds of a peer over those of minimm: above 1 minimm is faster. The median of the rounds
and their middle half are told, never a single number: machines are noisy.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from minimm.errors import check

OURS = "minimm"


@dataclass
class Comparison:
    """What was measured of one piece of work.

    work: what it is, such as "train 4 x 128, context 64". amount, unit: how much is done in one call, such as 1024 tokens.
    seconds: of each side by round, minimm's first. operations: additions and multiplications of one call, where they are
    known. precision: of our products. missing: why a peer was not measured, by its name.
    """

    work: str
    amount: float
    unit: str
    seconds: dict[str, list[float]]
    operations: float | None = None
    precision: str = "float32"
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def peers(self) -> list[str]:
        """All sides but ours."""
        return [side for side in self.seconds if side != OURS]

    def rate(self, side: str = OURS) -> float:
        """Units in a second, the median."""
        return self.amount / statistics.median(self.seconds[side])

    def ratio(self, peer: str) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of a peer's seconds over ours, round by round."""
        ratios = [theirs / ours for theirs, ours in zip(self.seconds[peer], self.seconds[OURS], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
        return low, middle, high

    def as_dict(self, machine: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """For results.json. With what `measure_machine` found also `share_of_machine`, how much of its rate of products our
        side used, and where that is known `share_of_peak`, how much of what its maker promises.
        """
        found: dict[str, Any] = {"work": self.work, "unit": self.unit, "rounds": len(self.seconds[OURS])}
        found["units_per_second"] = {side: self.rate(side) for side in self.seconds}
        for peer in self.peers:
            low, middle, high = self.ratio(peer)
            found[f"ratio_to_{peer}"] = {"median": middle, "lower_quartile": low, "upper_quartile": high}
        if self.operations is not None:
            found["operations"] = self.operations
            if machine is not None:
                done = self.operations / statistics.median(self.seconds[OURS])
                found["share_of_machine"] = done / machine["operations_per_second"][self.precision]
                if self.precision in machine["data_sheet"]:
                    found["share_of_peak"] = done / machine["data_sheet"][self.precision]
        return found | ({"missing": self.missing} if self.missing else {})


def take_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int, device: torch.device | None = None
) -> dict[str, list[float]]:
    """Seconds of each side in each round. Every side runs once before, unmeasured, to warm up.

    Args:
        device: where the work is done; a GPU is waited for before the clock is read.
    """
    check(rounds >= 1, f"rounds={rounds} must be at least 1")
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for measured in range(-1, rounds):
        for side, run in sides.items():
            _wait(device)
            start = time.perf_counter()
            run()
            _wait(device)
            if measured >= 0:
                seconds[side].append(time.perf_counter() - start)
    return seconds


def _wait(device: torch.device | None) -> None:
    if device is not None and device.type != "cpu":
        getattr(torch, device.type).synchronize()
