"""Small arrays as tables with every number written in its cell, side by side: an example worked by hand, as a picture.

Blue grows with the number, orange with what lies below zero, grey is minus infinity, which a softmax turns into weight 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.labels import height, shorten, width
from minimm.plots.style import BLUE, GREY, NORMAL, ORANGE, SMALL, Drawing, text_style

ROW, GAP, PADDING = 0.3, 0.4, 0.14  # inches: a cell's height, between tables, beside a number
LABEL_INCHES = 1.2  # the longest label of a row or a column
STRONGEST = 0.6  # share of the colour in the largest number's cell: black type stays legible on it
MOST = 12  # rows or columns; more cannot be checked by hand
CLOSED = 0.82  # grey of minus infinity


@dataclass(frozen=True)
class NumberTable:
    """An array (R, C) with its name and, if given, a label for each of its rows and columns; True and False are 1 and 0."""

    name: str
    numbers: Any
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()


def number_tables(tables: Sequence[NumberTable], title: str) -> Figure:
    """Draw tables from left to right. Raises `MinimmError` for arrays that are not (R, C), too large, or hold NaN."""
    check(len(tables) > 0, "there is no table to draw; give at least one NumberTable")
    arrays = [_checked(table) for table in tables]
    texts = [[[number_text(number) for number in row] for row in array] for array in arrays]
    labels = [[shorten(row, LABEL_INCHES, SMALL) for row in table.rows] for table in tables]
    headings = [[shorten(column, LABEL_INCHES, SMALL) for column in table.columns] for table in tables]
    cells = [
        PADDING + max(width(text, NORMAL) for text in (*sum(rows, []), *heading))
        for rows, heading in zip(texts, headings, strict=True)
    ]
    lefts = [0.08 + max((width(label, SMALL) for label in names), default=0.0) for names in labels]
    line = height(1, NORMAL)
    top = line + (height(1, SMALL) if any(headings) else 0.0) + 0.04
    spans = [
        left + max(array.shape[1] * cell, width(table.name, NORMAL, "bold"))
        for left, array, cell, table in zip(lefts, arrays, cells, tables, strict=True)
    ]
    tallest = max(len(array) for array in arrays) * ROW
    figure = Drawing(max(sum(spans) + GAP * (len(tables) - 1), 3.0), top + tallest, title)
    x = 0.0
    for table, array, rows, names, heading, cell, left, span in zip(
        tables, arrays, texts, labels, headings, cells, lefts, spans, strict=True
    ):
        figure.write(x + left, 0, table.name, NORMAL, fontweight="bold")
        axes = figure.panel(x + left, top, array.shape[1] * cell, len(array) * ROW, frame=GREY)
        _fill(axes, array, rows)
        for number, label in enumerate(names):
            figure.write(x + left - 0.06, top + (number + 0.5) * ROW, label, ha="right", va="center")
        for number, label in enumerate(heading):
            figure.write(x + left + (number + 0.5) * cell, top - 0.03, label, ha="center", va="bottom", color=GREY)
        x += span + GAP
    return figure


def number_text(number: float) -> str:
    """Two places behind the point, fewer where those are zeros.

    >>> [number_text(x) for x in (2.0, 0.6652, 0.5, -float("inf"), -0.001)]
    ['2', '0.67', '0.5', '-∞', '0']
    """
    if np.isinf(number):
        return "∞" if number > 0 else "-∞"
    shown = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def _checked(table: NumberTable) -> np.ndarray:
    numbers = table.numbers.detach().cpu().numpy() if hasattr(table.numbers, "detach") else table.numbers
    array = np.asarray(numbers, dtype=np.float64)
    check(
        array.ndim == 2 and min(array.shape) >= 1 and max(array.shape) <= MOST,
        f"table {table.name!r} has shape {array.shape}, but (R, C) with 1 to {MOST} rows and columns was expected",
    )
    check(not np.isnan(array).any(), f"table {table.name!r} contains NaN; look for the step that made it")
    for said, labels, size in (("row", table.rows, array.shape[0]), ("column", table.columns, array.shape[1])):
        check(
            len(labels) in (0, size),
            f"table {table.name!r} has {size} {said}s, but {len(labels)} {said} labels; give one for each or none",
        )
    return array


def _fill(axes: Axes, array: np.ndarray, texts: list[list[str]]) -> None:
    finite = np.where(np.isfinite(array), array, 0.0)
    share = STRONGEST * finite / max(np.abs(finite).max(), np.finfo(float).tiny)
    colour = np.where(share[..., None] >= 0, to_rgb(BLUE), to_rgb(ORANGE))  # (R, C, 3)
    shown = 1 - np.abs(share)[..., None] * (1 - colour)
    shown[np.isinf(array)] = CLOSED
    axes.imshow(shown, aspect="auto", origin="upper", interpolation="nearest")
    for row, column in np.ndindex(array.shape):
        axes.text(column, row, texts[row][column], ha="center", va="center_baseline", **text_style(NORMAL))
