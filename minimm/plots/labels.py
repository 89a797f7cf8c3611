"""Text for figures: whatever a model writes becomes a label that can be drawn, fits its place and warns about nothing.

Three things go wrong with text in matplotlib: a `$` starts a formula, a character that no font has becomes a warning,
and a long line runs out of the figure. `shorten` and `wrap` take care of all three; every text we draw goes through one.
"""

from __future__ import annotations

import logging
import unicodedata
from contextlib import suppress
from functools import lru_cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

# That a fallback font has no bold face is no news to a reader; matplotlib says so for every title.
logging.getLogger("matplotlib.font_manager").addFilter(lambda record: "font weight" not in record.getMessage())

BASE_FAMILY = "DejaVu Sans"  # comes with matplotlib, so it is always there
# What systems have for Chinese, Japanese and Korean, then for emoji as outlines (matplotlib draws no colour fonts).
CJK_FAMILIES = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("PingFang SC", "PingFang HK", "Hiragino Sans GB", "Heiti TC", "STHeiti", "Microsoft YaHei", "SimHei"),
    *("Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "Droid Sans Fallback", "Arial Unicode MS"),
)
EMOJI_FAMILIES = ("Noto Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Symbola")
MISSING = "□"  # stands for a character that no font here can draw
LINE_HEIGHT = 1.35  # of the font size: a line with the space to the next
WHITESPACE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "⏎", "\t": "⇥"})
MEASURING_DPI = 110


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """The font families to draw with, in the order in which a character is looked for."""
    installed = _installed()
    if installed.isdisjoint(CJK_FAMILIES):
        _look_again()
        installed = _installed()
    found = [[name for name in names if name in installed][:1] for names in (CJK_FAMILIES, EMOJI_FAMILIES)]
    return (BASE_FAMILY, *found[0], *found[1])


def _installed() -> set[str]:
    return {font.name for font in fontManager.ttflist}


def _look_again() -> None:
    """Add the fonts that were installed after matplotlib made its list, which it keeps on disk for ever."""
    for path in sorted(set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}):
        with suppress(Exception):  # damaged, or of a kind that matplotlib cannot draw: left out then as now
            fontManager.addfont(path)


@lru_cache(maxsize=1)
def _drawable() -> frozenset[int]:
    """The code points that our fonts have."""
    return frozenset().union(*(get_font(findfont(FontProperties(family=[name]))).get_charmap() for name in families()))


def drawable_text(text: str) -> str:
    """`text` with a box for each character that no font has; such characters without width of their own are left out."""

    def drawable(character: str) -> str:
        category = unicodedata.category(character)
        if character == "\n" or (ord(character) in _drawable() and category != "Cc"):  # some fonts list control codes
            return character
        return "" if category in ("Mn", "Me", "Cf") else MISSING

    return "".join(map(drawable, text.replace("\r", "").replace("\t", " ")))


@lru_cache(maxsize=4096)
def width(text: str, points: float, weight: str = "normal") -> float:
    """Width in inches of one line of drawable text."""
    font = FontProperties(family=list(families()), size=points, weight=weight)
    return RendererAgg(1, 1, MEASURING_DPI).get_text_width_height_descent(text, font, ismath=False)[0] / MEASURING_DPI


def height(lines: int, points: float) -> float:
    """Height in inches of some lines of text."""
    return lines * points * LINE_HEIGHT / 72


def shorten(text: str, inches: float, points: float) -> str:
    """One line no wider than `inches`, ready to draw; what is cut off is marked by '…'."""
    return _escape(_cut(drawable_text(" ".join(text.split())), inches, points))


def token_label(token: str, inches: float, points: float) -> str:
    """A token as one line no wider than `inches`, ready to draw, with its whitespace visible.

    >>> token_label(" red\\n", 1.0, 8)
    '␣red⏎'
    """
    return _escape(_cut(drawable_text(token.translate(WHITESPACE)), inches, points))


def wrap(text: str, inches: float, points: float, max_lines: int, weight: str = "normal") -> str:
    """Lines no wider than `inches`, ready to draw; breaks between words where it can, and what is left over is cut off.

    Line breaks in `text` stay.
    """
    lines: list[str] = []
    for paragraph in drawable_text(text).split("\n"):
        lines.append("")
        for word in paragraph.split():
            joined = f"{lines[-1]} {word}".lstrip()
            if width(joined, points, weight) <= inches:
                lines[-1] = joined
                continue
            if lines[-1]:
                lines.append("")
            for character in word:  # a word wider than a line, or text without spaces, breaks anywhere
                if width(lines[-1] + character, points, weight) > inches and lines[-1]:
                    lines.append("")
                lines[-1] += character
    if len(lines) > max_lines:
        lines = [*lines[: max_lines - 1], _cut(lines[max_lines - 1] + "…", inches, points, weight)]
    return _escape("\n".join(lines))


def _cut(line: str, inches: float, points: float, weight: str = "normal") -> str:
    if width(line, points, weight) <= inches:
        return line
    kept = line.rstrip("…")
    while kept and width(kept + "…", points, weight) > inches:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _escape(text: str) -> str:
    return text.replace("$", r"\$")  # matplotlib draws \$ as $, and a bare $ may start a formula
