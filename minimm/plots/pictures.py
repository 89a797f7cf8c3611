"""Pictures with their captions underneath, as on a contact sheet; where it is known, which captions are right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_pictures
from minimm.plots.labels import height, wrap
from minimm.plots.style import BLUE, GREY, PAPER, SMALL, VERMILLION, Drawing, text_style

PANEL = 1.65  # inches
CAPTION_POINTS = 9.0
MAX_LINES = 6
MARKS = {True: ("✓", BLUE), False: ("✗", VERMILLION)}  # a sign as well as a colour, so that neither is needed


def picture_grid(
    images: Any,
    captions: Sequence[str],
    correct: Sequence[bool] | None = None,
    columns: int = 4,
    title: str = "Pictures and captions",
) -> Figure:
    """Draw `images` (N, 3, H, W) in [0, 1] with `captions` wrapped underneath; line breaks in a caption stay.

    With `correct`, each picture has a sign and a frame that say whether its caption is right, and the title counts them.
    Raises `MinimmError` for other shapes and numbers that don't agree.
    """
    images = checked_pictures("images", images, "(N, 3, H, W)").transpose(0, 2, 3, 1)  # (N, H, W, 3)
    check(
        len(images) == len(captions) == (len(images) if correct is None else len(correct)),
        f"there are {len(images)} images, {len(captions)} captions and "
        f"{'no' if correct is None else len(correct)} values of correct; give one of each for each image",
    )
    check(columns >= 1, f"columns={columns} is too small; give at least 1")
    if correct is not None:
        title += f": {sum(map(bool, correct))} of {len(images)} right (✓), the others wrong (✗)"

    columns = min(columns, len(images))
    texts = [wrap(caption, PANEL, CAPTION_POINTS, MAX_LINES) for caption in captions]
    picture_height = PANEL * float(np.clip(images.shape[1] / images.shape[2], 0.4, 2.0))
    lines = [text.count("\n") + 1 for text in texts]
    row_heights = [
        picture_height + height(max(lines[first : first + columns]), CAPTION_POINTS) + 0.18
        for first in range(0, len(texts), columns)
    ]
    figure = Drawing(columns * (PANEL + 0.2) - 0.2, math.fsum(row_heights), title)
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        left, top = index % columns * (PANEL + 0.2), sum(row_heights[: index // columns])
        axes = figure.panel(left, top, PANEL, picture_height, frame=GREY)
        axes.imshow(image, aspect="equal", origin="upper", interpolation="antialiased")
        figure.write(left, top + picture_height + 0.06, text, CAPTION_POINTS)
        if correct is not None:
            sign, colour = MARKS[bool(correct[index])]
            for spine in axes.spines.values():
                spine.set(edgecolor=colour, linewidth=2.2)
            badge = {"facecolor": colour, "edgecolor": PAPER, "linewidth": 0.8, "boxstyle": "circle,pad=0.25"}
            place = {"transform": axes.transAxes, "ha": "center", "va": "center"}
            axes.text(0.9, 0.9, sign, bbox=badge, **place, **text_style(SMALL + 1, color=PAPER, fontweight="bold"))
    return figure
