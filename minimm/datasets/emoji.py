"""Real pictures that every computer has: colour emoji, each with its Unicode name ("grinning face", "red apple").

They are read from a folder in COCO layout when there is one, else drawn from the colour emoji font of the system.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minimm.datasets.coco_captions import CocoCaptions, write_coco_captions
from minimm.errors import MinimmError, check
from minimm.features.image import load_image

# The fonts of Linux, macOS and Windows, with the one size in pixels at which bitmap fonts can be drawn.
FONTS = (
    ("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", 109),
    ("/usr/share/fonts/noto/NotoColorEmoji.ttf", 109),
    ("/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf", 109),
    ("/System/Library/Fonts/Apple Color Emoji.ttc", 160),
    ("C:/Windows/Fonts/seguiemj.ttf", 109),
)
BLOCKS = (range(0x203C, 0x3300), range(0x1F000, 0x1FB00))  # where Unicode keeps its pictures


def load_emoji(folder: str | Path | None = None, image_size: int = 64) -> CocoCaptions:
    """Emoji from `folder`, else from `$MINIMM_DATA/emoji`; `write_emoji` makes such a folder from the system's font."""
    if folder is None:
        data = os.environ.get("MINIMM_DATA")
        check(
            data is not None,
            "no folder of emoji was given and MINIMM_DATA is not set; draw one with minimm.datasets.emoji.write_emoji(folder)",
        )
        folder = Path(data) / "emoji"
    return CocoCaptions(folder, image_size)


def write_emoji(folder: str | Path, image_size: int = 64) -> int:
    """Draw every colour emoji of one code point that the system's font has, as a COCO folder; returns how many."""
    images, names = zip(*draw_emoji(image_size), strict=True)
    write_coco_captions(folder, images, names)
    return len(images)


def draw_emoji(image_size: int = 64) -> Iterator[tuple[np.ndarray, str]]:
    """Pictures (3, S, S) on white with their names in lower case, in order of code point."""
    font = _emoji_font()
    for point in (point for block in BLOCKS for point in block):
        name = unicodedata.name(chr(point), "").lower()
        is_part = name.startswith(("regional indicator", "emoji modifier"))  # of a flag, of a skin: nothing by itself
        glyph = _draw(chr(point), font) if name and not is_part else None
        if glyph is not None:
            yield load_image(glyph, size=image_size), name


def _emoji_font() -> ImageFont.FreeTypeFont:
    for path, size in FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, size)
    install = "; on Debian and Ubuntu install the package fonts-noto-color-emoji" if sys.platform == "linux" else ""
    raise MinimmError(f"this system has no colour emoji font where one is expected{install}")


def _draw(character: str, font: ImageFont.FreeTypeFont) -> Image.Image | None:
    """The glyph cut out on a transparent square with a little room, or None when the font has no coloured one."""
    canvas = Image.new("RGBA", (2 * round(font.size), 2 * round(font.size)), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((10, 10), character, font=font, embedded_color=True)
    box = canvas.getbbox()
    if box is None:
        return None
    glyph = canvas.crop(box)
    if np.asarray(glyph)[..., :3].max() == 0 and glyph.size[0] < font.size / 4:  # the empty "missing" box
        return None
    side = round(1.06 * max(glyph.size))
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(glyph, ((side - glyph.width) // 2, (side - glyph.height) // 2))
    return square
