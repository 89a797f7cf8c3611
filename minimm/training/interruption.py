"""Ctrl-C during training: finish the step in hand, so that what is saved is a whole step. A second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading


class Interruption:
    """Inside `with Interruption() as i`, the first SIGINT only sets `i.requested`; outside, Python's own rules hold."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interruption:
        self._can_listen = threading.current_thread() is threading.main_thread()  # signals reach only that one
        if self._can_listen:
            self._previous = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._can_listen:
            signal.signal(signal.SIGINT, self._previous)

    def _on_interrupt(self, _signal: int, _frame: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
