"""What a broken law is: an exception that carries what came out and what should have."""

from __future__ import annotations

from typing import Any

NOTHING = object()  # "there is nothing to show here", since None may be what came out


class Broken(Exception):
    """A law does not hold.

    Attributes:
        what: what was compared, or what went wrong, as a sentence or its subject.
        got, wanted: the two sides, shown if they are there.
        calls: of the function under test that led here; filled in by `grading`.
        words, hint: replace the law's own, where the trouble is not the law but that nothing usable came back.
    """

    def __init__(
        self,
        what: str,
        got: Any = NOTHING,
        wanted: Any = NOTHING,
        *,
        words: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.got, self.wanted = what, got, wanted
        self.words, self.hint = words, hint
        self.calls: list[Any] = []


class Stopped(BaseException):
    """The function cannot be called any more (it hangs, exits, floods): no law can be judged after this.

    Not an `Exception`, so that neither the student's `except Exception` nor hypothesis takes it for an ordinary failure.
    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint
