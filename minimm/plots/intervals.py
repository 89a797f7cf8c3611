"""Values with their intervals, one below the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minimm.errors import check
from minimm.plots.labels import wrap
from minimm.plots.style import BLUE, GREY, SMALL, Drawing, text_style

ROW, WIDTH, NAMES = 0.24, 4.2, 1.5  # inches: a row's height, the panel, the room for names
MOST_ROWS = 60


class HasInterval(Protocol):
    """What is drawn of each row."""

    value: float
    low: float
    high: float


def interval_chart(rows: Mapping[str, HasInterval], axis: str, title: str) -> Figure:
    """Draw a dot for each value and a line for its interval, in the order given, with a line at the mean of all.

    At most 60 rows. Raises `MinimmError` where there is nothing to draw, or too much.
    """
    check(0 < len(rows) <= MOST_ROWS, f"there are {len(rows)} values to draw; give 1 to {MOST_ROWS}")
    height = ROW * len(rows) + 0.1
    figure = Drawing(NAMES + WIDTH + 0.1, height + 0.5, title)
    axes = figure.panel(NAMES, 0, WIDTH, height, frame=GREY)
    mean = sum(row.value for row in rows.values()) / len(rows)
    axes.axvline(mean, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    for place, (name, row) in enumerate(rows.items()):
        axes.plot([row.low, row.high], [place, place], color=BLUE, linewidth=1.6, solid_capstyle="butt")
        axes.plot([row.value], [place], color=BLUE, marker="o", markersize=4.5)
        figure.write(
            NAMES - 0.1,
            0.05 + ROW * (place + 0.5),
            wrap(name, NAMES - 0.1, SMALL, max_lines=1),
            ha="right",
            va="center",
        )
    axes.set_ylim(len(rows) - 0.5 + 0.1, -0.5 - 0.1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    for label in axes.get_xticklabels():
        label.set(**text_style(SMALL))
    axes.set_xlabel(f"{axis} (dashed: mean)", **text_style(SMALL))
    return figure
