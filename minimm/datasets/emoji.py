"""Real pictures that every computer has: colour emoji, each with its Unicode name ("grinning face", "red apple").

They are read from a folder in COCO layout when there is one, else drawn from the colour emoji font of the system.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minimm.datasets.coco_captions import CocoCaptions, write_coco_captions
from minimm.errors import MinimmError, check
from minimm.features.image import load_image

# Where Linux, macOS and Windows keep the font (folder, file), and the size in pixels at which its pictures are stored.
FONTS = (
    ("/usr/share/fonts", "NotoColorEmoji.ttf", 109),
    ("/usr/local/share/fonts", "NotoColorEmoji.ttf", 109),
    ("~/.local/share/fonts", "NotoColorEmoji.ttf", 109),
    ("/System/Library/Fonts", "Apple Color Emoji.ttc", 160),
    ("C:/Windows/Fonts", "seguiemj.ttf", 109),
)
BLOCKS = (range(0x203C, 0x3300), range(0x1F000, 0x1FB00))  # where Unicode keeps its pictures
PARTS = ("regional indicator", "emoji modifier", "combining")  # of a flag, a skin, a key: nothing by themselves
FACE = "\N{GRINNING FACE}"
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def load_emoji(folder: str | Path | None = None, image_size: int = 64) -> CocoCaptions:
    """Emoji from `folder`, else from `$MINIMM_DATA/emoji` if that is set, else drawn from the system's font.

    Args:
        folder: in COCO captions layout, such as `write_emoji` makes. image_size: side of the pictures in pixels.
    """
    data = os.environ.get("MINIMM_DATA")
    if folder is None and data:
        folder = Path(data) / "emoji"
    if folder is not None:
        return CocoCaptions(folder, image_size)
    images, names = _drawn(image_size)
    return CocoCaptions.from_arrays(images, names)


def write_emoji(folder: str | Path, image_size: int = 64) -> int:
    """Draw every colour emoji of one code point that the system's font has, as a COCO folder; returns how many."""
    images, names = _drawn(image_size)
    write_coco_captions(folder, images, names)
    return len(images)


def draw_emoji(image_size: int = 64) -> Iterator[tuple[np.ndarray, str]]:
    """Pictures (3, S, S) on white with their names in lower case, in order of code point."""
    font = _emoji_font()
    for point in (point for block in BLOCKS for point in block):
        name = unicodedata.name(chr(point), "").lower()
        glyph = _draw(chr(point), font) if name and not name.startswith(PARTS) else None
        if glyph is not None:
            yield load_image(glyph, size=image_size), name


def _drawn(image_size: int) -> tuple[list[np.ndarray], list[str]]:
    pairs = list(draw_emoji(image_size))
    check(len(pairs) > 0, f"the system's emoji font has no coloured pictures that can be drawn; {_advice()}")
    return [image for image, _ in pairs], [name for _, name in pairs]


def _emoji_font() -> ImageFont.FreeTypeFont:
    for folder, file, size in FONTS:
        for path in sorted(Path(folder).expanduser().rglob(file)):
            with suppress(OSError):  # a damaged font, or one without pictures of this size
                return ImageFont.truetype(path, size)
    raise MinimmError(f"this system has no colour emoji font that can be drawn; {_advice()}")


def _advice() -> str:
    install = "on Debian and Ubuntu install the package fonts-noto-color-emoji, or " if sys.platform == "linux" else ""
    return f"{install}give a folder of emoji in COCO captions layout"


def _draw(character: str, font: ImageFont.FreeTypeFont) -> Image.Image | None:
    """The glyph on a white square, or None when the font has no coloured one.

    A coloured glyph looks the same whatever the ink. One that changes with the ink is an outline, or the box that stands
    for a missing glyph.
    """
    picture = _draw_with(BLACK, character, font)
    is_empty = picture.getextrema() == ((255, 255),) * 3
    if is_empty or picture.tobytes() != _draw_with(WHITE, character, font).tobytes():
        return None
    return picture


def _draw_with(ink: tuple[int, int, int], character: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """In the middle of a square as large as a whole face for every glyph, so that a small square stays a small one."""
    left, top, right, bottom = font.getbbox(character)
    face = font.getbbox(FACE)
    side = round(max(right - left, bottom - top, face[2] - face[0], face[3] - face[1]))
    canvas = Image.new("RGB", (side, side), WHITE)
    place = ((side - left - right) // 2, (side - top - bottom) // 2)
    ImageDraw.Draw(canvas).text(place, character, font=font, fill=ink, embedded_color=True)
    return canvas
