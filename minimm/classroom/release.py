"""Students' notebooks from lessons: solutions stripped, outputs cleared, exercises left as stubs.

    tag "solution"                                a cell that is left out
    tag "extra"                                   a cell that is left out, unless asked for
    ### BEGIN SOLUTION ... ### END SOLUTION       lines that become `raise NotImplementedError`, as in nbgrader
    tag "exercise"                                stays
    tag "check"                                   `minimm.check(f)` becomes `minimm.check(f).points`: nbgrader takes the
                                                  number that a locked test puts out as the points of its exercise

A lesson whose exercise is filled in is not released: its solution would be in everybody's hands.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minimm.classroom.handed_in import exercise_of, source_in, tags_of
from minimm.classroom.needed import is_stub
from minimm.datasets.bundled import bundled_lessons
from minimm.errors import MinimmError, check
from minimm.files import read_json, write_atomically, write_text

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "raise NotImplementedError  # your code here"
CHECK = re.compile(r"^(minimm\.check\(\w+\))$")
PICTURE = re.compile(r"(?:\]\(|src=\")([^)\"\s:]+\.(?:png|jpg|jpeg|gif|svg))")


def release_lessons(
    numbers: list[str], out: Path, *, source: Path | None = None, extra: bool = False
) -> list[tuple[Path, list[str]]]:
    """Write the lessons of these numbers into `out`; returns each new notebook with the exercises in it.

    Args:
        numbers: such as "04".
        source: folder of the lessons, `NN_name.ipynb`; None for those that come with minimm.
        extra: keep the cells that are tagged so.

    Raises `MinimmError` before anything is written: for a number without a lesson, a solution that would go out with it, or
    another notebook in its place.
    """
    folder = bundled_lessons() if source is None else source
    check(folder.is_dir(), f"there is no folder of lessons {folder}")
    check(bool(numbers), "which lessons? Give their numbers, as --lessons 04,05")
    releases = []
    for number in dict.fromkeys(numbers):
        lesson = _lesson(folder, number)
        notebook = stripped(read_json(lesson), lesson.name, extra)
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        target = out / lesson.name
        same = not target.exists() or target.read_bytes() == text.encode()
        check(same, f"{target} is already there and may be somebody's work; choose another folder, or remove it")
        releases.append((lesson, target, notebook, text))
    for lesson, target, notebook, text in releases:
        write_text(target, text)
        for picture in _pictures(notebook, lesson.parent):
            original = lesson.parent / picture
            write_atomically(out / picture, lambda path, original=original: shutil.copyfile(original, path))
    return [
        (target, [name for cell in notebook["cells"] if (name := exercise_of(cell))])
        for _, target, notebook, _ in releases
    ]


def stripped(notebook: Any, name: str, extra: bool) -> dict[str, Any]:
    """The notebook as students get it; `name` is its file's, for errors. What is given stays as it is."""
    try:
        cells = [dict(cell) for cell in notebook["cells"]]
    except (TypeError, KeyError, ValueError):
        raise MinimmError(f"{name} is no notebook: it has no list of cells") from None
    left_out = {"solution"} if extra else {"solution", "extra"}
    kept = [cell for cell in cells if not left_out & set(tags_of(cell))]
    for number, cell in enumerate(kept, start=1):
        if cell.get("cell_type") != "code":
            continue
        source = source_in(cell)
        if "check" in tags_of(cell):
            source = CHECK.sub(r"\1.points", source)
        cell |= {"source": _without_solution(source, f"{name}, cell {number}"), "outputs": [], "execution_count": None}
        if exercise := exercise_of(cell):
            _check_stub(cell["source"], exercise, name)
    return {**notebook, "cells": kept}


def _lesson(folder: Path, number: str) -> Path:
    found = sorted(folder.glob(f"{number}_*.ipynb")) if number.isdecimal() else []
    there = ", ".join(path.name[:2] for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")))
    check(len(found) == 1, f"there is no lesson {number!r} in {folder}; there are {there or 'none'}")
    return found[0]


def _without_solution(source: str, where: str) -> str:
    lines, inside = [], False
    for line in source.split("\n"):
        if line.strip() == BEGIN:
            check(not inside, f"{where}: a second {BEGIN!r} before {END!r}")
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + STUB)
        elif line.strip() == END:
            check(inside, f"{where}: {END!r} without {BEGIN!r}")
            inside = False
        elif not inside:
            lines.append(line)
    check(not inside, f"{where}: {BEGIN!r} without {END!r}, so nobody knows where the solution ends")
    return "\n".join(lines)


def _check_stub(source: str, exercise: str, name: str) -> None:
    try:
        trees = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError) as error:  # ValueError: letters that no file can hold
        raise MinimmError(f"{name}: the exercise {exercise} is not Python ({error})") from None
    filled = [t for t in trees if isinstance(t, ast.FunctionDef) and t.name == exercise and not is_stub(t)]
    check(
        not filled,
        f"{name}: the exercise {exercise} is filled in; make it a stub, or put {BEGIN!r} and {END!r} around it",
    )


def _pictures(notebook: dict[str, Any], folder: Path) -> Iterator[str]:
    """The picture files beside the lesson that its text shows."""
    for cell in notebook["cells"]:
        if cell.get("cell_type") == "markdown":
            for target in PICTURE.findall(source_in(cell)):
                inside = (folder / target).resolve().is_relative_to(folder.resolve())
                if inside and (folder / target).is_file():
                    yield target
