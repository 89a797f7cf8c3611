"""Checking a file: its functions run in a child process under limits; the laws are tried here, by asking it.

Whatever the file does (hang, eat memory, end the process, flood its output, answer what nobody asked) comes back as a report.
The child has nothing to gain: it never sees a law, an expected value or a report. What it may touch says `confinement`.
"""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from minimm.classroom.child_process import ENDLESS, FORGED, Child, Limits
from minimm.classroom.solution import read_source
from minimm.classroom.wire import Other, decode, encode, words_of, write_back
from minimm.specs.broken import Broken, Stopped
from minimm.specs.calling import Caller, NotWritten
from minimm.specs.grading import grade
from minimm.specs.registry import spec_of
from minimm.specs.report import Report


class ElsewhereCaller(Caller):
    """A function of a `Child`, to be called as if it were here."""

    def __init__(self, child: Child, name: str, described: list[list[Any]] | None) -> None:
        self.child, self.__name__ = child, name
        with contextlib.suppress(ValueError, TypeError):  # none was told
            self.__signature__ = inspect.Signature([_parameter(*one) for one in described])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `call`."""
        return self.call(args, kwargs)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the function gives back, its changes to the arguments made here as well; as `Caller.call`."""
        asked = {"args": encode(args), "kwargs": encode(kwargs)}
        answer = self.child.ask(call=self.__name__, **asked)
        try:
            if "gave" in answer:
                for kind, given in (("args", args), ("kwargs", kwargs)):
                    if answer[kind] != asked[kind]:
                        after = decode(answer[kind])
                        for key in range(len(args)) if kind == "args" else kwargs:
                            write_back(given[key], after[key])
                return decode(answer["gave"])
            if "broken" in answer:
                what, words, hint = map(words_of, answer["broken"])
                raise Broken(what, words=words, hint=hint)
            if "not_written" in answer:
                raise NotWritten
            what, hint = map(words_of, answer["stopped"])
        except (ValueError, LookupError, TypeError, RecursionError):
            what, hint = FORGED, ENDLESS
        raise Stopped(what, hint)


def _parameter(name: str, kind: int, default: str | None) -> inspect.Parameter:
    shown = inspect.Parameter.empty if default is None else Other(default)
    return inspect.Parameter(name, inspect._ParameterKind(kind), default=shown)


def check_file(path: str | Path, name: str | None = None, *, seed: int = 0, limits: Limits = Limits()) -> list[Report]:  # noqa: B008, frozen
    """Grade the function `name` of a Python file, or every function of the contract that it defines.

    Raises `MinimmError` if the file cannot be used: missing, not Python, without such a function.
    """
    path = Path(path)
    if name is not None:
        spec_of(name)
    read_source(path)
    reports: list[Report] = []
    child = Child(path, name, limits)
    try:
        for function, described in child.functions.items():
            if child.ended:  # by the function before
                child.close()
                child = Child(path, name, limits)
            reports.append(grade_in(child, function, described, seed))
    finally:
        child.close()
    return reports


def grade_in(child: Child, name: str, described: dict[str, Any], seed: int) -> Report:
    """Grade one function of a child that has just been asked what it has."""
    child.restart_clock()
    child.printed = ""
    function = (
        ElsewhereCaller(child, name, described["parameters"])
        if "parameters" in described
        else decode(described["value"])
    )
    return replace(grade(spec_of(name), function, seed=seed), printed=child.printed)
