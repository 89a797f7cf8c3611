"""Induction heads as they grow: the score of each head rises as the loss of what is repeated falls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minimm.errors import check
from minimm.plots.style import BLUE, GREEN, GREY, INK, SMALL, VERMILLION, Drawing, text_style

WIDTH, HEIGHT, LEFT = 5.4, 1.9, 0.6  # inches
GAP = 0.35  # between the panels
BARS = {
    "accuracy": "all heads",
    "accuracy_without_other_heads": "without other heads",
    "accuracy_without_induction_heads": "without induction heads",
    "accuracy_without_previous_token_heads": "without previous-token heads",
}


def induction_figure(watched: Mapping[str, Any], results: Mapping[str, Any]) -> Figure:
    """Draw the loss above, the scores of the heads below, and how much is copied without some of them.

    Args:
        watched: `steps` and, for each of them, `loss`, and `induction` and `previous`, one number for each head. results:
            `loss_uniform`, and those of `BARS` that there are, from 0 to 1.
    """
    check(len(watched["steps"]) > 1, "a model that was looked at only once has not grown; train it for longer")
    bars = {name: said for name, said in BARS.items() if name in results}
    below = 0.24 * len(bars)
    figure = Drawing(LEFT + WIDTH + 0.2, 2 * HEIGHT + GAP + 1.25 + below, "Induction heads grow as the loss falls")
    steps = watched["steps"]

    axes = figure.panel(LEFT, 0.25, WIDTH, HEIGHT, frame=GREY)
    axes.plot(steps, watched["loss"], color=INK, linewidth=1.6)
    axes.axhline(results["loss_uniform"], color=GREY, linewidth=1.0, linestyle="--")
    axes.set_ylim(0, 1.12 * max(*watched["loss"], results["loss_uniform"]))
    _scales(axes, steps, labels=False)
    figure.write(LEFT, 0.18, "loss of the repeated half, nats (dashed: a uniform guess)", va="bottom")

    top = 0.25 + HEIGHT + GAP
    axes = figure.panel(LEFT, top, WIDTH, HEIGHT, frame=GREY)
    for heads, colour in ((watched["previous"], GREEN), (watched["induction"], VERMILLION)):
        for head in zip(*heads, strict=True):
            axes.plot(steps, head, color=colour, linewidth=1.4, alpha=0.85)
    axes.set_ylim(0, 1)
    _scales(axes, steps, labels=True)
    axes.set_xlabel("step", **text_style(SMALL))
    said = "● first layer: weight on the token before"
    figure.write(LEFT, top - 0.07, said, va="bottom", color=GREEN)
    said = "● last layer: on what came next"
    figure.write(LEFT + 0.54 * WIDTH, top - 0.07, said, va="bottom", color=VERMILLION)

    top += HEIGHT + 0.75
    figure.write(0, top - 0.07, "share of the repeated tokens foretold", va="bottom")
    bars_left = 2.0
    axes = figure.panel(bars_left, top, LEFT + WIDTH - bars_left - 0.3, below)
    axes.barh(range(len(bars)), [results[name] for name in bars], color=BLUE, height=0.62)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    for row, (name, said) in enumerate(bars.items()):
        figure.write(bars_left - 0.08, top + 0.24 * (row + 0.5), said, ha="right", va="center")
        axes.text(results[name] + 0.01, row, f"{results[name]:.3f}", va="center", **text_style(SMALL))
    return figure


def _scales(axes: Axes, steps: list[int], labels: bool) -> None:
    axes.set_xlim(0, max(steps))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(labelbottom=labels, labelsize=SMALL)
    axes.grid(True, color="#e4e4e4", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
