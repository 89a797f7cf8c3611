"""The outcome of grading one function, as plain data: it travels between processes as JSON and is shown by `explain`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

HOLDS, BROKEN, STOPPED, NOT_WRITTEN, UNUSABLE = "holds", "broken", "stopped", "not written", "unusable"


@dataclass(frozen=True)
class Failure:
    """Why a law does not hold, all in texts.

    Attributes:
        words: the law. what: what was compared or went wrong. hint: where to look.
        calls: for each call of the smallest failing input its first line, arguments and result, as (label, text) pairs.
        got, wanted: the two sides; empty when there is nothing to show.
        shapes: what goes in and what comes out, if that is the trouble.
    """

    words: str
    what: str
    hint: str
    calls: list[list[tuple[str, str]]] = field(default_factory=list)
    got: str = ""
    wanted: str = ""
    shapes: str = ""


@dataclass(frozen=True)
class Report:
    """What was found about one function.

    Attributes:
        name: of the function. status: holds, broken, stopped, not written or unusable.
        kept, broken: the laws that hold and those that do not, as sentences.
        failure: the first broken law, in full. lesson: where to read on. note: anything else to say.
        printed: the beginning of what the function printed.
    """

    name: str
    status: str
    kept: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    failure: Failure | None = None
    lesson: str = ""
    note: str = ""
    printed: str = ""

    def __bool__(self) -> bool:
        """True if every law holds."""
        return self.status == HOLDS

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Report:
        """The inverse of `as_dict`."""
        failure = values.get("failure")
        return cls(**{**values, "failure": Failure(**failure) if failure else None})
