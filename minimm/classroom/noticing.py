"""Noticing that a function reads files or asks the clock: both become `Broken`, in the line that does it.

A function that gives another answer tomorrow cannot be right, and one that reads a file may be reading the answers.
Only what the student's own lines bring about is meant: Python may read the files of a module that is imported.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from minimm.specs.broken import Broken

CLOCKS = (
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "localtime",
)


class Noticing:
    """Installed once in a process, before the student's `file` is loaded; raises only while `armed`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.armed = False
        sys.addaudithook(self._on_event)
        for name in CLOCKS:
            setattr(time, name, self._guarded(getattr(time, name)))
        noticing = self

        class Datetime(datetime.datetime):
            """datetime.datetime whose clock is watched."""

            @classmethod
            def now(cls, tz: Any = None) -> datetime.datetime:
                noticing._asked("datetime.now", sys._getframe(1))
                return super().now(tz)

            @classmethod
            def today(cls) -> datetime.datetime:
                noticing._asked("datetime.today", sys._getframe(1))
                return super().today()

        datetime.datetime = Datetime

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not self.armed:
            return
        frame = sys._getframe(1)
        while frame is not None and "importlib" not in frame.f_code.co_filename:
            if frame.f_code.co_filename == self.file:
                name = str(arguments[0])
                words = "it works with its arguments alone and opens no file"
                raise Broken(
                    f"line {frame.f_lineno} opens the file {name!r}",
                    words=words,
                    hint="All it needs comes in as arguments.",
                )
            frame = frame.f_back

    def _guarded(self, clock: Callable) -> Callable:
        def ask(*args: Any, **kwargs: Any) -> Any:
            self._asked(f"time.{clock.__name__}", sys._getframe(1))
            return clock(*args, **kwargs)

        return ask

    def _asked(self, what: str, frame: FrameType) -> None:
        if self.armed and frame.f_code.co_filename == self.file:
            words = "it gives the same answer at any time and never asks the clock"
            raise Broken(
                f"line {frame.f_lineno} calls {what}", words=words, hint="No formula here depends on the time."
            )
