"""Checking a file: a child process runs it under limits of time and memory, and this side collects the reports.

Whatever the file does (hang, eat memory, end the process, flood its output) comes back as a report. What this does not
do is stop a file that means harm: it runs with the rights of whoever calls it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minimm.classroom.child import TOO_MUCH_MEMORY
from minimm.classroom.solution import read_source
from minimm.errors import MinimmError
from minimm.specs.registry import spec_of
from minimm.specs.report import STOPPED, Failure, Report

TOO_LARGE = "it used more memory than is allowed and was stopped"
LONGEST_ANSWER = 20_000_000  # characters of all answers together


@dataclass(frozen=True)
class Limits:
    """What a file may use: seconds for each function it defines, and bytes of memory for the whole process."""

    seconds: float = 60.0
    memory_bytes: int = 2 * 2**30


def check_file(path: str | Path, name: str | None = None, *, seed: int = 0, limits: Limits = Limits()) -> list[Report]:  # noqa: B008, frozen
    """Grade the function `name` of a Python file, or every function of the contract that it defines.

    Raises `MinimmError` if the file cannot be used: missing, not Python, without such a function.
    """
    path = Path(path)
    if name is not None:
        spec_of(name)
    read_source(path)
    request = {"file": str(path.resolve()), "name": name, "seed": seed, "memory_bytes": limits.memory_bytes}
    reports: list[Report] = []
    printed = ""
    while True:
        done = [report.name for report in reports]
        answers, ended = _run_child({**request, "done": done}, limits.seconds)
        laws: list[tuple[str, str]] = []
        for answer in answers:
            if "unusable" in answer:
                raise MinimmError(answer["unusable"])
            if "defect" in answer:
                raise RuntimeError(f"minimm failed, not {path.name}; please report this:\n{answer['defect']}")
            if "report" in answer:
                reports.append(Report.from_dict(answer["report"]))
            laws += [tuple(answer["law"])] if "law" in answer else []
            printed = printed or answer.get("printed", "")
        if not ended or any("printed" in answer for answer in answers):  # the last thing that is said
            return [replace(report, printed=printed if i == 0 else "") for i, report in enumerate(reports)]
        if not laws:
            raise MinimmError(f"{path.name} could not be loaded: {ended}; keep long work inside functions")
        reports.append(_stopped(*laws[-1], ended))  # and the functions behind it in a new process


def _run_child(request: dict[str, Any], seconds: float) -> tuple[list[dict[str, Any]], str]:
    """The child's answers, and why it ended if it did not end by itself (an empty text if it did)."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    child = subprocess.Popen(
        [sys.executable, "-m", "minimm.classroom.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        encoding="utf-8",
        errors="replace",
    )
    answers: list[dict[str, Any]] = []
    heard = threading.Event()  # set whenever a function is finished, which starts the clock anew

    def listen() -> None:
        room = LONGEST_ANSWER
        for line in child.stdout:
            room -= len(line)
            if room < 0:
                child.kill()
                return
            answers.append(json.loads(line))
            if "report" in answers[-1]:
                heard.set()
        finished.set()
        heard.set()

    finished = threading.Event()
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    child.stdin.write(json.dumps(request))
    child.stdin.close()
    ended = ""
    while not finished.is_set():
        heard.clear()
        if finished.is_set():
            break
        if not heard.wait(seconds):
            ended = f"it took longer than {seconds:g} seconds and was stopped"
            child.kill()
            break
    code = child.wait()
    listener.join(timeout=5)
    if not ended and code == TOO_MUCH_MEMORY:
        ended = TOO_LARGE
    elif not ended and code != 0:
        ended = f"it ended the process (exit code {code})"
    return answers, ended


def _stopped(function: str, words: str, ended: str) -> Report:
    hint = "Which loop never ends, or which array grows with every call?"
    failure = Failure(
        words=f"{function} comes back with an answer", what=f"{ended}, while this was tried: {words}", hint=hint
    )
    return Report(function, STOPPED, failure=failure, lesson=spec_of(function).lesson)
