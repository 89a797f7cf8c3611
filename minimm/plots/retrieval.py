"""What a search found: on the left what was asked, then the k best with their scores, best first.

Pictures, sounds and texts are drawn as what they are, so that one figure shows any direction of search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_array, checked_pictures
from minimm.plots.labels import height, shorten, wrap
from minimm.plots.pictures import MARKS
from minimm.plots.style import BLUE, GREY, INK, NORMAL, SMALL, Drawing, text_style

PANEL, GAP, FIRST_GAP = 1.15, 0.14, 0.4  # inches
MAX_LINES = 7


@dataclass(frozen=True)
class Hit:
    """One thing that was found, with its score, whether it is right where that is known, and what to call it."""

    thing: Any
    score: float
    correct: bool | None = None
    name: str = ""


def retrieval_grid(
    queries: Sequence[Any],
    found: Sequence[Sequence[Hit]],
    names: Sequence[str] | None = None,
    title: str = "Asked, and found",
) -> Figure:
    """A row for each query: what was asked, then its hits; names stand below where there is room for them.

    A thing is a picture (3, H, W) in [0, 1], a waveform (samples,) or a text. Raises `MinimmError` for anything else and
    for numbers that do not agree.
    """
    check(
        len(queries) == len(found) == len(found if names is None else names) > 0 and min(map(len, found)) > 0,
        f"there are {len(queries)} queries, the hits of {len(found)} and {'no' if names is None else len(names)} names; give "
        "at least one query, and hits and a name for each",
    )
    if any(hit.correct is not None for hits in found for hit in hits):
        title += ": ✓ right, ✗ wrong"
    line = height(1, SMALL) + 0.05
    columns, step_y = max(map(len, found)), PANEL + line + 0.1
    first = PANEL + FIRST_GAP
    figure = Drawing(first + columns * (PANEL + GAP) - GAP, line + len(queries) * step_y - 0.1, title)
    figure.write(0, 0, "asked", style="italic")
    figure.write(first, 0, "found, with similarity", style="italic")
    for row, (query, hits) in enumerate(zip(queries, found, strict=True)):
        top = line + row * step_y
        _draw(figure.panel(0, top, PANEL, PANEL, frame=INK), query)
        figure.write(0, top + PANEL + 0.05, _label(query, "", names[row] if names else ""))
        for place, hit in enumerate(hits):
            left = first + place * (PANEL + GAP)
            sign, colour = ("", GREY) if hit.correct is None else MARKS[bool(hit.correct)]
            axes = figure.panel(left, top, PANEL, PANEL, frame=colour)
            for spine in axes.spines.values():
                spine.set_linewidth(0.8 if hit.correct is None else 2.0)
            _draw(axes, hit.thing)
            text = _label(hit.thing, f"{hit.score:.2f} {sign}".strip(), hit.name)
            figure.write(left, top + PANEL + 0.05, text, color=colour if sign else INK)
    return figure


def _label(thing: Any, score: str, name: str) -> str:
    """The score and, where it fits and is not what is drawn already, the name."""
    whole = f"{score} {name}".strip()
    fits = not isinstance(thing, str) and shorten(whole, PANEL, SMALL) == shorten(whole, 10 * PANEL, SMALL)
    return shorten(whole if fits else score, PANEL, SMALL)


def _draw(axes: Axes, thing: Any) -> None:
    """A picture, the waveform of a sound, or wrapped text."""
    if isinstance(thing, str):
        text = wrap(thing, PANEL - 0.12, NORMAL, MAX_LINES)
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, **text_style(NORMAL))
        return
    if np.ndim(thing) == 1:
        waveform = checked_array("waveform", thing, "(samples,)")
        step = max(1, len(waveform) // 400)
        pieces = waveform[: len(waveform) // step * step].reshape(-1, step)
        axes.fill_between(np.arange(len(pieces)), pieces.min(axis=1), pieces.max(axis=1), color=BLUE, linewidth=0.6)
        largest = max(1.1 * np.abs(waveform).max(), 1e-6)
        axes.set_ylim(-largest, largest)
        axes.margins(x=0)
        return
    picture = checked_pictures("picture", thing, "(3, H, W)").transpose(1, 2, 0)
    axes.imshow(picture, aspect="auto", origin="upper", interpolation="antialiased")
