"""A time limit for one call, on every operating system: a thread that throws `TookTooLong` into the one that hangs.

Python looks for such an exception between two of its own instructions, so `while True` is interrupted, a single endless
operation inside a C library is not; whoever runs strangers' code runs it in a process that can be killed as well.
"""

from __future__ import annotations

import ctypes
import threading
import time

from minimm.specs.broken import Stopped

LOOK_EVERY = 0.05  # seconds


class TookTooLong(Stopped):
    """A call took longer than the watchdog allows."""

    def __init__(self) -> None:
        super().__init__("it did not come back in time and was stopped", "Which loop never reaches its end?")


class Watchdog:
    """A context for calls: `with watchdog: function()` raises `TookTooLong` inside it after `seconds`. Close it at the end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._deadline: float | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watched = threading.get_ident()
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    def __exit__(self, *_: object) -> None:
        with self._lock:  # after this line no exception is thrown any more
            self._deadline = None

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY):
            with self._lock:
                if self._deadline is not None and time.monotonic() > self._deadline:
                    thread, exception = ctypes.c_ulong(self._watched), ctypes.py_object(TookTooLong)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, exception)
                    self._deadline = time.monotonic() + self.seconds  # again, if a bare `except:` swallowed it
