"""How a cost grows: what was measured as dots, what was fitted as a line, on scales where every power is a straight line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from minimm.errors import check
from minimm.plots.style import BLUE, GREEN, GREY, SMALL, VERMILLION, Drawing, text_style

LEFT, WIDTH, HEIGHT, ROW = 0.65, 4.6, 2.9, 0.2  # inches
RIGHT = 0.25  # for the half of the last number below that stands out
COLOURS = (BLUE, VERMILLION, GREEN)

Curve = tuple[Sequence[float], Sequence[float], Callable[[np.ndarray], np.ndarray]]  # x, y, and the fit: x -> y


def growth_curves(curves: Mapping[str, Curve], title: str, x_label: str, y_label: str, unit: float = 1.0) -> Figure:
    """Draw curves under what they are called; both scales are logarithmic.

    Args:
        unit: what y is divided by, such as 1e-3 for milliseconds where y is in seconds.
    """
    check(0 < len(curves) <= len(COLOURS), f"there are {len(curves)} curves; draw 1 to {len(COLOURS)} in one figure")
    legend = ROW * len(curves) + 0.1
    figure = Drawing(LEFT + WIDTH + RIGHT, legend + HEIGHT + 0.45, title)
    axes = figure.panel(LEFT, legend, WIDTH, HEIGHT, frame=GREY)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for row, (name, (x, y, fit)) in enumerate(curves.items()):
        colour = COLOURS[row]
        places = np.geomspace(min(x), max(x), 50)
        axes.plot(places, fit(places) / unit, color=colour, linewidth=1.2, alpha=0.6)
        axes.plot(x, np.asarray(y) / unit, color=colour, marker="o", markersize=4.5, linestyle="none")
        figure.write(LEFT, ROW * row, f"● {name}", color=colour)
    places = sorted({place for x, _, _ in curves.values() for place in x})
    axes.set_xticks(_apart(places))
    axes.tick_params(colors=GREY, labelsize=SMALL)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1000 else f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    low, high = axes.get_ylim()
    ticks = [
        digit * 10.0**power for power in range(-9, 12) for digit in (1, 2, 5) if low <= digit * 10.0**power <= high
    ]
    axes.set_yticks(ticks if len(ticks) < 9 else [tick for tick in ticks if f"{tick:e}".startswith("1")])
    axes.grid(True, color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(x_label, **text_style(SMALL))
    axes.set_ylabel(y_label, **text_style(SMALL))
    return figure


def _apart(places: Sequence[float]) -> list[float]:
    """Those whose names do not touch each other on the scale."""
    kept = [places[0]]
    for place in places[1:]:
        if np.log(place / kept[-1]) > 0.1 * np.log(places[-1] / places[0]):
            kept.append(place)
    return kept
