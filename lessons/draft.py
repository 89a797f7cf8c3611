"""A lesson as plain text to write or edit, and back: the text is thrown away afterwards, the notebook is what is kept.

    python lessons/draft.py unpack 04_attention.ipynb draft.md     # a notebook below lessons/ -> text
    python lessons/draft.py pack draft.md 04_attention.ipynb       # text -> notebook, without outputs; then build.py
    python lessons/draft.py pack draft.md zh/04_attention.ipynb    # its code comes from the English notebook

In the text a line `%% markdown`, `%% code`, `%% exercise FUNCTION` or `%% check FUNCTION` begins a cell. The last two get the
tags and nbgrader's metadata by which `minimm release` and `minimm grade` find them. In a Chinese draft the code cells are
such lines alone, in the order of the English ones.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

sys.path.insert(0, str(Path(__file__).resolve().parent))
from build import LESSONS, normalised, write

MARK = re.compile(r"^%% (markdown|code|exercise|check)(?: (\w+))?$", re.MULTILINE)
NBGRADER = {"schema_version": 3, "task": False}
GRADED = {
    # Not nbgrader's "solution": it would replace the whole stub, the function's name included.
    "exercise": {"grade": False, "solution": False, "locked": False},
    "check": {"grade": True, "solution": False, "locked": True, "points": 1},
}


def unpacked(notebook: nbformat.NotebookNode) -> str:
    """The notebook as text, without its outputs."""
    parts = []
    for cell in notebook.cells:
        (tag,) = cell.metadata.get("tags", []) or [
            "markdown" if cell.cell_type == "markdown" else "code"
        ]
        function = cell.metadata.nbgrader.grade_id.removeprefix("check-") if tag in GRADED else ""
        parts.append(f"%% {tag} {function}".rstrip() + f"\n{cell.source}\n")
    return "\n".join(parts)


def packed(text: str, english: nbformat.NotebookNode | None = None) -> nbformat.NotebookNode:
    """The text as a notebook; the code cells of `english` take the place of its own."""
    before, *parts = MARK.split(text)
    if before.strip():
        raise SystemExit(
            f"the draft must begin with a line such as `%% markdown`, but it begins with {before[:60]!r}"
        )
    cells = []
    code = iter([cell for cell in english.cells if cell.cell_type == "code"] if english else [])
    for tag, function, source in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        if tag == "markdown":
            cells.append(new_markdown_cell(source.strip()))
        elif english is None:
            cells.append(new_code_cell(source.strip("\n"), metadata=metadata(tag, function)))
        else:
            if (cell := next(code, None)) is None or source.strip():
                raise SystemExit(
                    "a Chinese draft has one empty code line for each English code cell, and no code"
                )
            cells.append(new_code_cell(cell.source, metadata=cell.metadata))
    if missing := len(list(code)):
        raise SystemExit(
            f"{missing} code cells of the English lesson are missing at the end of this draft"
        )
    return normalised(new_notebook(cells=cells))


def metadata(tag: str, function: str | None) -> dict:
    """Tags and nbgrader's metadata of an exercise and its check; nothing for other cells."""
    if tag not in GRADED:
        return {}
    if function is None:
        raise SystemExit(f"`%% {tag}` needs the name of the function behind it")
    grade_id = function if tag == "exercise" else f"check-{function}"
    return {"tags": [tag], "nbgrader": {**NBGRADER, **GRADED[tag], "grade_id": grade_id}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("direction", choices=["pack", "unpack"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    if given.direction == "unpack":
        given.target.write_text(
            unpacked(nbformat.read(LESSONS / given.source, 4)), encoding="utf-8"
        )
    else:
        in_chinese = given.target.parts[0] == "zh"
        original = nbformat.read(LESSONS / given.target.name, 4) if in_chinese else None
        write(packed(given.source.read_text(encoding="utf-8"), original), LESSONS / given.target)
