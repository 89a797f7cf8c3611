"""Texts with labels: one a line, label, tab, text."""

from __future__ import annotations

from pathlib import Path

from minimm.datasets.text_files import read_text
from minimm.errors import check


def read_labelled(path: str | Path) -> list[tuple[str, str]]:
    """(label, text) of every line; an empty label or text raises a `MinimmError` with the line's number."""
    pairs = []
    for number, line in enumerate(read_text(Path(path)).splitlines(), start=1):
        label, tab, text = line.partition("\t")
        check(
            tab == "\t" and label.strip() != "" and text.strip() != "",
            f"{path}, line {number}: {line[:60]!r} is not label, tab, text; neither may be empty",
        )
        pairs.append((label.strip(), text.strip()))
    check(len(pairs) > 0, f"{path} is empty; give one label and text a line")
    return pairs
