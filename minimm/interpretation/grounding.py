"""The pointing game: does a word look at the thing it names? (Zhang et al. 2018, section 4.1)

For each word of a caption that names what can be seen (a colour or a shape; of an emoji, the first word of its name), the cell
where its attention is largest is a hit when the cell's centre lies in the box of the object that the word describes. Chance
is the share of cells that lie in that box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from minimm.datasets.layout import Box

ARTICLES = ("a", "an", "一个")  # each begins the next object of a canonical caption


class Named(Protocol):
    """An object of a scene: where it is, in pixels, and the words that point at it."""

    @property
    def box(self) -> Box:
        """(left, top, right, bottom)"""

    @property
    def words(self) -> tuple[str, ...]:
        """In every language that captions are written in."""


Thing = TypeVar("Thing", bound=Named)


@dataclass
class Pointing:
    """Hits and chance over many words."""

    accuracy: float
    chance: float
    num_words: int


def named_objects(words: list[str], objects: list[Thing]) -> list[Thing | None]:
    """For each word of a canonical caption the object that it points at, or None; an article begins each object."""
    which, result = -1, []
    for word in words:
        which += word in ARTICLES
        result.append(objects[which] if which >= 0 and word in objects[which].words else None)
    return result


def cells_inside(box: Box, grid: tuple[int, int], image_size: int) -> np.ndarray:
    """(h, w) bool: which cells of the grid have their centre inside `box`, given in pixels."""
    height, width = grid
    y = (np.arange(height)[:, None] + 0.5) * image_size / height
    x = (np.arange(width)[None, :] + 0.5) * image_size / width
    left, top, right, bottom = box
    return (left <= x) & (x <= right) & (top <= y) & (y <= bottom)


def pointing_accuracy(
    maps: list[np.ndarray], captions: list[list[str]], objects: list[list[Named]], image_size: int
) -> Pointing:
    """Play the game for many scenes. maps[i] is (T, h, w) for the T words captions[i] of the scene objects[i]."""
    hits, chances = [], []
    for scene_maps, words, scene_objects in zip(maps, captions, objects, strict=True):
        for word_map, named in zip(scene_maps, named_objects(words, scene_objects), strict=False):
            if named is None:
                continue
            inside = cells_inside(named.box, word_map.shape, image_size)
            hits.append(inside.flat[word_map.argmax()])
            chances.append(inside.mean())
    return Pointing(float(np.mean(hits)), float(np.mean(chances)), len(hits))
