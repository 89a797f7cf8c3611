"""More questions about scenes that are there already: what a conversation about a picture goes on with.

To look at a picture costs more than to read a question, so a model learns faster from several about each. Unlike those of
`SceneQuestions` these are made to fit the scene, so their answers are not evenly distributed: they are for training alone.
"""

from __future__ import annotations

import torch

from minimm.datasets.scene_questions import ANY, KINDS, NAMED, SceneQuestions, pick
from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, SceneObject

TRIES = 4  # kinds that are tried for a scene before something is counted, which always works
ASKED = (*KINDS, *["relation"] * 4)  # what is hardest to learn is asked most
FROM_SCENE = {"exists": 1 / 2}  # share of questions that name what is there; of the other kinds 2 / 3

Names = tuple[str, str, str]  # size, colour, shape


def ask_further(
    source: SceneQuestions, scenes: list[list[SceneObject]], generator: torch.Generator
) -> list[tuple[str, str]]:
    """One question for each scene, of any kind that can be asked about it, and its answer."""
    choices = torch.rand(len(scenes), TRIES + 1, 8, generator=generator).tolist()
    sizes = torch.randint(len(SIZES), (len(scenes),), generator=generator).tolist()
    colours, shapes = (part.tolist() for part in source.shapes.draw_pairs((len(scenes),), generator))
    turns = []
    for objects, tries, *indices in zip(scenes, choices, sizes, colours, shapes, strict=True):
        other = tuple(list(names)[index] for names, index in zip((SIZES, COLOURS, SHAPES), indices, strict=True))
        kinds = [pick(ASKED, choice[0]) for choice in tries[:TRIES]] + ["count"]
        asked = (_try(source, kind, objects, other, choice) for kind, choice in zip(kinds, tries, strict=True))
        turns.append(next(turn for turn in asked if turn is not None))
    return turns


def _try(
    source: SceneQuestions, kind: str, objects: list[SceneObject], other: Names, choices: list[float]
) -> tuple[str, str] | None:
    """A question of one kind, or None where the scene has none: nothing is asked about what is not there just once."""
    there = pick(objects, choices[1])
    wanted = (there.size, there.colour, there.shape) if choices[2] < FROM_SCENE.get(kind, 2 / 3) else other
    form = pick(NAMED[kind], choices[3])
    fitting = [
        item
        for item in objects
        if all(
            not used or name == mine
            for used, name, mine in zip(form, wanted, (item.size, item.colour, item.shape), strict=True)
        )
    ]
    pairs = {(item.colour, item.shape) for item in objects}
    if kind in ("colour", "shape") and len(fitting) != 1:
        return None
    if kind == "relation" and not len(pairs) == len(objects) >= 2:
        return None
    named = [
        list(names).index(name) if used else ANY
        for used, names, name in zip(form, (SIZES, COLOURS, SHAPES), wanted, strict=True)
    ]
    amount = min(len(fitting), 1) if kind == "exists" else len(fitting)
    return source.ask(kind, named, amount, objects, choices[4:])
