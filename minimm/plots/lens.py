"""The logit lens as a table: what a model would say after each layer, and how sure it would be.

A column for each token that is read, a row for each depth, the input below and the model's own answer on top, so that a guess
can be followed upwards as it takes shape (nostalgebraist 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_weights
from minimm.plots.labels import token_label, width
from minimm.plots.style import BAR, GREY, INK, PAPER, SMALL, Drawing, text_style

CELL, ROW, GAP = 0.72, 0.27, 0.1  # inches
MAX_TOKENS, MAX_DEPTHS = 14, 14
COLOUR_MAP = "viridis"


def lens_table(
    tokens: Sequence[str],
    guesses: Sequence[Sequence[str]],
    probabilities: Any,
    title: str = "What the model would say after each layer",
) -> Figure:
    """Draw guesses[depth][token] with their probabilities (L + 1, T); depth 0 is what goes into the first layer.

    At most 14 tokens, the last ones, and 14 depths, spread evenly, are drawn; the title says so. Raises `MinimmError` where
    the numbers don't agree.
    """
    probabilities = checked_weights("probabilities", probabilities, "(depths, tokens)")
    depths, length = probabilities.shape
    check(
        len(tokens) == length and len(guesses) == depths and all(len(row) == length for row in guesses),
        f"there are {len(tokens)} tokens and {len(guesses)} rows of guesses, but probabilities {probabilities.shape}",
    )
    first = max(0, length - MAX_TOKENS)
    shown = np.unique(np.linspace(0, depths - 1, min(depths, MAX_DEPTHS)).round().astype(int))
    left_out = [f"the last {MAX_TOKENS} of {length} tokens"] * (first > 0)
    left_out += [f"{len(shown)} of {depths} depths"] * (len(shown) < depths)
    title += f" ({', '.join(left_out)})" if left_out else ""

    names = ["input" if depth == 0 else f"layer {depth - 1}" for depth in shown]
    left = max(width(name, SMALL) for name in names) + GAP
    columns, rows = length - first, len(shown)
    figure = Drawing(left + columns * CELL + BAR + 0.1, (rows + 1) * ROW + 0.1, title)
    axes = figure.panel(left, 0.05, columns * CELL, rows * ROW, frame=GREY)
    values = probabilities[shown[::-1], first:]  # the answer on top
    axes.imshow(values, cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    colours = matplotlib.colormaps[COLOUR_MAP]
    for row, column in np.ndindex(rows, columns):
        word = token_label(guesses[shown[rows - 1 - row]][first + column], CELL - 0.06, SMALL)
        brightness = float(np.dot(colours(values[row, column])[:3], [0.299, 0.587, 0.114]))
        style = text_style(SMALL) | {"color": INK if brightness > 0.45 else PAPER}
        axes.text(column, row, word, ha="center", va="center", **style)
    for row, name in enumerate(reversed(names)):
        figure.write(left - GAP / 2, 0.05 + (row + 0.5) * ROW, name, ha="right", va="center", color=GREY)
    below = 0.05 + rows * ROW
    figure.write(left - GAP / 2, below + ROW / 2 + 0.02, "read", ha="right", va="center", color=GREY)
    for column in range(columns):
        word = token_label(tokens[first + column], CELL - 0.06, SMALL)
        figure.write(left + (column + 0.5) * CELL, below + ROW / 2 + 0.02, word, ha="center", va="center")
    right = left + columns * CELL + 0.1
    bar = figure.panel(right, 0.05, 0.12, rows * ROW, frame=GREY)
    ramp = np.linspace(1, 0, 256)[:, None]
    bar.imshow(ramp, cmap=COLOUR_MAP, aspect="auto", extent=(0, 1, 0, 1), origin="upper", interpolation="nearest")
    bar.yaxis.tick_right()
    bar.set_yticks([0, 1], ["0", "1"], **text_style(SMALL))
    figure.write(right + 0.3, 0.05 + rows * ROW / 2, "probability", rotation=90, va="center")
    return figure
