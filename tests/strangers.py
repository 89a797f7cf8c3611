"""Files as a stranger may send them: valid ones, changed in every way easy to think of, and what a reader made of them.

    python tests/strangers.py SEED NAME=COUNT ...     tries COUNT changed inputs on each of the readers, in this process alone

The law: a reader gives a valid object or raises `MinimmError`, within a second of computing and 500 MB more than there were.
Which readers there are, and what each begins with, stands in `stranger_readers.py`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stranger_changes import spoil

MEGABYTES = 500
SECONDS = 1.0
COMPUTING, WAITING = 5, 300  # seconds of computing, and of anything at all, after which an input is given up: it hangs
TIMERS = (
    (("SIGPROF", "ITIMER_PROF", COMPUTING), ("SIGALRM", "ITIMER_REAL", WAITING)) if hasattr(signal, "SIGPROF") else ()
)


class Hangs(BaseException):
    """An input took far too long; no reader can catch it by mistake."""


def attempt(read: Callable[[Path], Any], folder: Path) -> tuple[str, float]:
    """("read" | "refused" | what else happened, seconds of computing)."""
    from minimm.errors import MinimmError

    def stop(*_: Any) -> None:
        raise Hangs

    for name, timer, seconds in TIMERS:
        signal.signal(getattr(signal, name), stop)
        signal.setitimer(getattr(signal, timer), seconds)
    started = time.process_time()
    try:
        read(folder)
        outcome = "read"
    except MinimmError as error:
        outcome = "refused" if _within_memory(error) else f"took too much memory before it said: {error}"
        if not str(error).strip():
            outcome = "refused without a word"
    except (Exception, Hangs) as error:
        frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
        outcome = f"{type(error).__name__}: {str(error)[:200]} at {' '.join(frames[-4:])}"
    finally:
        for _, timer, _ in TIMERS:
            signal.setitimer(getattr(signal, timer), 0)
    return outcome, time.process_time() - started


def _within_memory(error: BaseException | None) -> bool:
    """Whether no shortage of memory stands behind an error."""
    while error is not None:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return False
        error = error.__context__
    return True


@contextmanager
def memory_limited() -> Iterator[None]:
    """At most `MEGABYTES` more memory inside than there are now; on Linux alone, where that can be said."""
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEGABYTES * 2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def try_reader(name: str, count: int, seed: int) -> dict[str, Any]:
    """Counts of what became of `count` changed inputs, the slowest, and of everything else the inputs' numbers."""
    import stranger_readers

    reader = stranger_readers.READERS[name]
    counts: dict[str, Any] = {"tried": 0, "read": 0, "refused": 0, "else": {}, "slowest": 0.0}
    with tempfile.TemporaryDirectory() as place:
        valid, spoiled = Path(place, "valid"), Path(place, "in", "spoiled")
        valid.mkdir()
        Path(place, "in").mkdir()
        reader.write(valid)
        assert attempt(reader.read, valid)[0] == "read", attempt(reader.read, valid)
        for number in range(count):
            rng = random.Random(f"{name} {seed} {number}")
            shutil.rmtree(spoiled, ignore_errors=True)
            shutil.copytree(valid, spoiled)
            spoil(spoiled, rng)
            with memory_limited():
                outcome, seconds = attempt(reader.read, spoiled)
                if seconds > SECONDS:  # a second time, since the first may have had to import something
                    outcome, again = attempt(reader.read, spoiled)
                    seconds = min(seconds, again)
            if seconds > SECONDS:
                outcome = f"took {seconds:.1f} s ({outcome})"
            counts["tried"] += 1
            counts["slowest"] = max(counts["slowest"], round(seconds, 3))
            if outcome in ("read", "refused"):
                counts[outcome] += 1
            else:
                counts["else"].setdefault(outcome, []).append(number)
    return counts


def main() -> None:
    """Try what the command line says and print the counts as JSON, one line a reader."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("error")  # nothing may be said beside the sentence
    for argument in sys.argv[2:]:
        name, _, count = argument.rpartition("=")
        print(json.dumps({"reader": name, **try_reader(name, int(count), int(sys.argv[1]))}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
