"""The process in which a student's file runs: it answers calls of its functions. Nothing is judged here.

The laws, their inputs and all results stay in the process that asks (`supervisor`), so there is nothing here that a file
could read or forge: the worst it can do is answer a call with a wrong value. Questions and answers are lines of JSON, values
as in `wire`:

asked first   {"file": ..., "name": ... or null, "names": [...], "memory_bytes": ..., "seconds": ..., "seconds_per_call": ...}
answer        {"functions": {name: parameters}, "confined": [...]}   or {"unusable": sentence}
asked then    {"call": name, "args": ..., "kwargs": ...}
answers       {"gave": value, "args": ..., "kwargs": ...}            as they are after the call
              {"broken": [what, words, hint]}   {"stopped": [what, hint]}   {"not_written": true}
Every question has a "number", which its answer repeats; "printed" goes along if the file has printed something.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from minimm.classroom.confinement import confine
from minimm.classroom.noticing import Noticing
from minimm.classroom.solution import find_functions, load, read_source
from minimm.classroom.wire import LARGEST, decode, encode
from minimm.errors import MinimmError
from minimm.specs.broken import Broken, Stopped
from minimm.specs.calling import CalledHere, NotWritten, does_nothing
from minimm.specs.watchdog import Watchdog

SECONDS_TO_LOAD = 20.0  # some libraries take seconds on a busy machine
MOST_PRINTED = 1_000_000  # characters
KEPT_PRINTED = 2_000
OUT_OF_REACH = ("minimm.specs.laws", "minimm.specs.implementations")  # the answers
LONGEST_ANSWER = 2 * LARGEST  # characters


class Printed:
    """Takes the place of sys.stdout: keeps the beginning, and stops a function that prints without end."""

    def __init__(self) -> None:
        self.kept, self.length, self.told = "", 0, 0

    def write(self, text: str) -> int:
        """Keep what still fits; raise `Stopped` after a million characters."""
        self.kept += text[: KEPT_PRINTED - len(self.kept)]
        self.length += len(text)
        if self.length > MOST_PRINTED:
            raise Stopped(f"it printed more than {MOST_PRINTED:,} characters", "Print a shape, not the whole array.")
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def news(self) -> str:
        """What was kept since this was last asked."""
        new, self.told = self.kept[self.told :], len(self.kept)
        return new


class Answering:
    """The functions of one file, called as the parent asks."""

    def __init__(self, functions: dict[str, Callable], seconds: float, noticing: Noticing) -> None:
        self.noticing = noticing
        self.callers = {name: CalledHere(function, name, seconds) for name, function in functions.items()}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Call once, and say what came of it."""
        caller = self.callers[question["call"]]
        args, kwargs = decode(question["args"]), decode(question["kwargs"])
        self.noticing.armed, self.noticing.noticed = True, None
        try:
            gave = caller.call(args, kwargs)
            if self.noticing.noticed:  # and an `except` swallowed it
                raise self.noticing.noticed
            if gave is None and does_nothing(caller.function):
                raise NotWritten
            return {"gave": encode(gave), "args": encode(args), "kwargs": encode(kwargs)}
        except Broken as error:
            return {"broken": [error.what, error.words, error.hint]}
        except NotWritten:
            return {"not_written": True}
        except Stopped as error:
            return {"stopped": [error.what, error.hint]}
        except ValueError as error:
            return {"stopped": [f"what it gave back is too much: {error}", "How large should the result be?"]}
        finally:
            self.noticing.armed = False


def parameters(function: Any) -> list[list[Any]] | None:
    """(name, kind, default in words or null) of each parameter; null for what cannot be called or does not tell."""
    try:
        found = inspect.signature(function).parameters.values()
        return [[p.name, int(p.kind), None if p.default is p.empty else repr(p.default)[:100]] for p in found]
    except Exception:  # a default may have a __repr__ of the student's
        return None


def open_channel() -> tuple[TextIO, TextIO]:
    """What were stdin and stdout, for questions and answers alone; file descriptors 0 to 2 lead nowhere from now on."""
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    return questions, answers


def main() -> None:
    """Answer the questions on stdin until there are no more."""
    questions, answers = open_channel()
    request = json.loads(questions.readline())

    def say(**answer: Any) -> None:
        line = json.dumps(answer)
        if len(line) > LONGEST_ANSWER:
            stopped = ["what it gave back is too much for any law", "How large should the result be?"]
            line = json.dumps({"stopped": stopped, "number": answer.get("number")})
        answers.write(line + "\n")
        answers.flush()

    path = Path(request["file"])
    os.chdir(path.parent)
    sys.path.pop(0)  # the empty folder in which this process was started
    printed = Printed()
    sys.stdout = sys.stderr = printed
    sys.stdin = io.StringIO()  # input() finds nothing
    warnings.simplefilter("ignore")
    sys.modules.update(dict.fromkeys(OUT_OF_REACH))  # importing them raises ImportError
    try:
        read_source(path)
        noticing = Noticing(str(path))
        confined = confine(path.parent, request["memory_bytes"], request["seconds"])
        watchdog = Watchdog(SECONDS_TO_LOAD)
        with watchdog:
            module = load(path)
        watchdog.close()
        functions = find_functions(module, path, request["names"], request["name"])
    except MinimmError as error:
        say(number=request["number"], unusable=str(error))
        return
    described = {
        name: {"parameters": parameters(function)} if callable(function) else {"value": encode(function)}
        for name, function in functions.items()
    }
    say(number=request["number"], functions=described, confined=confined)
    answering = Answering(functions, request["seconds_per_call"], noticing)
    for line in questions:
        question = json.loads(line)
        answer = answering.answer(question)
        if news := printed.news():
            answer["printed"] = news
        say(number=question["number"], **answer)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the parent has lost patience
        main()
