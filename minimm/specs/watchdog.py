"""A time limit for one call, on every operating system: a thread that throws `TookTooLong` into the one that hangs.

Python looks for such an exception between two of its own instructions, so `while True` is interrupted, a single endless
operation inside a C library is not; whoever runs strangers' code runs it in a process that can be killed as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time

from minimm.specs.broken import Stopped

LOOK_EVERY = 0.05  # seconds


class FairClock:
    """Seconds that a thread could have used: what passes while it waits for a busy machine's processor does not count.

    So right code is not called slow where sixty laptops' worth of it runs on one. Linux counts that waiting; elsewhere all
    time counts. Sleeping and waiting for files always do.

    Args:
        process: its number, or "self". thread: its native id; None = the process' first.
    """

    def __init__(self, process: int | str = "self", thread: int | None = None) -> None:
        place = f"/proc/{process}/schedstat" if thread is None else f"/proc/{process}/task/{thread}/schedstat"
        self._counts, self._waited = -1, 0.0
        with contextlib.suppress(OSError):
            self._counts = os.open(place, os.O_RDONLY)

    def now(self) -> float:
        """Seconds since some beginning, by which two answers are compared."""
        return time.monotonic() - self.waited()

    def waited(self) -> float:
        """Seconds that it has waited for a processor; 0 where nobody counts them."""
        if self._counts >= 0:
            with contextlib.suppress(
                OSError, ValueError, IndexError
            ):  # the thread is no more: what it had waited stays
                self._waited = int(os.pread(self._counts, 100, 0).split()[1]) / 1e9  # run, waited (ns); how often
        return self._waited

    def close(self) -> None:
        """Let go of the file with the counts."""
        counts, self._counts = self._counts, -1
        if counts >= 0:
            os.close(counts)


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
        self._clock = FairClock(thread=threading.get_native_id())
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self._deadline = self._clock.now() + self.seconds

    def __exit__(self, *_: object) -> None:
        with self._lock:  # after this line no exception is thrown any more
            self._deadline = None

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY):
            with self._lock:
                if self._deadline is not None and self._clock.now() > self._deadline:
                    thread, exception = ctypes.c_ulong(self._watched), ctypes.py_object(TookTooLong)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, exception)
                    self._deadline = self._clock.now() + self.seconds  # again, if a bare `except:` swallowed it
        self._clock.close()
