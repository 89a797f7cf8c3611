"""What every head does, at a glance: a small table of layers and heads for each of the numbers of `head_summary`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_array
from minimm.plots.labels import height
from minimm.plots.style import GREY, INK, PAPER, SMALL, Drawing, text_style

CELL, ROW, LEFT, BETWEEN = 0.36, 0.24, 0.55, 0.3  # inches
IN_A_ROW = 2  # tables
COLOUR_MAP = "cividis"  # even for readers who tell few colours apart
SHARES = ("previous", "first", "entropy", "induction")  # from 0 to 1
NAMES = {
    "previous": "weight on the token before",
    "first": "weight on the first token",
    "entropy": "entropy, of the most possible",
    "distance": "tokens back, on average",
    "induction": "weight on what came next before",
    "ablated": "nats a token more without it",
}


def head_tables(summary: Mapping[str, Any], title: str = "What each head does") -> Figure:
    """Draw each (L, H) of `summary`; colours run from 0 to 1, or to the largest number of what is no share.

    Raises `MinimmError` where there is nothing to draw or shapes differ.
    """
    tables = {name: checked_array(name, value, "(layers, heads)") for name, value in summary.items()}
    shapes = {table.shape for table in tables.values()}
    check(len(shapes) == 1, f"heads are told of the same layers and heads, but the tables are {sorted(shapes)}")
    layers, heads = shapes.pop()
    heading, line = height(1, SMALL) + 0.05, height(1, SMALL)
    wide, tall = max(heads * CELL, 2.1), layers * ROW
    step_x, step_y = LEFT + wide + BETWEEN, heading + tall + line + 0.15
    columns = min(IN_A_ROW, len(tables))
    figure = Drawing(columns * step_x - BETWEEN, -(-len(tables) // columns) * step_y, title)
    colours = matplotlib.colormaps[COLOUR_MAP]
    for number, (name, table) in enumerate(tables.items()):
        left, top = number % columns * step_x + LEFT, number // columns * step_y + heading
        largest = 1.0 if name in SHARES else max(float(np.abs(table).max()), 1e-9)
        axes = figure.panel(left, top, wide, tall, frame=GREY)
        axes.imshow(table, cmap=COLOUR_MAP, vmin=0, vmax=largest, aspect="auto", interpolation="nearest")
        for layer, head in np.ndindex(layers, heads):
            value = table[layer, head]
            brightness = float(np.dot(colours(max(value, 0.0) / largest)[:3], [0.299, 0.587, 0.114]))
            style = text_style(SMALL) | {"color": INK if brightness > 0.5 else PAPER}
            said = f"{value:.1f}" if abs(value) >= 9.95 else f"{value:.2f}".replace("0.", ".", 1)
            axes.text(head, layer, said, ha="center", va="center", **style)
        figure.write(left, top - 0.04, NAMES.get(name, name), va="bottom")
        for layer in range(layers):
            figure.write(left - 0.08, top + (layer + 0.5) * ROW, f"layer {layer}", ha="right", va="center", color=GREY)
        for head in range(heads):
            at = left + (head + 0.5) * wide / heads
            figure.write(at, top + tall + 0.02, str(head), ha="center", color=GREY)
    return figure
