"""Noticing what no formula needs: files, the clock, the network, other processes. Each becomes `Broken`, in its own line.

A function that gives another answer tomorrow cannot be right, and one that reads a file may be reading the answers.
Only what the student's own lines bring about is meant: Python may read the files of a module that is imported.

This gives names to things; it does not hold anybody back who goes past Python. That is `confinement`'s part.
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
    "sleep",
)
# What happens, in words -> the beginnings of Python's audit events, which are mostly those of its functions' names, too.
FORBIDDEN = {
    "uses the network": ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "poplib.", "imaplib."),
    "starts another process": ("subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty."),
    "sends a signal to a process": ("os.kill", "signal."),
    "changes files": (
        *(
            "os.remove",
            "os.unlink",
            "os.rename",
            "os.rmdir",
            "os.mkdir",
            "os.chmod",
            "os.chown",
            "os.truncate",
            "os.link",
        ),
        *("os.symlink", "os.utime", "shutil.", "tempfile."),
    ),
    "looks into folders": ("os.listdir", "os.scandir", "os.walk", "os.fwalk", "glob.", "pathlib.Path.glob"),
    "goes past Python with ctypes": ("ctypes.",),
    "watches Python itself": ("sys.settrace", "sys.setprofile", "sys.addaudithook", "gc.", "cpython."),
}
BEGINNINGS = {start: what for what, starts in FORBIDDEN.items() for start in starts}


class Noticing:
    """Installed once in a process, before the student's `file` is loaded.

    Files and clocks are noticed while it is `armed`, what is forbidden altogether at any time. `noticed` keeps the first, for
    whoever swallows exceptions.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.armed = False
        self.noticed: Broken | None = None
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
        if event == "open":
            line = self._line(sys._getframe(1)) if self.armed else None
            words = "it works with its arguments alone and opens no file"
            what = f"opens the file {str(arguments[0])!r}"
        else:
            what = next((what for start, what in BEGINNINGS.items() if event.startswith(start)), None)
            line = self._line(sys._getframe(1)) if what else None
            words = "it works with its arguments alone and leaves the machine as it is"
        if line is not None:
            self._complain(f"line {line} {what}", words, "All it needs comes in as arguments.")

    def _line(self, frame: FrameType | None) -> int | None:
        """The line of the student's file that led here; None if there is none, or if a module is being imported."""
        while frame is not None and "importlib" not in frame.f_code.co_filename:
            if frame.f_code.co_filename == self.file:
                return frame.f_lineno
            frame = frame.f_back
        return None

    def _guarded(self, clock: Callable) -> Callable:
        def ask(*args: Any, **kwargs: Any) -> Any:
            self._asked(f"time.{clock.__name__}", sys._getframe(1))
            return clock(*args, **kwargs)

        return ask

    def _asked(self, what: str, frame: FrameType) -> None:
        if self.armed and frame.f_code.co_filename == self.file:
            words = "it gives the same answer at any time and never asks the clock"
            self._complain(f"line {frame.f_lineno} calls {what}", words, "No formula here depends on the time.")

    def _complain(self, what: str, words: str, hint: str) -> None:
        error = Broken(what, words=words, hint=hint)
        self.noticed = self.noticed or error
        raise error
