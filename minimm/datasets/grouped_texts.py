"""Texts with a label and a group: one a line, label, tab, group, tab, text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minimm.datasets.text_files import read_text
from minimm.errors import check


@dataclass(frozen=True)
class GroupedText:
    """One line."""

    label: str
    group: str
    text: str


def read_grouped(path: str | Path) -> list[GroupedText]:
    """All lines but blank ones; a line without one of the three raises a `MinimmError` with its number."""
    found = []
    for number, line in enumerate(read_text(Path(path)).split("\n"), start=1):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split("\t", 2)]
        check(
            len(parts) == 3 and all(parts),
            f"{path}, line {number}: {line[:60]!r} is not label, tab, group, tab, text; none may be empty",
        )
        found.append(GroupedText(*parts))
    check(len(found) > 0, f"{path} is empty; give one label, group and text a line")
    return found
