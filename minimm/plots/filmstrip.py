"""A clip as a filmstrip: its frames in a row, and under them, for each word, when and where the model looked.

The heat of a word is its row of cross-attention weights, softmax(Q_t K_v^T / sqrt(d_k)), one weight for each cell of the
video encoder's grid of frames, rows and columns (T, h, w). It is relative to the word's own largest weight over the whole
clip, so that a frame without heat is one that the model did not look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_pictures, checked_weights
from minimm.plots.caption import COLOUR_MAP, heated, resized
from minimm.plots.labels import height, shorten, width
from minimm.plots.style import BAR, NORMAL, SMALL, Drawing

PANEL = 0.72  # inches
PIXELS = 90  # along the longer side of a frame, at least
GAP = 0.05
OUTLINE = 0.46  # of grey
MAX_FRAMES, MAX_WORDS = 12, 24
LABEL_INCHES = 1.1  # of a word at most


def filmstrip(
    clip: Any, words: Sequence[str] = (), maps: Any = None, seconds: Sequence[float] | None = None, title: str = ""
) -> Figure:
    """Draw the frames of `clip` (T, 3, H, W) in [0, 1]; with `words`, a row of heat for each from `maps` (W, T, h, w).

    `seconds` says when each frame is shown; without it frames are numbered. Of longer clips 12 frames are drawn, evenly
    spaced, and of more than 24 words the first ones.
    Raises `MinimmError` for other shapes, numbers that don't agree, and values that are negative or not finite.
    """
    clip = checked_pictures("clip", clip, "(T, 3, H, W)").transpose(0, 2, 3, 1)  # (T, H, W, 3)
    frames = len(clip)
    maps = np.zeros((0, frames, 1, 1)) if maps is None else checked_weights("maps", maps, "(num_words, T, h, w)")
    check(
        len(words) == len(maps) and maps.shape[1] == frames and (seconds is None or len(seconds) == frames),
        f"there are {len(words)} words, {frames} frames, {'no' if seconds is None else len(seconds)} times and maps of shape "
        f"{maps.shape}; give maps (num_words, T, h, w) with one map for each word and frame, and one time for each frame",
    )
    title = title or ("The frames, and when and where the model looked for each word" if len(words) else "The frames")
    shown = np.linspace(0, frames - 1, min(frames, MAX_FRAMES)).round().astype(int)
    labels = [shorten(word, LABEL_INCHES, NORMAL) for word in words[:MAX_WORDS]]
    left = max((width(label, NORMAL) for label in labels), default=0.0) + (0.12 if labels else 0.0)
    above = height(1, SMALL) + 0.03
    panel_height = PANEL * float(np.clip(clip.shape[1] / clip.shape[2], 0.5, 2.0))
    step_x, step_y = PANEL + GAP, panel_height + GAP
    right = left + len(shown) * step_x
    bar = BAR + 0.1 if labels else 0.0
    figure = Drawing(right + bar, above + (len(labels) + 1) * step_y, title)
    fine = [resized(frame, PIXELS) for frame in clip[shown]]
    for column, frame in enumerate(shown):
        time = f"{frame + 1}" if seconds is None else f"{seconds[frame]:.2f} s"
        figure.write(left + column * step_x + PANEL / 2, 0, time, ha="center")
    glowing = [
        [heated(picture, heat[t], heat.max()) for picture, t in zip(fine, shown, strict=True)]
        for heat in maps[: len(labels)]
    ]
    for row, (label, pictures) in enumerate(zip(["", *labels], [fine, *glowing], strict=True)):
        top = above + row * step_y
        axes = figure.panel(left, top, right - left - GAP, panel_height)
        axes.imshow(_in_a_row(pictures), aspect="auto", origin="upper", interpolation="antialiased")
        figure.write(left - 0.08, top + panel_height / 2, label, NORMAL, ha="right", va="center")
    if labels:
        figure.colour_bar(right + 0.08, above, min(2.0, (len(labels) + 1) * step_y - GAP), COLOUR_MAP)
    return figure


def _in_a_row(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (h, w, 3) of one size side by side, `GAP` apart, each with a thin outline."""
    outlined = [np.pad(picture, ((1, 1), (1, 1), (0, 0)), constant_values=OUTLINE) for picture in pictures]
    gap = np.ones((outlined[0].shape[0], max(1, round(outlined[0].shape[1] * GAP / PANEL)), 3))
    return np.concatenate([part for picture in outlined for part in (gap, picture)][1:], axis=1)
