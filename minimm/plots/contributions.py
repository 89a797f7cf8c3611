"""What each token of a text contributes to an answer: for it in blue, against it in vermillion, as strong as the colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_array
from minimm.plots.labels import height, token_label, width
from minimm.plots.style import BLUE, GREY, NORMAL, PAPER, SMALL, VERMILLION, Drawing

WIDTH, ROW, GAP = 6.5, 0.54, 0.05  # inches: of the text, of a line with the numbers below, between tokens
LONGEST = 1.6  # inches of one token
MAX_TOKENS = 100


def token_contributions(tokens: Sequence[str], values: Any, title: str) -> Figure:
    """Draw a text whose tokens are coloured by `values` (T,), relative to the largest in size, each with its number below.

    Of more than 100 tokens the last ones are drawn; the title says so. Raises `MinimmError` where the numbers don't agree.
    """
    values = checked_array("values", values, "(tokens)")
    check(
        len(tokens) == len(values), f"there are {len(tokens)} tokens and {len(values)} values; give one for each token"
    )
    largest = max(float(np.abs(values).max()), np.finfo(float).tiny)
    if len(tokens) > MAX_TOKENS:
        title += f" (the last {MAX_TOKENS} of {len(tokens)} tokens)"
        tokens, values = tokens[-MAX_TOKENS:], values[-MAX_TOKENS:]
    labels = [token_label(token, LONGEST, NORMAL) for token in tokens]
    numbers = [f"{value:+.2f}" for value in values]
    sizes = [
        max(width(label, NORMAL) + 0.14, width(number, SMALL)) for label, number in zip(labels, numbers, strict=True)
    ]
    places, left, row = [], 0.0, 0
    for size in sizes:
        if left > 0 and left + size > WIDTH:
            left, row = 0.0, row + 1
        places.append((left, row * ROW))
        left += size + GAP
    figure = Drawing(WIDTH, (row + 1) * ROW, title)
    tall = height(1, NORMAL) + 0.08
    for (left, top), size, label, number, value in zip(places, sizes, labels, numbers, values, strict=True):
        share = abs(value) / largest
        colour = (1 - share) * np.array(to_rgb(PAPER)) + share * np.array(to_rgb(BLUE if value > 0 else VERMILLION))
        figure.panel(left, top, size, tall, frame=GREY).set_facecolor(colour)
        dark = float(colour @ [0.299, 0.587, 0.114]) < 0.5
        style = {"color": PAPER} if dark else {}
        figure.write(left + size / 2, top + tall / 2, label, NORMAL, ha="center", va="center", **style)
        figure.write(left + size / 2, top + tall + 0.03, number, SMALL, ha="center", color=GREY)
    return figure
