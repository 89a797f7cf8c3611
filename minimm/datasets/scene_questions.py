"""Questions about scenes of shapes, of five kinds, balanced so that the words of a question do not give its answer away.

    count      how many red shapes are there                                    zero .. three
    colour     what colour is the small circle                                  red ..
    shape      what shape is the red thing                                      circle ..
    relation   is the red cross left of the blue ring; what shape is above ..   yes, no; circle ..
    exists     is there a small red cross                                       yes, no

Question and answer are drawn first, evenly, and the scene is made to fit them. (CLEVR, Johnson et al. 2017, section 3.3,
draws the scene first and throws away answers that are too frequent; the aim is the same.) So whoever may not look is
right as often as a guess among the answers to the question. Relations come from the layout: asked about the same two
shapes in the other order, yes becomes no. Nothing is asked about what is there twice, except to count it, and "left of"
and the like are asked only where they are clear by `layout.MARGIN`.

Splits are those of `Shapes`: in "train" and "validation" the held-out colour-shape pairs are neither shown nor asked for,
in "held_out" there are no others. "What colour is the circle" has one answer there, red, which no training scene gave it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.datasets.layout import MARGIN
from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, SceneObject, Shapes
from minimm.errors import check

KINDS = ("count", "colour", "shape", "relation", "exists")
NUMBERS = ("zero", "one", "two", "three")
ANSWERS = (*NUMBERS, *COLOURS, *SHAPES, "yes", "no")
RELATION_SHARE = (
    0.4  # of the questions to learn from: relations are learned last. Of those that are measured it is 1 / 5
)
RELATIONS = {"left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1)}  # axis, and which way along it
ANY = -1  # in place of an index of a size, colour or shape: it may be any
# Whether a question names (size, colour, shape); six forms of each kind, equally frequent.
NAMED = {
    "count": ((0, 1, 0), (0, 0, 1)) * 3,
    "colour": ((0, 0, 1), (1, 0, 1), (1, 0, 0)) * 2,
    "shape": ((0, 1, 0), (1, 1, 0), (1, 0, 0)) * 2,
    "relation": ((0, 0, 0),) * 6,  # the shapes are chosen when they have their places
    "exists": ((0, 1, 1), (1, 1, 1)) * 3,
}
WORDINGS = {
    "count": ("how many {what} are there", "how many {what} do you see", "count the {what}"),
    "colour": ("what colour is the {what}", "which colour does the {what} have"),
    "shape": ("what shape is the {what}", "which shape does the {what} have"),
    "exists": ("is there a {what}", "do you see a {what}"),
    "relation": ("is the {what} {relation} the {other}",),
    "relation, colour": ("what colour is the thing {relation} the {other}",),
    "relation, shape": ("what shape is {relation} the {other}", "which shape lies {relation} the {other}"),
}


@dataclass
class QuestionedScenes:
    """A batch: images (B, 3, S, S) float32 in [0, 1], and for each a question, its answer, its kind, what is there."""

    images: Tensor
    questions: list[str]
    answers: list[str]
    kinds: list[str]
    objects: list[list[SceneObject]]


class SceneQuestions:
    """An endless source of scenes with a question each.

    Args:
        split, image_size: as for `Shapes`.
        relation_share: share of questions about relations, which are learned last; the others are evenly of all kinds.
    """

    def __init__(self, split: str = "train", image_size: int = 32, relation_share: float = 1 / len(KINDS)) -> None:
        check(0.0 <= relation_share < 1.0, f"relation_share={relation_share} must be at least 0 and below 1")
        self.shapes = Shapes(split, image_size)
        self.split, self.image_size, self.relation_share = split, image_size, relation_share

    def draw(self, count: int, generator: torch.Generator) -> QuestionedScenes:
        """`count` scenes with a question each; the same generator state draws the same."""
        others = [index for index, name in enumerate(KINDS) if name != "relation"]
        kind = torch.tensor(others)[torch.randint(len(others), (count,), generator=generator)]  # (B,)
        is_relation = torch.rand(count, generator=generator) < self.relation_share
        kind = kind.masked_fill(is_relation, KINDS.index("relation"))
        named, amount = self._draw_named(kind, generator)
        least = torch.where(kind == KINDS.index("relation"), 2, amount.clamp(min=1))
        num_objects = least + (torch.rand(count, generator=generator) * (4 - least)).long()  # least .. 3
        size, colour, shape = self._draw_objects(named, amount, num_objects, generator)
        scenes = self.shapes.compose(num_objects, size, colour, shape, generator)
        choices = torch.rand(count, 4, generator=generator).tolist()  # what is left to choose, from 0 to 1
        rows = zip(kind.tolist(), named.tolist(), amount.tolist(), scenes.objects, choices, strict=True)
        asked = [self.ask(KINDS[index], *row) for index, *row in rows]
        questions, answers = (list(column) for column in zip(*asked, strict=True)) if asked else ([], [])
        return QuestionedScenes(scenes.images, questions, answers, [KINDS[k] for k in kind], scenes.objects)

    def _draw_named(self, kind: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What each question names, (B, 3) indices of size, colour, shape or `ANY`, and how many such there shall be."""
        (count,) = kind.shape
        size = torch.randint(len(SIZES), (count,), generator=generator)
        named = torch.stack([size, *self.shapes.draw_pairs((count,), generator)], dim=-1)  # (B, 3)
        form = torch.randint(6, (count,), generator=generator)
        named = named.masked_fill(torch.tensor(list(NAMED.values()))[kind, form] == 0, ANY)
        number = torch.randint(len(NUMBERS), (count,), generator=generator)
        amounts = {"count": number, "exists": number % 2, "relation": torch.zeros_like(number)}
        amounts = torch.stack([amounts.get(name, torch.ones_like(number)) for name in KINDS])  # (kinds, B)
        return named, amounts[kind, torch.arange(count)]

    def _draw_objects(
        self, named: Tensor, amount: Tensor, num_objects: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Indices of size, colour, shape, (B, 3) each: exactly `amount` of the objects are as named.

        The others often share a part of what is named, so that seeing the parts is not enough. Where nothing is named
        (relations), the colour-shape pairs differ, so that each object can be called by its own.
        """
        objects = torch.empty(len(named), 3, 3, dtype=torch.long)  # (B, object, attribute)
        todo = torch.arange(len(named))
        while len(todo):
            asked, size = named[todo, None], (len(todo), 3)  # (B', 1, 3)
            present = torch.arange(3) < num_objects[todo, None]  # (B', 3)
            rank = torch.rand(size, generator=generator).masked_fill(~present, 2.0).argsort(dim=1).argsort(dim=1)
            chosen = rank < amount[todo, None]  # (B', 3): those that shall be as named
            takes_over = chosen[..., None] | (torch.rand(*size, 3, generator=generator) < 1 / 3)
            drawn = self._complete(torch.where(takes_over, asked, ANY), generator)
            fits = ((asked == ANY) | (drawn == asked)).all(dim=-1)  # (B', 3)
            good = ((fits == chosen) | ~present).all(dim=1)
            pair = drawn[..., 1] * len(SHAPES) + drawn[..., 2]
            apart = (pair[:, [0, 0, 1]] != pair[:, [1, 2, 2]]) | ~present[:, [1, 2, 2]]
            good = torch.where((asked == ANY).all(dim=-1).squeeze(1), apart.all(dim=1), good)
            objects[todo[good]] = drawn[good]
            todo = todo[~good]
        return objects.unbind(dim=-1)

    def _complete(self, given: Tensor, generator: torch.Generator) -> Tensor:
        """Draw what is `ANY` in `given` (..., 3); pairs of colour and shape stay those of the split."""
        size = torch.randint(len(SIZES), given.shape[:-1], generator=generator)
        colour, shape = self.shapes.draw_pairs(given.shape[:-1], generator)
        given_size, given_colour, given_shape = given.unbind(dim=-1)
        # A pair belongs to the split by the distance of its indices, so both may be turned by the same amount.
        turn = torch.where(given_colour != ANY, given_colour - colour, given_shape - shape)
        turn = turn.masked_fill((given_colour == ANY) & (given_shape == ANY), 0)
        both = (given_colour != ANY) & (given_shape != ANY)
        colour = torch.where(both, given_colour, (colour + turn) % len(COLOURS))
        shape = torch.where(both, given_shape, (shape + turn) % len(SHAPES))
        return torch.stack([torch.where(given_size != ANY, given_size, size), colour, shape], dim=-1)

    def ask(
        self, kind: str, named: list[int], amount: int, objects: list[SceneObject], choices: list[float]
    ) -> tuple[str, str]:
        """The question about a scene and its answer.

        Args:
            kind: of `KINDS`. named: indices of size, colour and shape, or `ANY`. amount: how many objects are so. choices:
                numbers from 0 to 1 that decide about what is left open, such as the wording; four of them.
        """
        if kind == "relation":
            return self._ask_relation(objects, choices)
        size, colour, shape = (
            None if index == ANY else list(names)[index]
            for index, names in zip(named, (SIZES, COLOURS, SHAPES), strict=True)
        )
        noun = shape or ("shape" if kind == "count" else "thing")
        if kind == "count":
            noun = plural(noun)
        question = pick(WORDINGS[kind], choices[0]).format(what=" ".join(filter(None, (size, colour, noun))))
        if kind in ("count", "exists"):
            return question, NUMBERS[amount] if kind == "count" else ("no", "yes")[amount]
        meant = next(
            item
            for item in objects
            if size in (None, item.size) and colour in (None, item.colour) and shape in (None, item.shape)
        )
        return question, meant.colour if kind == "colour" else meant.shape

    def _ask_relation(self, objects: list[SceneObject], choices: list[float]) -> tuple[str, str]:
        """Whether one lies so from another, or what it is that does, where there is only one that may."""
        margin = MARGIN * self.image_size
        twice = [(item.box[0] + item.box[2], item.box[1] + item.box[3]) for item in objects]  # the centres, doubled
        clear, alone = [], []
        for relation, (axis, way) in RELATIONS.items():
            for j, origin in enumerate(twice):
                ahead = [way * (place[axis] - origin[axis]) / 2 for place in twice]
                found = [i for i in range(len(objects)) if ahead[i] >= margin]
                clear += [(i, relation, j) for i in found]
                unclear = any(abs(ahead[i]) < margin for i in range(len(objects)) if i != j)
                alone += [(found[0], relation, j)] if len(found) == 1 and not unclear else []
        form = pick(("relation", "relation", "relation, colour", "relation, shape"), choices[1])
        if form == "relation" or not alone:
            i, relation, j = pick(clear, choices[2])
            form, answer = "relation", pick(("yes", "no"), choices[3])
            i, j = (i, j) if answer == "yes" else (j, i)
        else:
            i, relation, j = pick(alone, choices[2])
            answer = objects[i].colour if form == "relation, colour" else objects[i].shape
        what, other = (f"{objects[index].colour} {objects[index].shape}" for index in (i, j))
        return pick(WORDINGS[form], choices[0]).format(what=what, relation=relation, other=other), answer


def pick(options: list | tuple, choice: float):
    """The option at `choice`, from 0 to below 1."""
    return options[int(choice * len(options))]


def plural(noun: str) -> str:
    """More than one of it.

    >>> plural("cross")
    'crosses'
    """
    return noun + ("es" if noun.endswith("s") else "s")
