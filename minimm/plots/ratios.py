"""How many times faster than its peers: a dot for each, with the middle half of the rounds, on a scale where twice and half
are equally far from one."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from minimm.errors import check
from minimm.plots.labels import wrap
from minimm.plots.style import BLUE, GREEN, GREY, ORANGE, SMALL, VERMILLION, Drawing, text_style

LABELS, WIDTH, ROW = 3.1, 4.4, 0.36  # inches: of the names on the left, of the axes, of a row
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE)


def ratio_bars(ratios: Mapping[str, Mapping[str, tuple[float, float, float]]], title: str) -> Figure:
    """Draw for each piece of work, by peer, the lower quartile, the median and the upper quartile of the speeds' ratio.

    Right of the line at 1 ours is faster. Raises `MinimmError` where there is nothing to draw.
    """
    check(len(ratios) > 0, "there are no ratios to draw; measure beside at least one peer")
    peers = list(dict.fromkeys(peer for row in ratios.values() for peer in row))
    height = ROW * len(ratios)
    figure = Drawing(LABELS + WIDTH, height + 0.75, title)
    axes = figure.panel(LABELS, 0.3, WIDTH, height, frame=GREY)
    axes.set_xscale("log", base=2)
    axes.axvline(1.0, color=GREY, linewidth=1.0)
    for row, (work, found) in enumerate(ratios.items()):
        for index, (peer, (low, middle, high)) in enumerate(found.items()):
            y = row + 0.22 * (index - (len(found) - 1) / 2)
            colour = COLOURS[peers.index(peer) % len(COLOURS)]
            axes.plot([low, high], [y, y], color=colour, linewidth=2.4, alpha=0.45)
            axes.plot([middle], [y], color=colour, marker="o", markersize=4.5, linestyle="none")
        figure.write(
            LABELS - 0.1, 0.3 + ROW * (row + 0.5), wrap(work, LABELS - 0.15, SMALL, 2), ha="right", va="center"
        )
    values = [value for found in ratios.values() for three in found.values() for value in three]
    low, high = min(*values, 0.8) / 1.15, max(*values, 1.25) * 1.15
    axes.set_xlim(low, high)
    axes.set_ylim(len(ratios) - 0.5, -0.5)
    ticks = [tick for tick in (2.0**power for power in range(-6, 7)) if low <= tick <= high]
    axes.set_xticks(ticks)
    axes.tick_params(axis="x", colors=GREY, labelsize=SMALL)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, axis="x", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("times as fast; right of 1, minimm is faster", **text_style(SMALL))
    for index, peer in enumerate(peers):
        colour = COLOURS[index % len(COLOURS)]
        figure.write(LABELS + 1.3 * index, 0.05, f"● beside {peer}", color=colour)
    return figure
