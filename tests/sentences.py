"""Every sentence with which minimm refuses bad input, and which of them no test has ever seen.

pytest -n 2 --sentences seen.txt     # writes down where each error was made, and in which test
python tests/sentences.py seen.txt   # those that were never made, by room
"""

from __future__ import annotations

import ast
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
ERRORS = ROOT / "minimm" / "errors.py"
MAKERS = ("MinimmError", "check", "check_divides")


@dataclass(frozen=True)
class Sentence:
    """Where a sentence stands, and what of it is there before anything is filled in."""

    file: str  # below the repository
    first: int  # lines
    last: int
    words: str

    @property
    def room(self) -> str:
        return self.file.split("/")[1].removesuffix(".py")


def all_sentences() -> list[Sentence]:
    """Each `check(...)` and `MinimmError(...)` under minimm/, but for those in errors.py itself."""
    found = []
    for path in sorted((ROOT / "minimm").rglob("*.py")):
        if path == ERRORS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                words = " ".join(text for text in texts if isinstance(text, str))
                found.append(Sentence(path.relative_to(ROOT).as_posix(), node.lineno, node.end_lineno, words))
    return found


def maker(frame: FrameType | None) -> tuple[str, int] | None:
    """The file and line below the repository that made an error, seen from the frame of its `__init__`."""
    while frame and Path(frame.f_code.co_filename) in (ERRORS, Path(__file__).resolve()):
        frame = frame.f_back
    path = Path(frame.f_code.co_filename) if frame else ROOT
    return (path.relative_to(ROOT).as_posix(), frame.f_lineno) if path.is_relative_to(ROOT / "minimm") else None


def record(into: Path) -> None:
    """From now on each `MinimmError` of this process leaves a line "file:line", a tab and the test that runs, in `into`."""
    from minimm.errors import MinimmError

    def written_down(self: MinimmError, *arguments: object) -> None:
        ValueError.__init__(self, *arguments)
        place = maker(sys._getframe())
        if place:
            test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
            with into.open("a", encoding="utf-8") as file:  # one short write, so that workers do not mix
                file.write("{}:{}\t{}\n".format(*place, test))

    MinimmError.__init__ = written_down


def never_made(seen: Path) -> list[Sentence]:
    """The sentences of which no line is in the file that `record` wrote."""
    lines = [line.partition("\t")[0].rpartition(":") for line in seen.read_text(encoding="utf-8").splitlines()]
    places = {(file, int(number)) for file, _, number in lines}
    return [
        sentence
        for sentence in all_sentences()
        if not any((sentence.file, line) in places for line in range(sentence.first, sentence.last + 1))
    ]


if __name__ == "__main__":
    missing, all_of = never_made(Path(sys.argv[1])), Counter(sentence.room for sentence in all_sentences())
    for sentence in missing:
        print(f"{sentence.file}:{sentence.first}  {sentence.words[:100]}")
    for room, count in sorted(Counter(sentence.room for sentence in missing).items()):
        print(f"{room:<20} {count:4d} of {all_of[room]} never made")
    print(f"{'all':<20} {len(missing):4d} of {sum(all_of.values())} never made")
