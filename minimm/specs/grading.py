"""Grading: try every law of a spec on one function, and report the first broken one with its smallest failing input.

The same function and seed always give the same report.
"""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from minimm.specs.broken import Broken, Stopped
from minimm.specs.calling import CalledHere, Caller, NotWritten, does_nothing
from minimm.specs.draw import no_size_above
from minimm.specs.expect import same_answer
from minimm.specs.explain import explain_failure
from minimm.specs.law import Law, Spec
from minimm.specs.layout import copied
from minimm.specs.registry import spec_of
from minimm.specs.report import BROKEN, HOLDS, NOT_WRITTEN, STOPPED, Failure, Report
from minimm.specs.watched import Watched

SECONDS_PER_CALL = 5.0
SMALL_SIZES = (1, 2)
SEARCH_ONLY = (Phase.generate,)
SEARCH_AND_SHRINK = (Phase.generate, Phase.shrink)


def grade(
    spec: type[Spec],
    function: Callable | Caller,
    *,
    seed: int = 0,
    first_only: bool = False,
) -> Report:
    """All laws of `spec` on `function`.

    Args:
        function: itself, called in this process, or a `Caller` that has it elsewhere.
        first_only: stop at the first broken law and do not search for its smallest input: quicker, if all that matters
            is whether the function is right.
        seed: for the drawn inputs.
    """
    here = not isinstance(function, Caller)
    caller = CalledHere(function, spec.name(), SECONDS_PER_CALL) if here else function
    watched = Watched(caller, spec)
    kept: list[str] = []
    broken: list[str] = []
    first: Failure | None = None

    def report(status: str, failure: Failure | None = None, note: str = "") -> Report:
        return Report(spec.name(), status, kept, broken, failure, spec.lesson, note)

    try:
        if failure := first_call(spec, function, watched):
            return report(BROKEN, failure)
        for one in spec.laws():
            error = find_counterexample(one, watched, seed, shrink=first is None and not first_only)
            if error is None:
                kept.append(one.words)
                continue
            broken.append(one.words)
            first = first or explain_failure(error, one.words, one.hint, error.calls, spec.shapes)
            if first_only:
                break
        return report(BROKEN if broken else HOLDS, first)
    except NotWritten:
        return report(NOT_WRITTEN, note="not written yet")
    except Stopped as stop:
        words = f"{spec.name()} comes back with an answer"
        return report(STOPPED, explain_failure(Broken(stop.what), words, stop.hint, watched.calls))
    finally:
        caller.close()


def share_of_laws(report: Report) -> float:
    """How many of its function's laws hold, from 0 to 1: what a grade counts."""
    return round(len(report.kept) / len(spec_of(report.name).laws()), 4)


def first_call(spec: type[Spec], function: Callable, watched: Watched) -> Failure | None:
    """Can it be called at all, does it give back the right kind of thing, and the same thing twice?"""
    name = spec.name()
    try:
        check_parameters(spec, function)
        first = watched(*copy.deepcopy(spec.example))
        second = watched(*copy.deepcopy(spec.example))
        words, hint = f"{name} gives the same answer to the same question", "What does it remember, or draw at random?"
        same_answer(second, first, "the answer to the second call", words, hint)
    except Broken as error:
        if watched.calls and watched.calls[-1].gave_none and does_nothing(function):
            raise NotWritten from None
        return explain_failure(error, error.words or "", error.hint or "", watched.calls, spec.shapes)
    return None


def check_parameters(spec: type[Spec], function: Callable) -> None:
    """Raise `Broken` unless `function` takes the contract's arguments, the optional ones by name."""
    words = f"{spec.name()} is called as {spec.signature}"
    if not callable(function):
        kind = type(function).__name__
        raise Broken(f"{spec.name()} is a {kind}, not a function", words=words, hint="Define it with `def`.")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return
    required = [None for p in spec.parameters().parameters.values() if p.default is inspect.Parameter.empty]
    optional = {n: None for n, p in spec.parameters().parameters.items() if p.default is not inspect.Parameter.empty}
    try:
        signature.bind(*required)
        signature.bind(*required, **optional)
    except TypeError as error:
        yours = f"{getattr(function, '__name__', 'it')}{signature}"
        hint = "Names, order and defaults of the arguments are part of the contract."
        raise Broken(f"yours is {yours}: {error}", words=words, hint=hint) from None


def find_counterexample(one: Law, watched: Watched, seed: int, *, shrink: bool) -> Broken | None:
    """The `Broken` of an input that breaks the law, its calls in `error.calls`; None if it holds.

    With `shrink` the input is a small one: it is searched again among arrays of size 1, then 2, and hypothesis makes the
    first that it finds there simpler still.

    What hypothesis draws for a law and a seed is the same for every function that does not fail, so the inputs of the first
    that held are kept: trying them again takes a fraction of the time that drawing them took.
    """
    if _holds_for(_drawn.get((one, seed), []), one, watched):
        return None
    error = _search(one, watched, seed, SEARCH_ONLY)
    if error is None or not shrink:
        return error
    for largest in SMALL_SIZES:
        with no_size_above(largest):
            if small := _search(one, watched, seed, SEARCH_AND_SHRINK):
                return small
    return _search(one, watched, seed, SEARCH_AND_SHRINK) or error


MOST_KEPT = 300  # more than the contract has laws, so all of one seed, but not of a thousand
# By law and seed, once a function has held it.
_drawn: OrderedDict[tuple[Law, int], list[tuple[Any, ...]]] = OrderedDict()


def _holds_for(inputs: list[tuple[Any, ...]], one: Law, watched: Watched) -> bool:
    """Whether there are any, and the law holds for all of them."""
    try:
        for drawn in inputs:
            _try(one, watched, copied(drawn))
    except Broken:
        return False
    return bool(inputs)


def _try(one: Law, watched: Watched, drawn: tuple[Any, ...]) -> None:
    watched.forget()
    try:
        with np.errstate(all="ignore"):  # what a wrong result does in a law's arithmetic is no news
            one.body(watched, *drawn)
    except Broken as error:
        error.calls = list(watched.calls)
        raise


def _search(one: Law, watched: Watched, seed: int, phases: tuple[Phase, ...]) -> Broken | None:
    inputs: list[tuple[Any, ...]] = []

    def body(drawn: tuple[Any, ...]) -> None:
        inputs.append(copied(drawn))
        _try(one, watched, drawn)

    run = settings(
        max_examples=one.examples,
        phases=phases,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )(seeded(seed)(given(st.tuples(*one.inputs))(body)))
    try:
        run()
    except Broken as error:
        return error
    except Flaky:
        words = f"{watched.spec.name()} gives the same answer to the same question"
        hint = "What does it remember between calls, or draw at random?"
        error = Broken("a second call with the same input gave another answer", words=words, hint=hint)
        error.calls = list(watched.calls)
        return error
    if phases == SEARCH_ONLY:
        _drawn[one, seed] = inputs
        if len(_drawn) > MOST_KEPT:
            _drawn.popitem(last=False)  # the oldest
    return None
