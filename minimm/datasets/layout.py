"""Where the things of a scene lie, so that a sentence can say it: apart from each other, and in relations that are clear.

Things are named from the upper left to the lower right, by x + y, and each is beside the next ("left of" it) or over it
("above" it), whichever of the two distances is larger. Layouts in which either would be a close call are never drawn, so
there is one true sentence for each scene.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

MARGIN = 0.09  # relations must be clear by this share of the side
APART = 0.02  # free space between two things, as a share of the side
CANDIDATES = 3_000  # layouts tried at once, over all scenes that are still without a clear one
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels


def draw_layout(num_objects: Tensor, radius: Tensor, generator: torch.Generator) -> Tensor:
    """Centres (B, 3, 2) as shares of the side, in the order of naming; redrawn until every relation is clear.

    Args:
        num_objects: (B,) int64, 1 to 3. radius: (B, 3), as shares of the side.
    """
    count = len(num_objects)
    centre = torch.empty(count, 3, 2)
    todo = torch.arange(count)
    while len(todo):
        tries = math.ceil(CANDIDATES / len(todo))  # K
        r = radius[todo, None, :, None]  # (B', 1, 3, 1)
        place = r + (1.0 - 2.0 * r) * torch.rand(len(todo), tries, 3, 2, generator=generator)
        present = torch.arange(3) < num_objects[todo, None]  # (B', 3)
        clear = torch.ones(place.shape[:2], dtype=torch.bool)  # (B', K)
        for i, j in ((0, 1), (0, 2), (1, 2)):
            gap = place[:, :, j] - place[:, :, i]  # (B', K, 2)
            reach = (radius[todo, i] + radius[todo, j])[:, None] + APART
            good = (gap.norm(dim=-1) >= reach) & (gap.sum(dim=-1) >= MARGIN)  # apart, and i named before j
            if j == i + 1:  # the sentence says how they lie, so it must not be a close call
                good &= (gap[..., 0].abs() - gap[..., 1].abs()).abs() >= MARGIN
            clear &= good | ~present[:, j, None]
        found = clear.any(dim=1)
        first = clear.float().argmax(dim=1)  # the first clear candidate
        centre[todo[found]] = place[found, first[found]]
        todo = todo[~found]
    return centre


def boxes_in_pixels(centre: Tensor, radius: Tensor, image_size: int) -> list[list[Box]]:
    """Centres (B, 3, 2) and radii (B, 3) as shares of the side -> for each scene the boxes of its three places."""
    boxes = torch.cat([centre - radius[..., None], centre + radius[..., None]], dim=-1) * image_size  # (B, 3, 4)
    return [[tuple(box) for box in scene] for scene in boxes.tolist()]


def is_beside(box: Box, following: Box) -> bool:
    """Whether a thing lies beside the one that is named after it; if not, it lies above it.

    >>> is_beside((0, 0, 8, 8), (20, 6, 28, 14))
    True
    """
    right = following[0] + following[2] - box[0] - box[2]
    down = following[1] + following[3] - box[1] - box[3]
    return abs(right) > abs(down)


def say_relations(names: Sequence[str], boxes: Sequence[Box]) -> str:
    """The English sentence for things in the order of naming.

    >>> say_relations(["an owl", "a key"], [(1, 1, 19, 19), (30, 8, 50, 28)])
    'an owl left of a key'
    """
    sentence = names[0]
    for index in range(1, len(names)):
        relation = "left of" if is_beside(boxes[index - 1], boxes[index]) else "above"
        sentence += f" {relation} {names[index]}"
    return sentence
