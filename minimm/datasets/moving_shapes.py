"""Clips of one or two coloured shapes that move, with a sentence that says what moves where and how fast.

A shape keeps its direction and its speed through the clip, and what leaves the picture on one side comes in on the
other:  place(t) = start + t * step  (mod 1), in shares of the side. The start is drawn uniformly, so the place in every
frame is uniform as well, whatever the motion: no single frame tells anything about direction or speed, and neither does
a shape's colour, its kind or its size. All that tells them is how one frame differs from the next. A clip whose frames
are shuffled still shows the axis (left-right or up-down) and, by the gaps between the places, the speed. Only whether it
ran forwards or backwards is lost, for all objects at once, as they share the frames: one guess in two is right
(`SHUFFLED_CHANCE`).

The sentence has one canonical wording. Two objects have different colours and are named in alphabetical order of these:
the order must not depend on the motion. They never move alike, so that neither stays hidden behind the other.

Colour-shape pairs on the diagonal are held out as in `datasets.shapes`. Combinations of shape and direction are not: if no
circle of the training clips went left, a single frame with a circle would say something about its direction.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.datasets.shapes import (
    COLOURS,
    NO_SHAPE,
    SHAPES,
    SIZES,
    SPLITS,
    draw_ground,
    draw_paint,
    paint_shapes,
)
from minimm.errors import check

DIRECTIONS = {"to the left": (-1.0, 0.0), "to the right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
# How far from the first frame to the last, as a share of the side, least and most. Below 1 no shape comes round to where
# it began, and from 4 frames on no step is so long that the way around would be the shorter one.
SPEEDS = {"slowly": (0.25, 0.38), "quickly": (0.70, 0.95)}
# How likely a guess is right that knows everything of a clip, of one object or two, but the order of its frames.
SHUFFLED_CHANCE = 1 / 2
RADIUS = (SIZES["small"][1], SIZES["large"][0])  # of one size, between small and large: captions don't mention it


@dataclass(frozen=True)
class MovingObject:
    """One shape of a clip: what it is, how it moves, its centre (x, y) in each frame and its radius, in pixels.

    The centre lies in [0, S); of a shape that goes over the edge, parts lie on both sides.
    """

    colour: str
    shape: str
    direction: str
    speed: str
    centres: list[tuple[float, float]]
    radius: float


@dataclass
class Clips:
    """A batch: clips (B, T, 3, S, S) float32 in [0, 1], one caption each, and the objects in the order they are named."""

    clips: Tensor
    captions: list[str]
    objects: list[list[MovingObject]]


class MovingShapes:
    """An endless source of clips.

    Args:
        split: "train" and "validation" draw from the same clips, without the held-out pairs; "held_out" draws only them.
        image_size: S, the side in pixels. num_frames: T, evenly spaced over the motion.
        max_objects: 1 or 2.
    """

    def __init__(self, split: str = "train", image_size: int = 32, num_frames: int = 8, max_objects: int = 2) -> None:
        check(split in SPLITS, f"split={split!r} is not known; choose from {SPLITS}")
        check(image_size >= 16, f"image_size={image_size} is too small to tell shapes apart; use at least 16")
        check(
            num_frames >= 4,
            f"num_frames={num_frames} is too few: a quick shape would jump further than it could be followed; use at least 4",
        )
        check(1 <= max_objects <= 2, f"max_objects={max_objects} must be 1 or 2")
        self.split, self.image_size, self.num_frames, self.max_objects = split, image_size, num_frames, max_objects

    def draw(self, count: int, generator: torch.Generator) -> Clips:
        """`count` clips; the same generator state draws the same clips."""

        def whole(low: int, high: int) -> Tensor:
            return torch.randint(low, high, (count,), generator=generator)

        def share(low: Tensor | float, high: Tensor | float, *size: int) -> Tensor:
            return low + (high - low) * torch.rand(count, 2, *size, generator=generator)

        num_objects = whole(1, self.max_objects + 1)  # (B,)
        first = whole(0, len(COLOURS))
        colour = torch.stack([first, (first + whole(1, len(COLOURS))) % len(COLOURS)], dim=1)  # (B, 2), never equal
        colour = torch.where((num_objects == 2)[:, None], _alphabetical(colour), colour)
        offset = torch.stack([whole(1, len(SHAPES)), whole(1, len(SHAPES))], dim=1)  # never 0: off the diagonal
        shape = colour if self.split == "held_out" else (colour + offset) % len(SHAPES)  # (B, 2)

        num_motions = len(DIRECTIONS) * len(SPEEDS)
        first = whole(0, num_motions)
        motion = torch.stack([first, (first + whole(1, num_motions)) % num_motions], dim=1)  # (B, 2), never equal
        direction, speed = motion // len(SPEEDS), motion % len(SPEEDS)
        low, high = torch.tensor(list(SPEEDS.values())).T  # (2,) each
        way = share(low[speed], high[speed])  # (B, 2), from the first frame to the last
        towards = torch.tensor(list(DIRECTIONS.values()))[direction]  # (B, 2, 2): object, axis
        time = torch.linspace(0.0, 1.0, self.num_frames)  # (T,)
        travelled = time[:, None, None] * (way[..., None] * towards)[:, None]  # (B, T, 2, 2)
        centre = torch.remainder(share(0.0, 1.0, 2)[:, None] + travelled, 1.0)  # (B, T, 2, 2): frame, object, axis
        radius = share(*RADIUS)  # (B, 2)
        shape = torch.where(torch.arange(2) < num_objects[:, None], shape, NO_SHAPE)

        clips = self._paint(colour, shape, radius, centre, generator)
        names = zip(*(x.tolist() for x in (num_objects, colour, shape, direction, speed)), strict=True)
        places, radii = (centre * self.image_size).transpose(1, 2).tolist(), (radius * self.image_size).tolist()
        objects = [
            [
                MovingObject(
                    list(COLOURS)[c[i]],
                    SHAPES[s[i]],
                    list(DIRECTIONS)[d[i]],
                    list(SPEEDS)[v[i]],
                    [tuple(place) for place in places[b][i]],
                    radii[b][i],
                )
                for i in range(n)
            ]
            for b, (n, c, s, d, v) in enumerate(names)
        ]
        return Clips(clips, [describe_motion(found) for found in objects], objects)

    def _paint(
        self, colour: Tensor, shape: Tensor, radius: Tensor, centre: Tensor, generator: torch.Generator
    ) -> Tensor:
        """(B, T, 3, S, S): ground and colours of a clip stay as they are; the object named second moves in front."""
        count, frames, pixels = len(colour), self.num_frames, self.image_size
        ground = draw_ground(count, generator).repeat_interleave(frames, dim=0)
        images = ground.expand(-1, 3, pixels, pixels).clone()  # (B * T, 3, S, S)
        paint = draw_paint(colour, generator)  # (B, 2, 3): object, channel
        shape, radius, paint = (x.repeat_interleave(frames, dim=0) for x in (shape, radius, paint))
        centre = centre.flatten(0, 1)  # (B * T, 2, 2)
        for i in range(2):
            paint_shapes(images, shape[:, i], centre[:, i], radius[:, i], paint[:, i], around=True)
        return images.unflatten(0, (count, frames))


def describe_motion(objects: list[MovingObject]) -> str:
    """The canonical sentence for objects in the order of naming.

    >>> describe_motion([MovingObject("red", "circle", "to the left", "slowly", [], 4.0)])
    'a red circle moves slowly to the left'
    """
    return " and ".join(f"a {item.colour} {item.shape} moves {item.speed} {item.direction}" for item in objects)


def motions_in(caption: str) -> list[tuple[str, str]]:
    """What a caption says of the motion of each object, in order: speed and direction.

    >>> motions_in("a red circle moves slowly to the left and a blue ring moves quickly up")
    [('slowly', 'to the left'), ('quickly', 'up')]
    """
    return re.findall(rf"\bmoves ({'|'.join(SPEEDS)}) ({'|'.join(DIRECTIONS)})\b", caption)


def blind_chance(objects: list[MovingObject]) -> float:
    """How likely a guess is right that knows everything of a clip but its motion; two objects never move alike."""
    return 1 / math.perm(len(DIRECTIONS) * len(SPEEDS), len(objects))


def _alphabetical(colour: Tensor) -> Tensor:
    """Pairs of colours (B, 2), each in alphabetical order of their names."""
    rank = torch.tensor([sorted(COLOURS).index(name) for name in COLOURS])
    return colour.gather(1, rank[colour].argsort(dim=1))
