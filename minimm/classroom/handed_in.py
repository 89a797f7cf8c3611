"""What a student hands in, read as far as it can be: a notebook or a Python file becomes top-level statements of Python.

A notebook is JSON; its outputs are ignored, its magics and `!` lines dropped. What cannot be parsed (a cell, or one block of a
file) is left out and said in a sentence, so that it hides nothing else.
"""

from __future__ import annotations

import ast
import bisect
import codecs
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_BYTES = 500_000_000  # of a file, its outputs included
MOST_CHARACTERS = 2_000_000  # of code
DEEPEST = 150  # expressions in expressions
OUTPUTS_WORTH_A_WORD = 20_000_000  # bytes
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w., \t]+=\s*[%!].*|.*\w\?{1,2}\s*)$")
KEPT_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3")
PYTHON_2 = re.compile(
    r"^\s*(print\s+[^\s(=]|exec\s+[\"']|raise\s+\w+\s*,)|^\s*except\s+[\w.]+\s*,\s*\w+\s*:", re.MULTILINE
)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Statement:
    """One top-level statement: its syntax tree, with line numbers of the whole text, and the exercise of its cell, if any."""

    tree: ast.stmt
    exercise: str = ""


@dataclass
class HandedIn:
    """One file.

    Attributes:
        path: where it lies. text: all its code; a notebook's cells one below the other.
        statements: of that text, in order. problems: what could not be read, a sentence each.
        exercises: the functions whose cells are marked as exercises. starts: the lines above each cell.
    """

    path: Path
    text: str = ""
    statements: list[Statement] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    exercises: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def place(self, line: int) -> str:
        """Where a line of `text` is: "line 3", or "code cell 5, line 3" of a notebook."""
        if self.path.suffix != ".ipynb":
            return f"line {line}"
        cell = bisect.bisect_left(self.starts, line)
        return f"code cell {cell}, line {line - self.starts[cell - 1]}"


def read_handed_in(path: Path) -> HandedIn:
    """Read a .py file or an .ipynb notebook; nothing in it can raise more than a sentence in `problems`."""
    file = HandedIn(path)
    try:
        if path.exists() and not path.is_file():
            file.problems.append(f"{path.name} is a folder or a device and was not read")
            return file
        size = path.stat().st_size
        if size > MOST_BYTES:
            file.problems.append(f"{path.name} has {size / 1e6:,.0f} MB and was not read; clear its outputs")
            return file
        text = _decoded(path.read_bytes(), file)
    except OSError as error:
        file.problems.append(f"{path.name} cannot be read ({error.strerror})")
        return file
    if path.suffix == ".ipynb":
        if size > OUTPUTS_WORTH_A_WORD:
            file.problems.append(f"{path.name} has {size / 1e6:,.0f} MB, nearly all of it outputs, which were ignored")
        cells = list(_cells(text, file))
    else:
        cells = [("", text)]
    if sum(len(source) for _, source in cells) > MOST_CHARACTERS:
        file.problems.append(f"{path.name} has more than {MOST_CHARACTERS:,} characters of code and was not read")
        return file
    lines = 0
    for number, (exercise, source) in enumerate(cells, start=1):
        where = f"{path.name}, code cell {number}" if path.suffix == ".ipynb" else path.name
        source = source.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.statements += [Statement(tree, exercise) for tree in _parsed(source, where, lines, file)]
        file.starts.append(lines)
        file.text += source + "\n"
        lines += source.count("\n") + 1
        if exercise:
            file.exercises.append(exercise)
    return file


def _decoded(content: bytes, file: HandedIn) -> str:
    """The text; in another encoding than UTF-8 as well, which is said."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        kind = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "cp1252"
        file.problems.append(f"{file.path.name} is not UTF-8 text and was read as {kind}; save it as UTF-8")
        return content.decode(kind, errors="replace")


def _cells(text: str, file: HandedIn) -> Iterator[tuple[str, str]]:
    """(exercise, source) of each code cell; magics stand no more in a source that needs it."""
    name = file.path.name
    try:
        notebook = json.loads(text)
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        cells = [cell for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, RecursionError):
        file.problems.append(f"{name} is not readable JSON, so no notebook; it may be cut off")
        return
    except (LookupError, TypeError, AttributeError):
        file.problems.append(f"{name} is JSON, but no notebook: it has no list of cells")
        return
    stopped = []
    for number, cell in enumerate(cells, start=1):
        outputs = cell.get("outputs")
        errors = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
        stopped += [f"cell {number} with {o.get('ename')}" for o in errors if o.get("output_type") == "error"][:1]
        yield exercise_of(cell), _without_magics(source_in(cell))
    if stopped:
        more = f" and {len(stopped) - 3} more" if len(stopped) > 3 else ""
        file.problems.append(f"{name} was handed in with errors in its outputs: {', '.join(stopped[:3])}{more}")
    if not cells:
        file.problems.append(f"{name} has no code cell")


def source_in(cell: dict[str, Any]) -> str:
    """The text of a notebook's cell, in one piece; older notebooks call it "input"."""
    source = cell.get("source", cell.get("input", ""))
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def tags_of(cell: dict[str, Any]) -> list[str]:
    """The tags of a notebook's cell."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags", []) if isinstance(metadata, dict) else []
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def exercise_of(cell: dict[str, Any]) -> str:
    """The function that is to be written in a cell, by its tag and nbgrader's `grade_id`; "" if it is no exercise."""
    nbgrader = cell.get("metadata", {}).get("nbgrader") if isinstance(cell.get("metadata"), dict) else None
    if not isinstance(nbgrader, dict) or not (nbgrader.get("solution") or "exercise" in tags_of(cell)):
        return ""
    return str(nbgrader.get("grade_id", ""))


def _without_magics(source: str) -> str:
    """Lines for IPython become `pass`, so that line numbers stay; a cell in another language becomes nothing."""
    first = source.lstrip().partition("\n")[0]
    if first.startswith("%%"):
        if first.split()[0] not in KEPT_CELL_MAGICS:
            return "\n" * source.count("\n")
        source = source.replace(first, "pass", 1)
    try:
        ast.parse(source)
        return source
    except UNREADABLE:
        return "\n".join(MAGIC.sub(r"\1pass", line) for line in source.split("\n"))


def _parsed(source: str, where: str, line: int, file: HandedIn) -> list[ast.stmt]:
    """The statements of the source, `line` lines further down; what cannot be parsed is left out and said."""
    try:
        trees = ast.parse(source).body
    except UNREADABLE as error:
        file.problems.append(_said(source, where, error))
        trees = []
        for start, block in _blocks(source):
            try:
                trees += [ast.increment_lineno(tree, start) for tree in ast.parse(block).body]
            except UNREADABLE:
                continue
    flat = [tree for tree in trees if not _deeper(tree, DEEPEST)]
    if len(flat) < len(trees):
        file.problems.append(f"{where} nests expressions more than {DEEPEST} deep; that statement was left out")
    return [ast.increment_lineno(tree, line) for tree in flat]


def _deeper(tree: ast.AST, limit: int) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(limit):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def _blocks(source: str) -> Iterator[tuple[int, str]]:
    """(line number, text) of what begins in the first column, with all that is indented below."""
    start, block = 0, []
    lines = source.split("\n")
    for number, line in enumerate(lines):
        fresh = (
            line[:1].strip() and line[0] not in ")]}#" and not line.startswith(("else", "elif", "except", "finally"))
        )
        if fresh and block and not block[-1].startswith("@"):
            yield start, "\n".join(block)
            start, block = number, []
        block.append(line)
    yield start, "\n".join(block)


def _said(source: str, where: str, error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    if PYTHON_2.search(source):
        return f"{where} has Python 2 in it (as `print x`), which Python 3 cannot read; the rest was graded"
    at = f", line {line}" if line else ""
    why = getattr(error, "msg", None) or str(error) or "nested too deeply"
    return f"{where}{at} is not Python ({why}); the rest was graded"
