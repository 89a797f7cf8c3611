"""A map of a joint space: pictures as thumbnails and texts as words, where their vectors lie along the two main directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patheffects import withStroke

from minimm.errors import check
from minimm.plots.arrays import checked_array, checked_pictures
from minimm.plots.caption import resized
from minimm.plots.labels import shorten
from minimm.plots.style import BLUE, GREEN, GREY, ORANGE, PAPER, SMALL, VERMILLION, Drawing, text_style

SIDE, LEFT, BELOW = 6.4, 0.45, 0.4  # inches
THUMBNAIL = 30  # points
MAX_THINGS = 80
LABEL_INCHES = 1.5
COLOURS = {"image": BLUE, "text": VERMILLION, "audio": GREEN, "video": ORANGE}


def embedding_map(
    places: Any, things: Sequence[Any], modalities: Sequence[str], shares: Sequence[float], title: str | None = None
) -> Figure:
    """Draw `things` at `places` (N, 2): an array (3, H, W) in [0, 1] as a thumbnail, anything else by its text.

    Args:
        modalities: of each thing, "image", "text", "audio" or "video". shares: of all variance along the two directions.

    At most 80 things are drawn, spread evenly over those that are given; the title says so.
    """
    places = checked_array("places", places, "(N, 2)")
    check(
        len(places) == len(things) == len(modalities),
        f"there are {len(places)} places, {len(things)} things and {len(modalities)} modalities; give one each",
    )
    title = title or "The joint space, along the two directions in which it differs most"
    chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), MAX_THINGS)).round().astype(int)).tolist()
    title += f" ({len(chosen)} of {len(places)} things)" if len(chosen) < len(places) else ""
    figure = Drawing(LEFT + SIDE + 0.1, 0.25 + SIDE + BELOW, title)
    axes = figure.panel(LEFT, 0.25, SIDE, SIDE, frame=GREY)
    low, high = places.min(axis=0), places.max(axis=0)
    room = 0.09 * np.maximum(high - low, 1e-9)  # for what stands at the edge
    axes.set_xlim(low[0] - room[0], high[0] + 1.6 * room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
    for index in chosen:
        colour = COLOURS[modalities[index]]
        if isinstance(things[index], np.ndarray) and things[index].ndim == 3:
            picture = resized(checked_pictures("a picture", things[index], "(3, H, W)").transpose(1, 2, 0), finest=64)
            image = OffsetImage(picture, zoom=THUMBNAIL / picture.shape[0])
            frame = {"edgecolor": colour, "linewidth": 1.2, "boxstyle": "square,pad=0.05"}
            axes.add_artist(AnnotationBbox(image, places[index], frameon=True, bboxprops=frame, pad=0.1))
        else:
            axes.plot(*places[index], "o", color=colour, markersize=4, zorder=5)
            label = shorten(str(things[index]), LABEL_INCHES, SMALL)
            style = text_style(SMALL) | {"color": colour, "path_effects": [withStroke(linewidth=2.2, foreground=PAPER)]}
            is_right = places[index, 0] > low[0] + 0.65 * (high[0] - low[0])  # where there is no room to its right
            style |= {"ha": "right"} if is_right else {"ha": "left"}
            away = (-4 if is_right else 4, 3)
            axes.annotate(label, places[index], away, textcoords="offset points", zorder=6, **style)
    at = LEFT
    for modality in dict.fromkeys(modalities):
        figure.write(at, 0.02, f"● {modality}", color=COLOURS[modality])
        at += 0.9
    first, second = (f"{share:.0%}" for share in shares)
    axes.set_xlabel(f"first direction: {first} of all differences", **text_style(SMALL))
    figure.write(0, 0.25 + SIDE / 2, f"second direction: {second}", rotation=90, va="center")
    return figure
