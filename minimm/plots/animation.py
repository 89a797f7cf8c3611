"""A caption as it is written: a moving picture, one frame for each word, that shows where the model looks for it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from minimm.errors import check
from minimm.files import write_atomically
from minimm.plots.arrays import checked_pictures, checked_weights
from minimm.plots.caption import COLOUR_MAP, heated, resized
from minimm.plots.labels import height, width, wrap
from minimm.plots.style import BAR, BLUE, DPI, GREY, LARGE, Drawing, rendered

PANEL, LINES = 3.2, 3  # inches of the picture; lines that a caption has room for
COLOURS = 128  # of a frame


def caption_frames(image: Any, words: Sequence[str], maps: Any, title: str, joint: str = " ") -> list[Figure]:
    """A figure of the picture alone, then one for each word; all of the same size.

    Args:
        image: (3, H, W) in [0, 1]. maps: (num_words, h, w). joint: what stands between words; "" in Chinese.
    """
    image = checked_pictures("image", image, "(3, H, W)").transpose(1, 2, 0)  # (H, W, 3)
    maps = checked_weights("maps", maps, "(num_words, h, w)")
    check(len(words) == len(maps), f"there are {len(words)} words and {len(maps)} maps; give one map for each word")
    fine = resized(image, finest=320)
    tall = PANEL * float(np.clip(image.shape[0] / image.shape[1], 0.5, 1.5))
    frames = []
    for count in range(len(words) + 1):
        figure = Drawing(PANEL + BAR, tall + 0.15 + height(LINES, LARGE), title)
        axes = figure.panel(0, 0, PANEL, tall, frame=GREY)
        picture = heated(fine, maps[count - 1]) if count else fine
        axes.imshow(picture, aspect="auto", origin="upper", interpolation="antialiased")
        figure.colour_bar(PANEL + 0.05, 0, tall, COLOUR_MAP)
        _write_words(figure, tall + 0.15, list(words[:count]), joint)
        frames.append(figure)
    return frames


def save_animation(frames: Sequence[Figure], path: str | Path, seconds: float = 0.7) -> None:
    """Write figures of the same size as a GIF that begins anew when it has stood still for a while; atomically."""
    pictures = [rendered(frame, DPI).quantize(COLOURS, dither=Image.Dither.NONE) for frame in frames]
    durations = [round(1000 * seconds)] * (len(pictures) - 1) + [round(3000 * seconds)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=True
    )
    write_atomically(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def _write_words(figure: Drawing, top: float, words: list[str], joint: str) -> None:
    """The caption so far, the last word in colour; where it has no room, its end is shown."""
    room, line = PANEL + BAR, height(1, LARGE)
    rows: list[list[str]] = [[]]
    for word in words:
        if rows[-1] and width(joint.join([*rows[-1], word]), LARGE) > room:
            rows.append([])
        rows[-1].append(wrap(word, room, LARGE, max_lines=1))
    for number, row in enumerate(rows[-LINES:]):
        y = top + number * line
        before = joint.join(row[:-1]) + joint * (len(row) > 1)
        is_last = number == len(rows[-LINES:]) - 1
        figure.write(0, y, before if is_last else joint.join(row), LARGE)
        if is_last and row:
            at = width(before + "|", LARGE) - width("|", LARGE)  # spaces at the end count, too
            figure.write(at, y, row[-1], LARGE, color=BLUE, fontweight="bold")
