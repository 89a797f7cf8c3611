"""Seconds that have passed. While a clock is set back it stands still for us: no run gets longer, no time is negative."""

from __future__ import annotations

import time


class Stopwatch:
    """Runs from the moment it is made, `seconds` already on it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def seconds(self) -> float:
        """What it shows now, never less than before."""
        now = time.monotonic()
        self._seconds += max(0.0, now - self._last)
        self._last = now
        return self._seconds


def seconds_since(started: float) -> float:
    """Seconds since `time.monotonic()` was `started`, to a tenth, for a report."""
    return round(max(0.0, time.monotonic() - started), 1)
