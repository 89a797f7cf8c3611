"""The look all figures share: colours, type, panels placed in inches, and saving as a small PNG.

Nothing here reads or changes matplotlib's global settings (`pyplot`, `rcParams`): colours, fonts and layout are given
explicitly, so a figure looks the same under any user's style, and on a white page as on a dark one.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from minimm.files import write_atomically
from minimm.plots.labels import families, height, wrap

# Okabe and Ito's palette: told apart by readers of any colour vision.
BLUE, ORANGE, VERMILLION, GREEN = "#0072B2", "#E69F00", "#D55E00", "#009E73"
INK, GREY, PAPER = "#1a1a1a", "#767676", "#ffffff"
SMALL, NORMAL, LARGE = 8.0, 9.5, 11.5  # points
DPI = 110
SMALLEST_DPI = 80  # below this, small type is no longer legible
BAR = 0.45  # inches that a colour bar takes with its labels
MARGIN = 0.15  # inches of paper around everything


class Drawing(Figure):
    """A figure with a title and a content area of `content_width` x `content_height` inches below it.

    Positions in the content area are inches from its left top corner. A notebook shows a `Drawing` by itself.
    """

    def __init__(self, content_width: float, content_height: float, title: str):
        heading = wrap(title, content_width, LARGE, max_lines=4, weight="bold")
        self.heading_height = height(heading.count("\n") + 1, LARGE) + 0.08
        width = content_width + 2 * MARGIN
        total = content_height + self.heading_height + 2 * MARGIN
        super().__init__(figsize=(width, total), dpi=DPI, facecolor=PAPER, edgecolor=PAPER, layout="none")
        FigureCanvasAgg(self)
        place = {"x": MARGIN / width, "y": 1 - MARGIN / total, "ha": "left", "va": "top"}
        self.suptitle(heading, **place, **text_style(LARGE, fontweight="bold"))

    def _fractions(self, left: float, top: float) -> tuple[float, float]:
        width, total = self.get_size_inches()
        return (MARGIN + left) / width, 1 - (MARGIN + self.heading_height + top) / total

    def panel(self, left: float, top: float, width: float, height: float, frame: str | None = None) -> Axes:
        """Axes at a place in the content area, without ticks, with a thin outline of colour `frame` if given."""
        x, y = self._fractions(left, top + height)
        total_width, total_height = self.get_size_inches()
        axes = self.add_axes((x, y, width / total_width, height / total_height), facecolor=PAPER)
        axes.grid(False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.tick_params(colors=INK, labelsize=SMALL, length=2.5, width=0.6, direction="out")
        for spine in axes.spines.values():
            spine.set(visible=frame is not None, edgecolor=frame, linewidth=0.8)
        return axes

    def write(self, left: float, top: float, text: str, points: float = SMALL, **options: Any) -> None:
        """Put text, made ready by `labels`, at a place in the content area; by default its left top corner."""
        self.text(*self._fractions(left, top), text, **{"ha": "left", "va": "top", **text_style(points), **options})

    def colour_bar(self, left: float, top: float, height: float, colour_map: str) -> None:
        """A vertical scale, `BAR` inches wide with its labels, from weight 0 (below) to the largest weight of a map."""
        axes = self.panel(left, top, 0.12, height, frame=GREY)
        ramp = np.linspace(1, 0, 256)[:, None]
        axes.imshow(ramp, cmap=colour_map, aspect="auto", extent=(0, 1, 0, 1), origin="upper", interpolation="nearest")
        axes.yaxis.tick_right()
        axes.set_yticks([0, 1], ["0", "1"], **text_style(SMALL))
        self.write(left + 0.3, top + height / 2, "weight / max", rotation=90, va="center")

    def _repr_png_(self) -> bytes:
        return png_bytes(self, DPI)


def text_style(points: float, **options: Any) -> dict[str, Any]:
    """The settings that every text is drawn with, whatever the user's style says."""
    return {"fontsize": points, "fontfamily": list(families()), "color": INK, **options}


def rendered(figure: Figure, dpi: float) -> Image.Image:
    """The figure as an opaque picture; its own resolution stays as it was."""
    own_dpi = figure.dpi
    try:
        figure.set_dpi(dpi)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba()).copy()).convert("RGB")
    finally:
        figure.set_dpi(own_dpi)


def png_bytes(figure: Figure, dpi: float, colours: int | None = None) -> bytes:
    """The figure as a PNG file; with `colours`, reduced to a palette of that many, a third of the size."""
    picture = rendered(figure, dpi)
    if colours is not None:
        picture = picture.quantize(colours, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True, dpi=(dpi, dpi))
    return buffer.getvalue()


def save_figure(figure: Figure, path: str | Path, max_kilobytes: float = 100) -> None:
    """Write the figure as PNG at 110 dpi, atomically. Raises `MinimmError` where `path` cannot be written.

    A file above `max_kilobytes` (of 1,000 bytes) is reduced to 256 colours, then to a lower resolution, but never below
    80 dpi, where type would no longer be legible: a figure of many photographs may stay larger than asked.
    """
    contents = png_bytes(figure, DPI)
    dpi = DPI
    while len(contents) > 1000 * max_kilobytes and dpi >= SMALLEST_DPI:
        contents = png_bytes(figure, dpi, colours=256)
        dpi -= 15
    write_atomically(path, lambda temporary: temporary.write_bytes(contents))
