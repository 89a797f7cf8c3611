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

WIDTH, HEIGHT, LEFT, GAP, TOP = 3.5, 3.3, 0.75, 0.45, 0.52  # inches: of both axes, before, between and above them
SHADES = ("#9ecae9", "#5ba3d0", "#2878b5", "#0b4d8c", "#06264f")  # from little data to much; all to be seen on white
TICK_STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # between losses that are written, so that there are at most MOST_TICKS
MOST_TICKS = 9


def scaling_curves(runs: Sequence[Mapping[str, Any]], law: PowerLaw, title: str) -> Figure:
    """Draw the runs' losses (nats per byte) beside the law. Each run has `parameters`, `tokens` and `loss`.

    Raises `MinimmError` where there is nothing to draw or there are more than five amounts of data.
    """
    amounts = sorted({run["tokens"] for run in runs})
    check(
        1 <= len(amounts) <= len(SHADES),
        f"the {len(runs)} runs have {len(amounts)} amounts of data, but 1 to {len(SHADES)} can be told apart in a figure",
    )
    figure = Drawing(LEFT + 2 * WIDTH + GAP + 0.1, TOP + HEIGHT + 0.5, title)
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
        measured = [run["loss"] for run in runs if (run["parameters"], run["tokens"]) == (size, min(shades))]
        highest = max(*measured, float(law.loss(size, min(shades))))
        place = {"xytext": (3, 5), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        axes.annotate(short_number(size), (6 * size * min(shades), highest), **place, **text_style(SMALL))
    line = np.geomspace(min(spent) / 1.3, max(spent) * 1.3, 200)
    best = law.best_parameters(line)
    lowest = law.loss(best, line / (6 * best))
    sizes = [run["parameters"] for run in runs]
    known = (best >= min(sizes)) & (best <= max(sizes))
    known &= (line / (6 * best) >= min(shades)) & (line / (6 * best) <= max(shades))
    for shown, style in ((known, "-"), (~known, "--")):
        frontier = np.where(shown, lowest, np.nan)
        axes.plot(line, frontier, color=VERMILLION, linewidth=2.2, alpha=0.75, linestyle=style)
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
        step = next((step for step in TICK_STEPS if (high - low) / step <= MOST_TICKS), TICK_STEPS[-1])
        ticks = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _, shown=labelled: f"{loss:.3g}" if shown else ""))
        for label in axes.get_yticklabels():
            label.set(**text_style(SMALL))


def _write_key(figure: Drawing, shades: Mapping[int, str]) -> None:
    at, right = LEFT, LEFT + WIDTH + GAP
    parts = [("bytes read:", INK)]
    for amount, shade in shades.items():
        parts += [("●", shade), (short_number(amount), INK)]
    for text, colour in parts:
        figure.write(at, 0.08, text, color=colour)
        at += width(text, SMALL) + (0.04 if text == "●" else 0.12)
    figure.write(LEFT, 0.28, "dots: measured; lines: the fitted law")
    figure.write(right, 0.08, "▬ lowest loss for the compute; dashed: not measured", color=VERMILLION)
    figure.write(right, 0.28, "grey: one size each, with its parameters", color=GREY)


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
