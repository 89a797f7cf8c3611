"""The function under test, watched: what it was given, what it gave back, and whether it kept its manners.

Every call is remembered for the report, its result brought into standard form, and misbehaviour turned into a sentence
of its own: it returned something else, it changed its arguments, or what `calling` says: it raised, it does not come back.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from minimm.specs.broken import Broken
from minimm.specs.calling import Caller
from minimm.specs.law import Spec
from minimm.specs.returns import Several


@dataclass
class Call:
    """One call: arguments by name as they were given, what came back (absent while it has not), and its parts' names."""

    name: str
    arguments: dict[str, Any]
    results: tuple[Any, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def gave_none(self) -> bool:
        """Whether it came back with None."""
        return bool(self.results) and self.results[0] is None


class Watched:
    """Lets `caller` call the function of `spec`, and keeps the `calls` since `forget`."""

    def __init__(self, caller: Caller, spec: type[Spec]) -> None:
        self.caller, self.spec = caller, spec
        self.calls: list[Call] = []

    def forget(self) -> None:
        """Start a new list of calls."""
        self.calls = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result in the standard form of `spec.returns`; raises `Broken`, `Stopped` or `NotWritten`."""
        before_args, before_kwargs = copy.deepcopy((args, kwargs))
        call = Call(self.spec.name(), dict(self.spec.parameters().bind(*before_args, **before_kwargs).arguments))
        self.calls.append(call)
        result = self.caller.call(args, kwargs)
        call.results = (result,)
        given = {**dict(zip(self.spec.parameters().parameters, args, strict=False)), **kwargs}
        for name, value in given.items():
            if not _same(value, call.arguments[name]):
                words = f"{call.name} leaves its arguments as they were"
                hint = "`x += 1`, `x[...] = ` and `np.exp(x, out=x)` write into the array of whoever called."
                raise Broken(f"{name} after the call", value, call.arguments[name], words=words, hint=hint)
        kind = self.spec.returns(*before_args, **before_kwargs)
        call.parts = tuple(kind.parts) if isinstance(kind, Several) else ()
        return kind.accept(result, "the result", (*before_args, *before_kwargs.values()))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return one is other or one == other
