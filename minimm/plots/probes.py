"""What can be read off each layer by a linear probe, beside what the probe can learn by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minimm.errors import check
from minimm.plots.style import BLUE, GREY, SMALL, VERMILLION, Drawing, text_style

WIDTH, HEIGHT, LEFT = 4.8, 2.6, 0.55  # inches
LINES = {
    "accuracy": (BLUE, "-", "what is asked for"),
    "control": (VERMILLION, "--", "random labels, one for each kind of input"),
    "majority": (GREY, ":", "always the commonest label"),
}


def probe_curves(
    scores: Mapping[str, Sequence[float]], title: str = "What a linear probe reads off each layer"
) -> Figure:
    """Draw scores["accuracy"], and "control" and "majority" where they are given: one share for each depth, 0 = the input.

    The distance between the first two is the selectivity (Hewitt & Liang 2019).
    """
    lengths = {len(values) for values in scores.values()}
    check(
        "accuracy" in scores and set(scores) <= set(LINES) and len(lengths) == 1,
        f"give 'accuracy', and perhaps 'control' and 'majority', all for the same depths, not {list(scores)}",
    )
    top = 0.2 * len(scores) + 0.1
    figure = Drawing(LEFT + WIDTH + 0.15, top + HEIGHT + 0.42, title)
    axes = figure.panel(LEFT, top, WIDTH, HEIGHT, frame=GREY)
    for row, (name, (colour, dashes, said)) in enumerate((name, LINES[name]) for name in LINES if name in scores):
        values = scores[name]
        axes.plot(range(len(values)), values, color=colour, linestyle=dashes, linewidth=1.6, marker="o", markersize=4)
        figure.write(LEFT, 0.2 * row, f"● {said}", color=colour)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(labelsize=SMALL)
    axes.grid(True, color="#e4e4e4", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    axes.set_xlabel("layers passed (0: the input)", **text_style(SMALL))
    figure.write(0, top + HEIGHT / 2, "share read off rightly", rotation=90, va="center")
    return figure
