"""Real pictures with compositional language: two or three emoji on one canvas, and a sentence that says how they lie.

    a red apple left of a grinning face above an octopus

The names are Unicode's; order and relations are those of the scenes of shapes (`layout.py`). Scenes are composed on the
fly without end: each emoji is turned, scaled and lit a little anew, so that no two look the same.

The vocabulary is `NAMES`: 48 emoji that a small picture still shows well, whose names are short, say what is seen, can be
counted ("a bell") and are not part of each other's pictures. One pair in five is held out: the training scenes never show
the two together, and in `held_out` scenes every emoji stands beside or above one that it never met.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from minimm.datasets.emoji import load_emoji
from minimm.datasets.layout import Box, boxes_in_pixels, draw_layout, say_relations
from minimm.datasets.shapes import SPLITS, Scenes
from minimm.errors import check

NAMES = (
    *(
        "dog face",
        "cat face",
        "mouse face",
        "panda face",
        "frog face",
        "monkey face",
        "pig face",
        "fox face",
        "lion face",
    ),
    *("octopus", "turtle", "penguin", "elephant", "tropical fish", "honeybee", "butterfly", "snail", "owl"),
    *("red apple", "green apple", "banana", "strawberry", "watermelon", "pineapple", "carrot", "mushroom", "hamburger"),
    *("doughnut", "birthday cake", "sunflower", "tulip", "cactus", "evergreen tree", "snowman", "rocket", "sailboat"),
    *("bicycle", "automobile", "guitar", "crown", "key", "bell", "balloon", "soccer ball", "grinning face"),
    *("crying face", "angry face", "blue heart"),
)
RADIUS = (0.15, 0.20)  # half the side of an emoji, as a share of the canvas: 19 to 26 pixels of 64
TURN = 0.25  # radians, at most, either way
SPRITE = 32  # pixels that the emoji are kept at: not many more than they are drawn with, so that none is skipped
HELD_OUT_SHARE = 5  # one pair in so many
CANDIDATES = 4_000  # choices of three emoji tried at once, over all scenes that are still without one


@dataclass(frozen=True)
class EmojiObject:
    """One emoji of a scene; `box` is (left, top, right, bottom) in pixels."""

    name: str
    box: Box

    @property
    def words(self) -> tuple[str, ...]:
        """The word that points at it: the first of its name, which no other has. The second follows without a look."""
        return (self.name.split()[0],)


@lru_cache(maxsize=2)  # to read or draw all emoji takes seconds, and training, validation and tests need the same
def load_sprites(folder: str | Path | None, data: str | None) -> Tensor:
    """The emoji of `NAMES`, (48, 3, SPRITE, SPRITE). `data` is where `load_emoji` looks: elsewhere, they are read anew."""
    emoji = load_emoji(folder, SPRITE)
    index_of = {captions[0]: index for index, captions in enumerate(emoji.captions)}
    missing = [name for name in NAMES if name not in index_of]
    check(
        not missing,
        f"{len(missing)} of the {len(NAMES)} emoji that scenes are made of are missing, such as {missing[:3]}; install a "
        "newer emoji font, or give a folder that has them",
    )
    return emoji.batch([index_of[name] for name in NAMES])


class EmojiScenes:
    """An endless source of `Scenes`, whose objects are `EmojiObject`s.

    Args:
        split: "train" and "validation" draw from the same scenes, without the held-out pairs; in "held_out" every two
            neighbours are such a pair.
        image_size: S, the side in pixels.
        folder: of emoji in COCO layout; found as by `load_emoji` if not given. All of `NAMES` must be in it.
    """

    def __init__(self, split: str = "train", image_size: int = 64, folder: str | Path | None = None) -> None:
        check(split in SPLITS, f"split={split!r} is not known; choose from {SPLITS}")
        check(image_size >= 32, f"image_size={image_size} is too small to tell emoji apart; use at least 32")
        self.split, self.image_size = split, image_size
        self.sprites = load_sprites(folder, os.environ.get("MINIMM_DATA"))  # (48, 3, 32, 32)

    def draw(self, count: int, generator: torch.Generator) -> Scenes:
        """`count` scenes; the same generator state draws the same scenes."""
        num_objects = torch.randint(2, 4, (count,), generator=generator)  # (B,)
        which = self._draw_names(num_objects, generator)  # (B, 3)
        radius = RADIUS[0] + (RADIUS[1] - RADIUS[0]) * torch.rand(count, 3, generator=generator)
        centre = draw_layout(num_objects, radius, generator)  # (B, 3, 2)
        images = self._compose(num_objects, which, radius, centre, generator)
        boxes = boxes_in_pixels(centre, radius, self.image_size)
        objects = [
            [EmojiObject(NAMES[index], box) for index, box in zip(row[:n], scene, strict=False)]
            for row, scene, n in zip(which.tolist(), boxes, num_objects.tolist(), strict=True)
        ]
        return Scenes(images, [describe_emoji(found) for found in objects], objects)

    def _draw_names(self, num_objects: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 3) indices into `NAMES`, no two alike; drawn again until the pairs are those of the split."""
        which = torch.empty(len(num_objects), 3, dtype=torch.int64)
        todo = torch.arange(len(num_objects))
        while len(todo):
            tries = -(-CANDIDATES // len(todo))  # K
            drawn = torch.randint(len(NAMES), (len(todo), tries, 3), generator=generator)  # (B', K, 3)
            third = (num_objects[todo] == 3)[:, None]  # (B', 1)
            good = torch.ones(drawn.shape[:2], dtype=torch.bool)  # (B', K)
            for i, j in ((0, 1), (1, 2), (0, 2)):
                one, other = drawn[..., i], drawn[..., j]
                fits = one != other
                if self.split != "held_out":
                    fits &= ~is_held_out(one, other)
                elif j == i + 1:
                    fits &= is_held_out(one, other)
                good &= fits | (~third if j == 2 else False)
            found = good.any(dim=1)
            which[todo[found]] = drawn[found, good.float().argmax(dim=1)[found]]
            todo = todo[~found]
        return which

    def _compose(
        self, num_objects: Tensor, which: Tensor, radius: Tensor, centre: Tensor, generator: torch.Generator
    ) -> Tensor:
        """(B, 3, S, S): emoji printed on paper of random tone, so that the white around them is the paper's."""
        count, size = len(num_objects), self.image_size
        images = (0.8 + 0.2 * torch.rand(count, 1, 1, 1, generator=generator)).repeat(1, 3, size, size)
        angle = TURN * (2.0 * torch.rand(count, 3, generator=generator) - 1.0)
        light = 0.85 + 0.15 * torch.rand(count, 3, 3, 1, 1, generator=generator)  # of each object, on each channel
        for i in range(int(num_objects.max())):
            rows = (i < num_objects).nonzero().squeeze(-1)  # the scenes with an emoji in place i, n of them
            cos, sin, half = angle[rows, i].cos(), angle[rows, i].sin(), 2.0 * radius[rows, i]
            turned = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2) / half[:, None, None]
            middle = (2.0 * centre[rows, i] - 1.0)[..., None]  # (n, 2, 1), in [-1, 1] as the grid is
            affine = torch.cat([turned, -turned @ middle], dim=-1)  # (n, 2, 3): places on the canvas -> in the emoji
            grid = F.affine_grid(affine, [len(rows), 3, size, size], align_corners=False)
            ink = F.grid_sample(1.0 - self.sprites[which[rows, i]], grid, align_corners=False)  # zeros outside
            images[rows] *= 1.0 - ink * light[rows, i]
        return images


def is_held_out(one: Tensor, other: Tensor) -> Tensor:
    """Whether the emoji of these indices never meet in training; every emoji has such partners, and others."""
    return (one + other) % HELD_OUT_SHARE == 0


def describe_emoji(objects: list[EmojiObject]) -> str:
    """The canonical sentence for emoji in the order of naming.

    >>> describe_emoji([EmojiObject("owl", (1, 1, 19, 19)), EmojiObject("red apple", (30, 8, 50, 28))])
    'an owl left of a red apple'
    """
    names = [f"{'an' if item.name[0] in 'aeiou' else 'a'} {item.name}" for item in objects]
    return say_relations(names, [item.box for item in objects])
