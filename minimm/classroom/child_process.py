"""A child process that has loaded a student's file: started under limits, asked line by line, ended without remains."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import site
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from minimm.classroom.child import LONGEST_ANSWER
from minimm.classroom.confinement import TOO_MUCH_MEMORY
from minimm.classroom.wire import words_of
from minimm.errors import MinimmError
from minimm.specs.broken import Stopped
from minimm.specs.grading import SECONDS_PER_CALL
from minimm.specs.registry import all_specs
from minimm.specs.watchdog import LOOK_EVERY, FairClock

TOO_LARGE = "it used more memory than is allowed and was stopped"
FORGED = "it wrote into the line on which its answers travel"
ENDLESS = "Which loop never ends, or which array grows with every call?"
# Children at once. One interpreter tries the laws of all of them, which takes as long as answering does: it keeps two or three
# busy. A thousand would fill the memory (50 MB each, and what the file takes), and while a hundred threads wait for the
# interpreter, their children's seconds pass. So a few run, and the rest wait their turn before their clock is started.
AT_ONCE = threading.BoundedSemaphore(4)


@dataclass(frozen=True)
class Limits:
    """What a file may use: seconds to compute for each function it defines, and bytes of memory for the whole process.

    Seconds are a `FairClock`'s, and pass only while the process has a question to answer.
    """

    seconds: float = 60.0
    memory_bytes: int = 2 * 2**30


class Child:
    """A process that has loaded one file. Use it in a `with`: at the end the process is no more.

    Any number of threads may want one at the same time: four have theirs, the others wait until one is closed (`AT_ONCE`).

    Attributes:
        functions: what the file has of the contract, described: {"parameters": ...} or {"value": ...}.
        confined: which of `confinement`'s parts hold.
        ended: why it ended; empty while it runs.
        printed: what the file has printed since this was last emptied.
    """

    def __init__(self, path: Path, name: str | None, limits: Limits) -> None:
        """Raises `MinimmError` if the file cannot be used."""
        self.limits, self.ended, self.printed = limits, "", ""
        self.number = 0  # of questions
        self.remains = contextlib.ExitStack()  # what is to be undone at the end, the last first
        try:
            self._start()
            self._load(path, name)
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.remains.enter_context(AT_ONCE)
        home = self.remains.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))  # empty
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minimm.classroom.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=home,
            env=_environment(home),
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self.remains.callback(self._end)
        self.clock, self.deadline = FairClock(self.process.pid), math.inf
        self.remains.callback(self.clock.close)
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        self.remains.callback(self._stop_watching)

    def _load(self, path: Path, name: str | None) -> None:
        self.restart_clock()
        names = list(all_specs())
        request = {"file": str(path.resolve()), "name": name, "names": names, "memory_bytes": self.limits.memory_bytes}
        seconds = self.limits.seconds * (len(names) if name is None else 1)
        try:
            answer = self.ask(**request, seconds=seconds, seconds_per_call=SECONDS_PER_CALL)
            if "unusable" in answer:
                raise MinimmError(words_of(answer["unusable"]))
            self.functions = {name: dict(answer["functions"][name]) for name in names if name in answer["functions"]}
            self.confined = list(map(str, answer["confined"]))
        except Stopped as stop:
            raise MinimmError(
                f"{path.name} could not be loaded: {stop.what}; keep long work inside functions"
            ) from None
        except (LookupError, TypeError, ValueError) as error:
            raise error if isinstance(error, MinimmError) else MinimmError(f"{path.name}: {FORGED}") from None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def restart_clock(self) -> None:
        """From now on there are `limits.seconds` again; then the process is ended, whatever it does."""
        self.seconds_left = self.limits.seconds

    def ask(self, **question: Any) -> dict[str, Any]:
        """Its answer to a question with the next number; `Stopped` if it has none to give any more."""
        if self.ended:
            raise Stopped(self.ended, ENDLESS)
        self.number += 1
        self.deadline = self.clock.now() + self.seconds_left
        with contextlib.closing(FairClock(thread=threading.get_native_id())) as ours:
            before = ours.waited()
            with contextlib.suppress(OSError):  # it is gone; the reason is found below
                self.process.stdin.write(json.dumps({**question, "number": self.number}) + "\n")
                self.process.stdin.flush()
            line = self.process.stdout.readline(LONGEST_ANSWER + 1)
            unread = ours.waited() - before  # seconds for which its answer was there, but not we to read it
        left = self.deadline - self.clock.now() + unread
        self.seconds_left, self.deadline = min(left, self.seconds_left), math.inf
        if not line:
            raise self._stopped(self._why_it_ended())
        try:
            answer = json.loads(line)
            if answer.get("number") == self.number:
                self.printed += words_of(answer.get("printed", ""))
                return answer
        except (ValueError, AttributeError, RecursionError):
            pass
        raise self._stopped(FORGED)

    def close(self) -> None:
        """End the process and all that it has started; nothing if that has been done."""
        self.remains.close()
        self.ended = self.ended or "it is no more"

    def _stop_watching(self) -> None:
        self.over.set()
        self.watcher.join()

    def _end(self) -> None:
        self._kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()

    def _kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def _watch(self) -> None:
        while not self.over.wait(LOOK_EVERY):
            if self.clock.now() > self.deadline:
                self.ended = f"it took longer than {self.limits.seconds:g} seconds and was stopped"
                self._kill()
                break

    def _stopped(self, why: str) -> Stopped:
        self.ended = self.ended or why
        self.close()
        return Stopped(self.ended, ENDLESS)

    def _why_it_ended(self) -> str:
        code = self.process.wait()
        if code == TOO_MUCH_MEMORY:
            return TOO_LARGE
        if hasattr(signal, "SIGXCPU") and code == -signal.SIGXCPU:
            return f"it computed longer than {self.limits.seconds:g} seconds and was stopped"
        return f"it ended the process (exit code {code})"


def _environment(home: str) -> dict[str, str]:
    """Nothing of the caller's but what Python needs to start."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "SYSTEMROOT") if name in os.environ}
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    folders = {"HOME": home, "MPLCONFIGDIR": home}
    fixed = {
        "HOME": home,
        "MPLCONFIGDIR": home,
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONUSERBASE": site.getuserbase(),
    }
    return {**kept, **threads, **folders, **fixed}
