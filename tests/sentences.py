"""Every sentence with which minimm refuses bad input, and the test whose input causes it: `every_sentence.tsv`.

pytest -n 2 --sentences seen.txt     # writes down where each error was made, and in which test
python tests/sentences.py seen.txt   # puts what was seen into the list, says which sentences no test has caused yet

After a new sentence it is enough to run the test that causes it, and then the second command.
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
LIST = ROOT / "tests" / "every_sentence.tsv"
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
                words = " ".join(" ".join(text for text in texts if isinstance(text, str)).split())
                words = words.encode("utf-8", "backslashreplace").decode("utf-8")  # one speaks of lone surrogates
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


def seen_in(record: Path) -> dict[Sentence, str]:
    """The sentences that were made, by the file that `record` wrote, each with the shortest name of a test that made it."""
    tests: dict[tuple[str, int], set[str]] = {}
    for line in record.read_text(encoding="utf-8").splitlines():
        place, _, test = line.partition("\t")
        file, _, number = place.rpartition(":")
        tests.setdefault((file, int(number)), set()).add(test.partition("[")[0])
    found = {}
    for sentence in all_sentences():
        made_by = set().union(
            *(tests.get((sentence.file, line), ()) for line in range(sentence.first, sentence.last + 1))
        )
        if made_by:
            found[sentence] = min(made_by, key=lambda test: (not test, len(test), test))
    return found


def listed() -> dict[tuple[str, str], str]:
    """The list: (file, words) of each sentence -> the test whose input causes it."""
    rows = [line.split("\t") for line in LIST.read_text(encoding="utf-8").splitlines()]
    return {(file, words): test for file, words, test in rows}


def update_list(record: Path) -> None:
    """Add what was seen to the list, and take out what no longer stands in the source."""
    known = (listed() if LIST.exists() else {}) | {(one.file, one.words): test for one, test in seen_in(record).items()}
    there = sorted({(one.file, one.words) for one in all_sentences()})
    rows = ["\t".join([*place, known[place]]) for place in there if place in known]
    LIST.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    update_list(Path(sys.argv[1]))
    known, all_of = listed(), all_sentences()
    missing = [sentence for sentence in all_of if (sentence.file, sentence.words) not in known]
    for sentence in missing:
        print(f"{sentence.file}:{sentence.first}  {sentence.words[:100]}")
    counts = Counter(sentence.room for sentence in all_of)
    for room, count in sorted(Counter(sentence.room for sentence in missing).items()):
        print(f"{room:<20} {count:4d} of {counts[room]} never made")
    print(f"{'all':<20} {len(missing):4d} of {len(all_of)} never made")
