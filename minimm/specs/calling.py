"""Calling a function that may do anything: whatever happens becomes `Broken`, `Stopped` or `NotWritten`, each with words.

`CalledHere` calls in this process; `minimm.classroom.supervisor` has a caller whose function runs in another one.
"""

from __future__ import annotations

import dis
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from minimm.specs.broken import Broken, Stopped
from minimm.specs.watchdog import Watchdog


class NotWritten(BaseException):
    """The function is still a stub: it raises NotImplementedError, or does nothing at all."""


class Caller:
    """Something that calls one function for the laws."""

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the function gives back; raises `Broken`, `Stopped` or `NotWritten`, and nothing else."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what the calls needed."""


class CalledHere(Caller):
    """Calls `function`, which should be the contract's `name`, in this process; `seconds` is the limit of one call."""

    def __init__(self, function: Callable, name: str, seconds: float) -> None:
        self.function, self.name = function, name
        self.watchdog = Watchdog(seconds)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As `Caller.call`."""
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
            words = f"{self.name} comes back with an answer"
            what = f"it raised {type(error).__name__}: {error}{self._where(error)}"
            raise Broken(what, words=words, hint=_exception_hint(error)) from error

    def close(self) -> None:
        """End the watchdog."""
        self.watchdog.close()

    def _where(self, error: Exception) -> str:
        """The student's own line in which it happened: the innermost frame of the function's file."""
        code = getattr(self.function, "__code__", None)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
        return f", in line {frames[-1].lineno}: {frames[-1].line}" if frames else ""


def does_nothing(function: Callable) -> bool:
    """True for a body of nothing but a docstring, `pass` or `...`."""
    if not hasattr(function, "__code__"):
        return False
    opnames = {instruction.opname for instruction in dis.get_instructions(function)}
    return opnames <= {"RESUME", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "NOP"}


def _exception_hint(error: Exception) -> str:
    if isinstance(error, ValueError | IndexError):
        return "Print the shapes in front of that line; try it by hand with the input above."
    return "Try it by hand with the input above."
