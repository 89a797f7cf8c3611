"""More questions about scenes that are there already: what a conversation about a picture goes on with.

To look at a picture costs more than to read a question, so a model learns faster from several about each. Unlike those of
`SceneQuestions` these are made to fit the scene, so their answers are not evenly distributed: they are for training alone.
"""

from __future__ import annotations

import torch

from minimm.datasets.scene_places import ask_place
from minimm.datasets.scene_questions import ANY, KINDS, NAMED, SceneQuestions, pick
from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, SceneObject

TRIES = 4  # kinds that are tried for a scene before something is counted, which always works
ASKED = (
    *KINDS,
    *["relation"] * 4,
    *["place"] * 4,
)  # what is hardest to learn is asked most, with what helps to learn it
FROM_SCENE = {"exists": 1 / 2}  # share of questions that name what is there; of the other kinds 2 / 3

Indices = tuple[int, int, int]  # of a size, a colour and a shape


def ask_further(
    source: SceneQuestions, scenes: list[list[SceneObject]], generator: torch.Generator
) -> list[tuple[str, str]]:
    """One question for each scene, of any kind that can be asked about it, and its answer."""
    choices = torch.rand(len(scenes), TRIES + 1, 8, generator=generator).tolist()
    sizes = torch.randint(len(SIZES), (len(scenes),), generator=generator).tolist()
    colours, shapes = (part.tolist() for part in source.shapes.draw_pairs((len(scenes),), generator))
    turns = []
    for objects, tries, *other in zip(scenes, choices, sizes, colours, shapes, strict=True):
        kinds = [pick(ASKED, choice[0]) for choice in tries[:TRIES]] + ["count"]
        asked = (_try(source, kind, objects, tuple(other), choice) for kind, choice in zip(kinds, tries, strict=True))
        turns.append(next(turn for turn in asked if turn is not None))
    return turns


def _try(
    source: SceneQuestions, kind: str, objects: list[SceneObject], other: Indices, choices: list[float]
) -> tuple[str, str] | None:
    """A question of one kind, about a thing in the scene or about `other`; None where the scene has no such question.

    Who asks for the colour or the shape of a thing means just one, and relations are between things that differ.
    """
    there = [_indices(item) for item in objects]
    if kind == "place":
        alone = [item for item, own in zip(objects, there, strict=True) if [o[1:] for o in there].count(own[1:]) == 1]
        return ask_place(pick(alone, choices[1]), source.image_size, choices[3]) if alone else None
    wanted = pick(there, choices[1]) if choices[2] < FROM_SCENE.get(kind, 2 / 3) else other
    form = pick(NAMED[kind], choices[3])
    named = [index if used else ANY for used, index in zip(form, wanted, strict=True)]
    amount = sum(all(name in (ANY, own) for name, own in zip(named, item, strict=True)) for item in there)
    if kind in ("colour", "shape") and amount != 1:
        return None
    if kind == "relation" and not len({item[1:] for item in there}) == len(there) >= 2:
        return None
    return source.ask(kind, named, min(amount, 1) if kind == "exists" else amount, objects, choices[4:])


def _indices(item: SceneObject) -> Indices:
    """Which size, colour and shape it has."""
    return list(SIZES).index(item.size), list(COLOURS).index(item.colour), list(SHAPES).index(item.shape)
