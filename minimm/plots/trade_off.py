"""What a remedy mends and what it costs: changes of bias and of quality, with intervals, for each data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minimm.errors import check
from minimm.plots.style import BLUE, GREEN, GREY, INK, ORANGE, SMALL, VERMILLION, Drawing, text_style

WIDTH, HEIGHT, LEFT, BETWEEN, ROW, COLUMNS = 2.5, 2.1, 0.75, 0.85, 0.22, 3  # inches, but for the columns
# Told apart by colour and by shape, for readers of any colour vision and for print without colour.
MARKERS = (
    (BLUE, "o"),
    (VERMILLION, "s"),
    (GREEN, "^"),
    (ORANGE, "D"),
    ("#56B4E9", "v"),
    ("#CC79A7", "P"),
    (INK, "X"),
    (GREY, "*"),
    ("#8B6914", "p"),
)


def trade_off(
    studies: Mapping[str, Mapping[str, Any]], title: str = "What a remedy mends, and what it costs"
) -> Figure:
    """Draw what `minimm bias` measured: a panel for each study, a mark for each remedy with the intervals of both changes.

    Marks below the horizontal line have less bias than the plain way. At most nine remedies; raises `MinimmError` where there
    is nothing to draw.
    """
    check(len(studies) > 0, "there is no data set to draw; give at least one")
    remedies = [name for name in next(iter(studies.values()))["remedies"]][1:]
    check(
        0 < len(remedies) <= len(MARKERS),
        f"there are {len(remedies)} remedies to draw; give 1 to {len(MARKERS)} beside the plain way",
    )
    columns = min(COLUMNS, len(studies))
    rows = -(-len(studies) // columns)
    legend_columns = 2 if columns == 1 else 4
    top = ROW * -(-len(remedies) // legend_columns) + 0.35
    width = max(LEFT + columns * (WIDTH + BETWEEN) - BETWEEN + 0.15, legend_columns * 1.7)
    figure = Drawing(width, top + rows * (HEIGHT + 0.95), title)
    for number, (name, study) in enumerate(studies.items()):
        at, down = LEFT + number % columns * (WIDTH + BETWEEN), top + number // columns * (HEIGHT + 0.95)
        axes = figure.panel(at, down + 0.2, WIDTH, HEIGHT, frame=GREY)
        figure.write(at, down + 0.12, name, va="bottom")
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=0.8)
        for remedy, (colour, marker) in zip(remedies, MARKERS, strict=False):
            row = study["remedies"][remedy]
            x, y = (row["changes"][study[kind]] for kind in ("quality", "bias"))
            bars = {
                f"{axis}err": [[max(0, one["value"] - one["low"])], [max(0, one["high"] - one["value"])]]
                for axis, one in (("x", x), ("y", y))
            }
            axes.errorbar(
                x["value"],
                y["value"],
                **bars,
                color=colour,
                marker=marker,
                markersize=5.5,
                linewidth=0.8,
                clip_on=False,
            )
        axes.margins(0.08)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
            label.set(**text_style(SMALL))
        better = "right" if study["quality_is_high"] else "left"
        axes.set_xlabel(f"change of {study['quality']} ({better} is better)", **text_style(SMALL))
        axes.set_ylabel(f"change of {study['bias'].replace('_', ' ')}", **text_style(SMALL))
    for number, (remedy, (colour, marker)) in enumerate(zip(remedies, MARKERS, strict=False)):
        at, down = number % legend_columns * 1.7, ROW * (number // legend_columns)
        mark = figure.panel(at, down, 0.16, 0.16)
        mark.plot([0.5], [0.5], color=colour, marker=marker, markersize=5.5, clip_on=False)
        mark.set_axis_off()
        figure.write(at + 0.24, down + 0.08, remedy, SMALL, va="center")
    return figure
