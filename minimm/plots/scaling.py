"""Loss against size and against compute, with the fitted law: where do larger models pay, and where does more data?

Left, each amount of data has a curve that flattens where the model has become large enough for it. Right, each size has a
curve that flattens where the model has become too small; the thick line along their lower edge is the frontier, the lowest
loss that so much compute can buy (Hoffmann et al. 2022, figures 1 and 2). Dots are what was measured, lines are the law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from minimm.errors import check
from minimm.metrics.power_law import PowerLaw
from minimm.plots.labels import width
from minimm.plots.style import GREY, INK, NORMAL, SMALL, VERMILLION, Drawing, text_style

WIDTH, HEIGHT, LEFT, GAP, TOP = 3.5, 3.3, 0.75, 0.45, 0.42  # inches: of both axes, before, between and above them
SHADES = ("#9ecae9", "#5ba3d0", "#2878b5", "#0b4d8c", "#06264f")  # from little data to much; all readable on white
LOSS_TICKS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)


def scaling_curves(runs: Sequence[Mapping[str, Any]], law: PowerLaw, title: str) -> Figure:
    """Draw the runs' losses (nats per byte) beside the law. Each run has `parameters`, `tokens` and `loss`.

    Raises `MinimmError` where there is nothing to draw or there are more than five amounts of data.
    """
    amounts = sorted({run["tokens"] for run in runs})
    check(
        1 <= len(amounts) <= len(SHADES),
        f"the {len(runs)} runs have {len(amounts)} amounts of data, but 1 to {len(SHADES)} can be told apart in a figure",
    )
    figure = Drawing(LEFT + 2 * WIDTH + GAP + 0.1, TOP + HEIGHT + 0.55, title)
    shades = dict(zip(amounts, _spread(len(amounts)), strict=True))
    by_size = figure.panel(LEFT, TOP, WIDTH, HEIGHT, frame=GREY)
    by_compute = figure.panel(LEFT + WIDTH + GAP, TOP, WIDTH, HEIGHT, frame=GREY)
    _draw_by_size(by_size, runs, law, shades)
    _draw_by_compute(by_compute, runs, law, shades)
    _set_loss_axis((by_size, by_compute), [run["loss"] for run in runs])
    figure.write(0, TOP + HEIGHT / 2, "loss (nats per byte)", NORMAL, rotation=90, va="center")
    _write_key(figure, shades)
    return figure


def _draw_by_size(axes: Axes, runs: Sequence[Mapping[str, Any]], law: PowerLaw, shades: Mapping[int, str]) -> None:
    sizes = [run["parameters"] for run in runs]
    line = np.geomspace(min(sizes) / 1.3, max(sizes) * 1.3, 200)
    for amount, shade in shades.items():
        axes.plot(line, law.loss(line, amount), color=shade, linewidth=1.4, linestyle="-")
    _draw_dots(axes, sizes, runs, shades)
    _set_log_axis(axes, line[0], line[-1], "parameters")


def _draw_by_compute(axes: Axes, runs: Sequence[Mapping[str, Any]], law: PowerLaw, shades: Mapping[int, str]) -> None:
    spent = [6 * run["parameters"] * run["tokens"] for run in runs]
    amounts = np.geomspace(min(shades), max(shades), 100)
    for size in sorted({run["parameters"] for run in runs}):
        axes.plot(6 * size * amounts, law.loss(size, amounts), color=GREY, linewidth=1.0, linestyle="-")
        highest = max(run["loss"] for run in runs if (run["parameters"], run["tokens"]) == (size, min(shades)))
        place = {"xytext": (2, 6), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        axes.annotate(short_number(size), (6 * size * min(shades), highest), **place, **text_style(SMALL))
    line = np.geomspace(min(spent) / 1.3, max(spent) * 1.3, 200)
    best = law.best_parameters(line)
    axes.plot(line, law.loss(best, line / (6 * best)), color=VERMILLION, linewidth=2.4, alpha=0.75, linestyle="-")
    _draw_dots(axes, spent, runs, shades)
    _set_log_axis(axes, line[0], line[-1], "operations: 6 x parameters x bytes read")


def _draw_dots(
    axes: Axes, places: Sequence[float], runs: Sequence[Mapping[str, Any]], shades: Mapping[int, str]
) -> None:
    for place, run in zip(places, runs, strict=True):
        dot = {"marker": "o", "markersize": 5, "markeredgecolor": INK, "markeredgewidth": 0.5, "linestyle": "none"}
        axes.plot([place], [run["loss"]], color=shades[run["tokens"]], zorder=3, **dot)


def _set_log_axis(axes: Axes, low: float, high: float, name: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    powers = [10.0**power for power in range(20) if low <= 10.0**power <= high]
    axes.xaxis.set_major_locator(FixedLocator(powers))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(powers, [short_number(power) for power in powers], **text_style(SMALL))
    axes.grid(True, color="#e4e4e4", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    axes.set_xlabel(name, **text_style(NORMAL))


def _set_loss_axis(both: Sequence[Axes], losses: Sequence[float]) -> None:
    """The same logarithmic scale for both, with numbers beside the left one only."""
    low, high = min(losses) / 1.03, max(losses) * 1.06
    for axes, labelled in zip(both, (True, False), strict=True):
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        ticks = [tick for tick in LOSS_TICKS if low <= tick <= high]
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _, shown=labelled: f"{loss:g}" if shown else ""))
        for label in axes.get_yticklabels():
            label.set(**text_style(SMALL))


def _write_key(figure: Drawing, shades: Mapping[int, str]) -> None:
    at = LEFT
    for text, colour in (
        ("bytes read:", INK),
        *((f"● {short_number(amount)}", shade) for amount, shade in shades.items()),
    ):
        figure.write(at, 0.1, text, color=colour)
        at += width(text, SMALL) + 0.12
    figure.write(LEFT + WIDTH + GAP, 0.1, "▬ the lowest loss for the compute", color=VERMILLION)
    figure.write(LEFT + 2 * WIDTH + GAP, 0.1, "grey: one size each", color=GREY, ha="right")


def _spread(count: int) -> list[str]:
    """`count` of the shades, as far apart as there is room."""
    places = np.linspace(0, len(SHADES) - 1, count) if count > 1 else [len(SHADES) - 1]
    return [SHADES[round(place)] for place in places]


def short_number(number: float) -> str:
    """
    >>> [short_number(number) for number in (950, 12_368, 1_037_696, 1e9, 1e13)]
    ['950', '12 k', '1 M', '1 G', '10 T']
    """
    for unit in ("", " k", " M", " G", " T"):
        if number < 999.5 or unit == " T":
            break
        number /= 1000
    return f"{number:.0f}{unit}" if number >= 9.95 else f"{number:.2g}{unit}"
