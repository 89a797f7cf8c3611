"""Deletion and insertion: how a score goes while a picture is taken away, or shown, in the order of each explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.style import BLUE, GREEN, GREY, INK, ORANGE, SMALL, VERMILLION, Drawing, text_style

WIDTH, HEIGHT, LEFT, BETWEEN, ROW = 3.1, 2.7, 0.55, 0.35, 0.2  # inches
# Told apart by colour and by dashes, for readers of any colour vision and for print without colour.
STYLES = (
    (BLUE, "-"),
    (VERMILLION, (0, (6, 1.5))),
    (GREEN, (0, (3, 1.5))),
    (ORANGE, (0, (6, 1.5, 1, 1.5))),
    ("#56B4E9", (0, (3, 1.5, 1, 1.5))),
    ("#CC79A7", (0, (6, 1.5, 1, 1.5, 1, 1.5))),
    (INK, (0, (1, 1.2))),
    (GREY, (0, (2, 3))),
)
PANELS = {
    "deletion": "the important taken away first:\na true explanation falls early",
    "insertion": "the important shown first:\na true explanation rises early",
}


def faithfulness_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]], title: str = "Is the explanation true?"
) -> Figure:
    """Draw curves["deletion"] and curves["insertion"], the mean score of each method from nothing to all of the picture.

    Methods stand in the same order in both, at most eight. Raises `MinimmError` where there is nothing to draw.
    """
    methods = list(next(iter(curves.values()), {}))
    check(
        set(curves) == set(PANELS) and 0 < len(methods) <= len(STYLES),
        f"there are {len(methods)} methods in {list(curves)} to draw; give 1 to {len(STYLES)} in {list(PANELS)}",
    )
    top = ROW * ((len(methods) + 1) // 2) + 0.5
    figure = Drawing(LEFT + 2 * WIDTH + BETWEEN + 0.1, top + HEIGHT + 0.45, title)
    for column, (kind, said) in enumerate(PANELS.items()):
        at = LEFT + column * (WIDTH + BETWEEN)
        axes = figure.panel(at, top, WIDTH, HEIGHT, frame=GREY)
        figure.write(at, top - 0.06, said, SMALL, va="bottom")
        for method, (colour, dashes) in zip(methods, STYLES, strict=False):
            scores = curves[kind][method]
            shares = np.linspace(0, 1, len(scores))
            axes.plot(shares, scores, color=colour, linestyle=dashes, linewidth=1.7, clip_on=False)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"], **text_style(SMALL))
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axes.set_yticks(ticks, [f"{tick:g}" if column == 0 else "" for tick in ticks], **text_style(SMALL))
        axes.grid(True, color="#e4e4e4", linewidth=0.6, linestyle="-")
        axes.set_axisbelow(True)
        axes.set_xlabel(f"of the picture {'taken away' if kind == 'deletion' else 'shown'}", **text_style(SMALL))
    figure.write(0, top + HEIGHT / 2, "probability of the word", rotation=90, va="center")
    for number, (method, (colour, dashes)) in enumerate(zip(methods, STYLES, strict=False)):
        at = LEFT + (number % 2) * (WIDTH + BETWEEN)
        line = figure.panel(at, ROW * (number // 2), 0.35, 0.14)
        line.plot([0, 1], [0.5, 0.5], color=colour, linestyle=dashes, linewidth=1.7)
        line.set_axis_off()
        figure.write(at + 0.42, ROW * (number // 2) + 0.07, method, SMALL, va="center")
    return figure
