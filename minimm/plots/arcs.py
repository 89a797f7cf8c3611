"""One query's attention as arcs over a row of tokens: the thicker the arc, the larger the weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from minimm.errors import check
from minimm.plots.arrays import checked_weights
from minimm.plots.labels import height, token_label, width
from minimm.plots.style import BLUE, GREY, NORMAL, SMALL, VERMILLION, Drawing

LABEL_INCHES, SPACE = 1.2, 0.2  # inches: the longest token, and the room between two
THICKEST = 7.0  # points, of a weight of 1
FAINTEST = 0.02  # smaller weights are not drawn
MOST = 16  # tokens
BEND = 0.35  # of the distance: how high an arc rises


def attention_arcs(weights: Any, tokens: Sequence[str], query: int, title: str) -> Figure:
    """Draw the weights (T,) with which token number `query` looks at each of the tokens, itself included.

    Raises `MinimmError` for weights that are negative or not (T,), for more than 16 tokens and a query that is none of them.
    """
    weights = checked_weights("weights", weights, "(T,)")
    check(len(weights) == len(tokens), f"there are {len(tokens)} tokens, but {len(weights)} weights; give one for each")
    check(
        len(tokens) <= MOST, f"{len(tokens)} tokens are too many for arcs; give at most {MOST}, or use attention_grid"
    )
    check(0 <= query < len(tokens), f"query={query} is not one of {len(tokens)} tokens, which are counted from 0")
    labels = [token_label(token, LABEL_INCHES, NORMAL) for token in tokens]
    widths = np.array([max(width(label, NORMAL), 0.3) for label in labels])
    centres = np.cumsum(widths + SPACE) - widths / 2 - SPACE / 2
    across = float(widths.sum() + SPACE * len(widths))
    drawn = weights >= FAINTEST
    farthest = np.abs(centres - centres[query])[drawn].max() if drawn.any() else 0.0
    sky = 0.3 + BEND * farthest
    figure = Drawing(max(across, 3.0), sky + height(1, NORMAL) + height(1, SMALL) + 0.1, title)
    axes = figure.panel(0, 0, across, sky)
    axes.set_xlim(0, across)
    axes.set_ylim(0, sky)
    for key in np.flatnonzero(drawn):
        thick = {"color": BLUE, "linewidth": THICKEST * weights[key], "alpha": 0.8}
        if key == query:
            axes.plot([centres[key]] * 2, [0.04, 0.2], solid_capstyle="butt", **thick)
            continue
        rise = BEND if centres[key] < centres[query] else -BEND
        ends = {"posA": (centres[query], 0.04), "posB": (centres[key], 0.04)}
        bend = f"arc3,rad={2 * rise}"  # a quadratic curve rises half as high as its middle point lies
        axes.add_patch(FancyArrowPatch(**ends, connectionstyle=bend, arrowstyle="-", shrinkA=0, shrinkB=0, **thick))
    for key, label in enumerate(labels):
        strong = {"color": VERMILLION, "fontweight": "bold"} if key == query else {}
        figure.write(centres[key], sky, label, NORMAL, ha="center", **strong)
        figure.write(centres[key], sky + height(1, NORMAL), f"{weights[key]:.2f}", ha="center", color=GREY)
    return figure
