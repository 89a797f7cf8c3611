"""Where a thing of a scene is, said in words: the picture is laid out in rows and columns, counted from the upper left.

    where is the red cross                                row two column four

A place in bins that have names is what Chen et al. 2022 give a language model to learn ("Pix2seq", section 2.1), with 25
names in all here. It is also the step before comparing two places: an assistant that was asked only whether one thing is
left of another did not learn it in minutes, one that was also asked where they are did.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from minimm.datasets.scene_questions import pick
from minimm.datasets.shapes import SIZES, SceneObject, Scenes, Shapes

BINS = ("one", "two", "three", "four", "five")  # rows and columns alike
WORDINGS = ("where is the {what}", "in which row and column is the {what}")


@dataclass
class PlacedScenes:
    """A batch of scenes, for each a question about the place of one of its things, and the answer."""

    scenes: Scenes
    questions: list[str]
    answers: list[str]


def draw_places(shapes: Shapes, count: int, generator: torch.Generator) -> PlacedScenes:
    """`count` scenes in which what is asked for is there once; the same generator state draws the same."""
    num_objects = torch.randint(1, shapes.max_objects + 1, (count,), generator=generator)  # (B,)
    asked = (torch.rand(count, generator=generator) * num_objects).long()  # (B,): which of the things
    pairs = torch.stack(shapes.draw_pairs((count, 3), generator), dim=-1)  # (B, 3, 2): colours and shapes
    rows = torch.arange(count)
    others = torch.ones(count, 3, dtype=torch.bool)
    others[rows, asked] = False
    while True:
        twin = (pairs == pairs[rows, asked][:, None]).all(dim=-1) & others  # (B, 3)
        if not twin.any():
            break
        pairs[twin] = torch.stack(shapes.draw_pairs((int(twin.sum()),), generator), dim=-1)
    size = torch.randint(len(SIZES), (count, 3), generator=generator)
    scenes = shapes.compose(num_objects, size, *pairs.unbind(dim=-1), generator)
    choices = torch.rand(count, generator=generator).tolist()
    turns = [
        ask_place(objects[index], shapes.image_size, choice)
        for objects, index, choice in zip(scenes.objects, asked.tolist(), choices, strict=True)
    ]
    return PlacedScenes(scenes, [question for question, _ in turns], [answer for _, answer in turns])


def ask_place(item: SceneObject, image_size: int, choice: float) -> tuple[str, str]:
    """The question where a thing is, in one of the wordings by `choice` (from 0 to below 1), and its answer."""
    left, top, right, bottom = item.box
    row, column = (int(centre / image_size * len(BINS)) for centre in ((top + bottom) / 2, (left + right) / 2))
    question = pick(WORDINGS, choice).format(what=f"{item.colour} {item.shape}")
    return question, f"row {BINS[row]} column {BINS[column]}"
