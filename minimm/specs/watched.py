"""The function under test, watched: what it was given, what it gave back, and whether it kept its manners.

Every call is remembered for the report, its result brought into standard form, and misbehaviour turned into a sentence
of its own: it raised, it returned something else, it changed its arguments, it called sys.exit, it does not come back.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minimm.specs.broken import Broken, Stopped
from minimm.specs.law import Spec
from minimm.specs.returns import Several
from minimm.specs.watchdog import Watchdog


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


class NotWritten(BaseException):
    """The function is still a stub: it raises NotImplementedError, or does nothing at all."""


class Watched:
    """Calls `function` as the function of `spec`, and keeps the `calls` since `forget`."""

    def __init__(self, function: Callable, spec: type[Spec], watchdog: Watchdog) -> None:
        self.function, self.spec, self.watchdog = function, spec, watchdog
        self.calls: list[Call] = []

    def forget(self) -> None:
        """Start a new list of calls."""
        self.calls = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result in the standard form of `spec.returns`; raises `Broken`, `Stopped` or `NotWritten`."""
        before_args, before_kwargs = copy.deepcopy((args, kwargs))
        call = Call(self.spec.name(), dict(self.spec.parameters().bind(*before_args, **before_kwargs).arguments))
        self.calls.append(call)
        result = self._call(args, kwargs)
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

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            with self.watchdog, np.errstate(all="ignore"):  # a warning is not an answer; the numbers are judged
                return self.function(*args, **kwargs)
        except NotImplementedError:
            raise NotWritten from None
        except SystemExit:
            raise Stopped(
                "it called sys.exit", "A function gives its answer back; it never ends the program."
            ) from None
        except MemoryError:
            raise Stopped(
                "it asked for more memory than there is", "How large is the largest array it makes?"
            ) from None
        except Broken:  # whoever watches from outside has already found words for it
            raise
        except Exception as error:
            words = f"{self.spec.name()} comes back with an answer"
            what = f"it raised {type(error).__name__}: {error}{self._where(error)}"
            raise Broken(what, words=words, hint=_exception_hint(error)) from error

    def _where(self, error: Exception) -> str:
        """The student's own line in which it happened: the innermost frame of the function's file."""
        code = getattr(self.function, "__code__", None)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
        return f", in line {frames[-1].lineno}: {frames[-1].line}" if frames else ""


def _exception_hint(error: Exception) -> str:
    if isinstance(error, ValueError | IndexError):
        return "Print the shapes in front of that line; try it by hand with the input above."
    return "Try it by hand with the input above."


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return one is other or one == other
