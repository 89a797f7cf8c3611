"""Loss over training: is it still falling, and does the validation loss fall with it?

A model that knows nothing guesses uniformly, and its cross-entropy is ln V for V possible tokens: the dashed line. Where
the validation loss turns up while the training loss falls on, the model has begun to learn by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from minimm.errors import MinimmError, check
from minimm.plots.labels import families
from minimm.plots.style import BLUE, GREY, INK, NORMAL, SMALL, VERMILLION, Drawing, text_style

WIDTH, HEIGHT = 6.2, 3.2  # inches of the axes
SMOOTHED_SHARE = 25  # the running mean spans one 25th of the points


def loss_curves(
    history: Sequence[Mapping[str, float]], title: str, uniform_loss: float | None = None, unit: str = "token"
) -> Figure:
    """Draw the losses of a run. Each entry of `history` has `step`, and `train_loss` or `validation_loss` or both.

    Losses are in nats per `unit`. `uniform_loss` is the loss of a uniform guess, ln V. Raises `MinimmError` where there
    is nothing to draw or a loss is not finite.
    """
    training, validation = _series(history, "train_loss"), _series(history, "validation_loss")
    check(
        len(training) + len(validation) > 0,
        f"none of the {len(history)} entries of history has 'train_loss' or 'validation_loss', so there is nothing to draw",
    )
    figure = Drawing(WIDTH + 0.8, HEIGHT + 0.75, title)
    axes = figure.panel(0.65, 0.25, WIDTH, HEIGHT, frame=GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, axis="y", color="#e4e4e4", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    if len(training):
        steps, losses = training.T
        axes.plot(steps, losses, color=BLUE, linewidth=0.8, alpha=0.3, label="training, each record")
        axes.plot(steps, running_mean(losses), color=BLUE, linewidth=1.8, label="training, running mean")
    if len(validation):
        steps, losses = validation.T
        label = f"validation, lowest {losses.min():.3f} at step {steps[losses.argmin()]:.0f}"
        marker = {"marker": "o", "markersize": 4, "markeredgewidth": 0}
        axes.plot(steps, losses, color=VERMILLION, linewidth=1.4, linestyle="-", label=label, **marker)
    _set_limits(axes, np.concatenate([training, validation]), uniform_loss)
    axes.set_xlabel("step", **text_style(NORMAL))
    figure.write(0, 0.25 + HEIGHT / 2, f"loss (nats per {unit})", NORMAL, rotation=90, va="center")
    axes.legend(
        **{"loc": "lower left", "bbox_to_anchor": (0, 1.0), "ncols": 3, "frameon": False, "borderaxespad": 0.2},
        **{"prop": FontProperties(family=list(families()), size=SMALL), "labelcolor": INK, "columnspacing": 1.2},
    )
    return figure


def running_mean(values: np.ndarray) -> np.ndarray:
    """The mean of each value with its neighbours, a 25th of all values together.

    At the start, where losses fall fast, it takes as many later values as there are earlier ones, so that it starts
    where the losses do; at the end it takes what there is.
    """
    index = np.arange(len(values))
    before = np.minimum(index, len(values) // (2 * SMOOTHED_SHARE))
    after = np.minimum(before, index[::-1])
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return (sums[index + after + 1] - sums[index - before]) / (before + after + 1)


def _series(history: Sequence[Mapping[str, float]], key: str) -> np.ndarray:
    """The (step, loss) pairs that have this loss: (n, 2)."""
    check(all("step" in entry for entry in history), "an entry of history has no 'step'; give each entry its step")
    pairs = np.array([(entry["step"], entry[key]) for entry in history if key in entry], dtype=np.float64).reshape(
        -1, 2
    )
    diverged = pairs[~np.isfinite(pairs).all(axis=1)]
    if len(diverged):
        raise MinimmError(f"{key} is {diverged[0, 1]} at step {diverged[0, 0]:.0f}; draw the history before that step")
    return pairs


def _set_limits(axes, pairs: np.ndarray, uniform_loss: float | None) -> None:
    """Limits with room for the dashed line of a uniform guess and its label, which stands on it at the right."""
    levels = [*pairs[:, 1], *([] if uniform_loss is None else [uniform_loss])]
    low = min(levels)
    high = max(*levels, low + max(0.2, 0.1 * abs(low)))  # a flat run is drawn flat, not its rounding errors enlarged
    room = high - low
    axes.set_ylim(low - 0.05 * room, high + 0.1 * room)
    first, last = pairs[:, 0].min(), pairs[:, 0].max()
    span = max(last - first, 1)
    axes.set_xlim(first - 0.02 * span, first + 1.02 * span)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(lambda loss, _: f"{loss:.3g}" if abs(loss) < 100 else f"{loss:,.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    if uniform_loss is not None:
        axes.axhline(uniform_loss, color=INK, linewidth=1.0, linestyle="--")
        label = f"a uniform guess: {uniform_loss:.2f}"
        place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        axes.text(0.995, uniform_loss, label, **place, **text_style(SMALL))
