"""Scenes of one to three coloured shapes with a sentence that describes them, drawn on the fly without end.

A shape is a formula: its signed distance, negative inside and positive outside, so a pixel is covered by
clamp(1/2 - distance, 0, 1), which gives smooth edges. The sentence has one canonical wording, so a caption is right or
wrong: objects are named from the upper left to the lower right (by x + y), and each is "left of" or "above" the next,
whichever of the two distances is larger. Scenes that would be a close call are never drawn.

Colour-shape pairs on the diagonal (the first colour with the first shape, and so on) are held out: the training scenes
never contain them, the `held_out` scenes contain nothing else. Whoever describes those has learned that a red circle is
something red and something round, and not a picture by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.datasets import chinese_scenes
from minimm.datasets.layout import Box, boxes_in_pixels, draw_layout, say_relations
from minimm.errors import check

COLOURS = {
    "red": (0.86, 0.13, 0.15),
    "green": (0.13, 0.62, 0.24),
    "blue": (0.13, 0.32, 0.85),
    "yellow": (0.95, 0.80, 0.10),
    "purple": (0.55, 0.20, 0.70),
    "black": (0.08, 0.08, 0.08),
}
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring")
SIZES = {"small": (0.105, 0.125), "large": (0.175, 0.20)}  # radius as a share of the picture's side, least and most
SPLITS = ("train", "validation", "held_out")
NO_SHAPE = -1  # in place of an index into SHAPES
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class SceneObject:
    """One shape of a scene; `box` is (left, top, right, bottom) in pixels."""

    size: str
    colour: str
    shape: str
    box: Box

    @property
    def words(self) -> tuple[str, ...]:
        """The words that point at it: its colour and its shape, in either language."""
        return self.colour, self.shape, chinese_scenes.COLOURS[self.colour], chinese_scenes.SHAPES[self.shape]


@dataclass
class Scenes:
    """A batch: images (B, 3, S, S) float32 in [0, 1], one caption each, and the objects in the order they are named."""

    images: Tensor
    captions: list[str]
    objects: list[list[SceneObject]]


class Shapes:
    """An endless source of scenes.

    Args:
        split: "train" and "validation" draw from the same scenes, without the held-out pairs; "held_out" draws only them.
        image_size: S, the side in pixels.
        max_objects: 1 to 3.
        language: of the captions, "en" or "zh". It changes nothing else: the same generator draws the same pictures.
    """

    def __init__(self, split: str = "train", image_size: int = 32, max_objects: int = 3, language: str = "en") -> None:
        check(split in SPLITS, f"split={split!r} is not known; choose from {SPLITS}")
        check(image_size >= 16, f"image_size={image_size} is too small to tell shapes apart; use at least 16")
        check(1 <= max_objects <= 3, f"max_objects={max_objects} must be 1, 2 or 3")
        check(language in LANGUAGES, f"scenes are described in {' or '.join(LANGUAGES)}, not in language={language!r}")
        self.split, self.image_size, self.max_objects, self.language = split, image_size, max_objects, language

    def draw(self, count: int, generator: torch.Generator) -> Scenes:
        """`count` scenes; the same generator state draws the same scenes."""
        num_objects = torch.randint(1, self.max_objects + 1, (count,), generator=generator)  # (B,)
        colour, shape = self.draw_pairs((count, 3), generator)  # (B, 3) each
        size = torch.randint(len(SIZES), (count, 3), generator=generator)
        return self.compose(num_objects, size, colour, shape, generator)

    def compose(
        self, num_objects: Tensor, size: Tensor, colour: Tensor, shape: Tensor, generator: torch.Generator
    ) -> Scenes:
        """Scenes of these objects, placed and painted at random.

        Args:
            num_objects: (B,) from 1 to 3. size, colour, shape: (B, 3) indices into `SIZES`, `COLOURS` and `SHAPES`, in the
                order of naming; what is beyond `num_objects` is ignored.
        """
        count = len(num_objects)
        low, high = torch.tensor(list(SIZES.values())).T  # (2,) each
        radius = low[size] + (high - low)[size] * torch.rand(count, 3, generator=generator)  # (B, 3), share of the side
        centre = draw_layout(num_objects, radius, generator)  # (B, 3, 2)
        images = self._paint(num_objects, colour, shape, radius, centre, generator)

        boxes = boxes_in_pixels(centre, radius, self.image_size)
        objects = []
        for b, n in enumerate(num_objects.tolist()):
            names = zip(size[b].tolist(), colour[b].tolist(), shape[b].tolist(), boxes[b], strict=True)
            objects.append(
                [SceneObject(list(SIZES)[s], list(COLOURS)[c], SHAPES[h], box) for s, c, h, box in names][:n]
            )
        say = describe if self.language == "en" else chinese_scenes.describe_in_chinese
        return Scenes(images, [say(found) for found in objects], objects)

    def draw_pairs(self, size: tuple[int, ...], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Colour and shape indices; on the diagonal for `held_out`, off it otherwise."""
        shape = torch.randint(len(SHAPES), size, generator=generator)
        if self.split == "held_out":
            return shape.clone(), shape
        offset = torch.randint(1, len(COLOURS), size, generator=generator)  # 1 .. 5: never the diagonal
        return (shape + offset) % len(COLOURS), shape

    def _paint(
        self,
        num_objects: Tensor,
        colour: Tensor,
        shape: Tensor,
        radius: Tensor,
        centre: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """(B, 3, S, S): a light grey ground of random tone with the shapes on it, every colour a little off."""
        ground = draw_ground(len(num_objects), generator)
        images = ground.expand(-1, 3, self.image_size, self.image_size).clone()
        paint = draw_paint(colour, generator)  # (B, 3, 3): object, channel
        for i in range(3):
            present = shape[:, i].masked_fill(i >= num_objects, NO_SHAPE)
            paint_shapes(images, present, centre[:, i], radius[:, i], paint[:, i])
        return images


def draw_ground(count: int, generator: torch.Generator) -> Tensor:
    """(n, 1, 1, 1): the tone of each picture's ground, a light grey."""
    return 0.8 + 0.2 * torch.rand(count, 1, 1, 1, generator=generator)


def draw_paint(colour: Tensor, generator: torch.Generator) -> Tensor:
    """Indices into `COLOURS` (...) -> (..., 3) in [0, 1], every colour a little off."""
    paint = torch.tensor(list(COLOURS.values()))[colour]
    return (paint + 0.04 * torch.randn(paint.shape, generator=generator)).clamp(0.0, 1.0)


def paint_shapes(
    images: Tensor, shape: Tensor, centre: Tensor, radius: Tensor, paint: Tensor, *, around: bool = False
) -> None:
    """Put one shape on each of the pictures (n, 3, S, S), in place.

    Args:
        shape: (n,) index into `SHAPES`, or `NO_SHAPE`. centre: (n, 2) and radius: (n,), as shares of the side.
        paint: (n, 3) in [0, 1]. around: what leaves the picture on one side comes in on the other.
    """
    pixels = images.shape[-1]
    axis = torch.arange(pixels) + 0.5
    for index, name in enumerate(SHAPES):
        rows = (shape == index).nonzero().squeeze(-1)  # the pictures with this shape
        away = axis - centre[rows, :, None] * pixels  # (n, 2, S), from the centre
        if around:  # the nearer way, if need be over the edge
            away = torch.remainder(away + pixels / 2, pixels) - pixels / 2
        x, y = away[:, 0, None, :], away[:, 1, :, None]  # (n, 1, S) and (n, S, 1)
        cover = (0.5 - signed_distance(name, x, y, radius[rows, None, None] * pixels)).clamp(0.0, 1.0)
        images[rows] = torch.lerp(images[rows], paint[rows, :, None, None], cover[:, None])


def signed_distance(shape: str, x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    """How far a pixel lies outside the shape, in pixels; negative inside: (n, S, S).

    Args:
        shape: one of `SHAPES`. x, y: (n, 1, S) and (n, S, 1) from the centre, y down. radius: (n, 1, 1).
    """
    across, down = x.abs(), y.abs()
    thick = 0.34 * radius
    if shape == "circle":
        return torch.hypot(x, y) - radius
    if shape == "square":
        return torch.maximum(across, down) - 0.86 * radius
    if shape == "triangle":
        return torch.maximum(y - 0.72 * radius, (1.72 * across - 0.95 * (y + radius)) / 1.965)
    if shape == "diamond":
        return (across + down - radius) / 2**0.5
    if shape == "cross":
        return torch.minimum(torch.maximum(across - radius, down - thick), torch.maximum(across - thick, down - radius))
    return (torch.hypot(x, y) - 0.75 * radius).abs() - 0.27 * radius  # a ring


def describe(objects: list[SceneObject]) -> str:
    """The canonical sentence for objects in the order of naming.

    >>> describe([SceneObject("small", "red", "circle", (1, 1, 9, 9)), SceneObject("large", "blue", "ring", (16, 2, 30, 16))])
    'a small red circle left of a large blue ring'
    """
    names = [f"a {item.size} {item.colour} {item.shape}" for item in objects]
    return say_relations(names, [item.box for item in objects])
