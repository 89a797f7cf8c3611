"""A caption as a strip: the picture, then for each word where in the picture the model looked while writing it.

The heat of a word is its row of cross-attention weights, softmax(Q_t K_v^T / sqrt(d_k)), one weight for each cell of the
image encoder's grid (Xu et al., 2015, "Show, attend and tell", figure 3), made as large as the picture by bilinear
interpolation. Each word's heat is relative to its own largest weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from minimm.errors import check
from minimm.plots.arrays import checked_pictures, checked_weights
from minimm.plots.labels import height, shorten
from minimm.plots.style import BAR, GREY, INK, NORMAL, PAPER, Drawing, text_style

Box = tuple[float, float, float, float]
COLOUR_MAP = "inferno"
PANEL = 1.4  # inches
FINEST, COARSEST = 160, 480  # pixels along the longer side of what is drawn in a panel


def caption_strip(
    image: Any,
    words: Sequence[str],
    maps: Any,
    boxes: Sequence[Box | None] | None = None,
    max_per_row: int = 7,
    title: str = "The picture, and where the model looked as it wrote each word",
) -> Figure:
    """Draw `image` (3, H, W) in [0, 1], then a panel for each word with its heat map from `maps` (num_words, h, w).

    `boxes` may give for each word the place of what it names, (left, top, right, bottom) in pixels of the image, or
    None; it is outlined. Raises `MinimmError` for other shapes, numbers that don't agree, and values that are negative
    or not finite.
    """
    image = checked_pictures("image", image, "(3, H, W)").transpose(1, 2, 0)  # (H, W, 3)
    maps = checked_weights("maps", maps, "(num_words, h, w)")
    boxes = [None] * len(words) if boxes is None else boxes
    check(
        len(words) == len(maps) == len(boxes),
        f"there are {len(words)} words, {len(maps)} maps and {len(boxes)} boxes; give one map and one box for each word "
        "(None where a word has no box)",
    )
    check(max_per_row >= 2, f"max_per_row={max_per_row} is too small; give at least 2")
    title += " (outlined: what the word names)" if any(box is not None for box in boxes) else ""

    num_panels = len(words) + 1
    columns = min(max_per_row, num_panels)
    panel_height = PANEL * float(np.clip(image.shape[0] / image.shape[1], 0.6, 2.0))
    word_height = height(1, NORMAL)
    step_x, step_y = PANEL + 0.1, panel_height + word_height + 0.1
    right = columns * step_x
    figure = Drawing(right + BAR, math.ceil(num_panels / columns) * step_y, title)
    fine = resized(image)  # (h_fine, w_fine, 3)
    drawn = [fine, *(heated(fine, heat) for heat in maps)]
    for index, (picture, word, box) in enumerate(zip(drawn, ["", *words], [None, *boxes], strict=True)):
        left, top = index % columns * step_x, index // columns * step_y
        axes = figure.panel(left, top + word_height, PANEL, panel_height, frame=GREY)
        label = "the picture" if index == 0 else shorten(word, PANEL, NORMAL)
        style = "italic" if index == 0 else "normal"
        axes.set_title(label, pad=3, **text_style(NORMAL, fontstyle=style))
        extent = (0, image.shape[1], image.shape[0], 0)  # so that boxes are in pixels of the image
        axes.imshow(picture, extent=extent, aspect="equal", origin="upper", interpolation="antialiased")
        if box is not None:
            x0, y0, x1, y1 = box
            outline = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=PAPER, linewidth=1.4)
            outline.set_path_effects([withStroke(linewidth=2.8, foreground=INK)])  # seen on light and on dark
            axes.add_patch(outline)
    figure.colour_bar(right, word_height, panel_height, COLOUR_MAP)
    return figure


def resized(image: np.ndarray, finest: int = FINEST) -> np.ndarray:
    """Small pictures with each pixel repeated, so that they stay sharp; of huge ones, every k-th pixel."""
    longer = max(image.shape[:2])
    step, repeat = math.ceil(longer / COARSEST), math.ceil(finest / longer)
    return image[::step, ::step].repeat(repeat, axis=0).repeat(repeat, axis=1)


def heated(image: np.ndarray, heat: np.ndarray, peak: float | None = None) -> np.ndarray:
    """The picture (H, W, 3) in dark grey, glowing where the heat (h, w) is, most where it is `peak`; None = its largest."""
    rows, columns = (_interpolation(fine, coarse) for fine, coarse in zip(image.shape, heat.shape, strict=False))
    heat = rows @ heat @ columns.T  # (H, W)
    heat = (heat / max(heat.max() if peak is None else peak, np.finfo(float).tiny))[..., None]  # (H, W, 1)
    grey = 0.1 + 0.5 * (image @ [0.299, 0.587, 0.114])[..., None]
    glow = matplotlib.colormaps[COLOUR_MAP](heat[..., 0])[..., :3]
    share = 0.1 + 0.65 * heat  # where there is heat its colour prevails, elsewhere the picture does
    return (1 - share) * grey + share * glow


def _interpolation(fine: int, coarse: int) -> np.ndarray:
    """The (fine, coarse) matrix of linear interpolation between the centres of `coarse` equal cells; rows sum to one."""
    centres = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    return np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(coarse)))
