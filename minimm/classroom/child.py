"""The process in which a student's file runs: reads one request from stdin, writes what it finds as JSON lines.

request   {"file": ..., "name": ... or null, "seed": ..., "memory_bytes": ...}
answers   {"law": [function, words]}   before each law, so that the parent knows where a process died
          {"report": {...}}            for each function
          {"unusable": sentence}       the file cannot be used
          {"printed": text}            at the end: the beginning of what the file printed
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, TextIO

from minimm.classroom.noticing import Noticing
from minimm.classroom.solution import find_functions, load, read_source
from minimm.errors import MinimmError
from minimm.specs.broken import Stopped
from minimm.specs.grading import SECONDS_PER_CALL, grade
from minimm.specs.registry import all_specs, spec_of
from minimm.specs.watchdog import Watchdog

MOST_PRINTED = 1_000_000  # characters
KEPT_PRINTED = 2_000
TOO_MUCH_MEMORY = 86  # exit code


class Printed:
    """Takes the place of sys.stdout: keeps the beginning, and stops a function that prints without end."""

    def __init__(self) -> None:
        self.kept, self.length = "", 0

    def write(self, text: str) -> int:
        """Keep what still fits; raise `Stopped` after a million characters."""
        self.kept += text[: KEPT_PRINTED - len(self.kept)]
        self.length += len(text)
        if self.length > MOST_PRINTED:
            raise Stopped(f"it printed more than {MOST_PRINTED:,} characters", "Print a shape, not the whole array.")
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def limit_memory(size: int) -> None:
    """At most `size` bytes of data: by the kernel where it can (then NumPy raises MemoryError), else by looking."""
    try:
        import resource
    except ImportError:  # Windows: time limits only
        return
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
        return

    def watch() -> None:  # macOS counts, but does not enforce; ru_maxrss is in bytes there
        while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < size:
            time.sleep(0.1)
        os._exit(TOO_MUCH_MEMORY)

    threading.Thread(target=watch, daemon=True).start()


def answer_channel() -> TextIO:
    """What was stdout, for answers alone; file descriptors 1 and 2 lead nowhere from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def main() -> None:
    """Answer the request on stdin."""
    request = json.loads(sys.stdin.read())
    answers = answer_channel()

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    path = Path(request["file"])
    printed = Printed()
    sys.stdout = sys.stderr = printed
    sys.stdin = io.StringIO()  # input() finds nothing
    warnings.simplefilter("ignore")
    try:
        read_source(path)
        noticing = Noticing(str(path))
        limit_memory(request["memory_bytes"])
        watchdog = Watchdog(SECONDS_PER_CALL)
        with watchdog:
            module = load(path)
        watchdog.close()
        functions = find_functions(module, path, all_specs(), request["name"])
    except MinimmError as error:
        say(unusable=str(error))
        return
    noticing.armed = True
    for name in [name for name in functions if name not in request["done"]]:
        say(law=[name, "a first call"])
        try:
            report = grade(
                spec_of(name),
                functions[name],
                seed=request["seed"],
                on_law=lambda words, name=name: say(law=[name, words]),
            )
        except Exception:
            noticing.armed = False
            say(defect=traceback.format_exc())
            return
        say(report=report.as_dict())
    say(printed=printed.kept)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the parent has lost patience
        main()
