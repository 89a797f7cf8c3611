"""Does a drawing show what its caption says? An independent judge: it reads the picture by rule and compares.

A drawing is right when the objects read from it (`scene_reader.py`) are exactly those that the caption names, by colour
and shape: none missing, none of another kind, nothing else. Sizes and relations are judged beside that, among the
drawings whose objects are right: sizes when every object also has its size; relations when "left of" lies to the right by
more than it lies down or up, and "above" below by more than aside, for each neighbouring pair of the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from torch import Tensor

from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, SceneObject
from minimm.errors import check
from minimm.interpretation.scene_reader import read_scenes

RELATIONS = (" left of ", " above ")
EXAMPLE = "'a small red circle left of a large blue ring'"
Named = tuple[str, str, str]  # size, colour, shape


@dataclass(frozen=True)
class Verdict:
    """What is right about one drawing; `sizes` and `relations` are only true where `objects` is."""

    objects: bool
    sizes: bool
    relations: bool
    found: tuple[SceneObject, ...]
    num_named: int


def parse_caption(caption: str) -> tuple[list[Named], list[str]]:
    """The objects of a canonical caption (`shapes.describe`) and the relations between neighbours, one fewer.

    >>> parse_caption("a small red circle left of a large blue ring")
    ([('small', 'red', 'circle'), ('large', 'blue', 'ring')], ['left of'])
    """
    parts = re.split(f"({'|'.join(RELATIONS)})", caption)
    objects: list[Named] = []
    for phrase in parts[::2]:
        words = phrase.split(" ")
        check(
            len(words) == 4 and words[0] == "a" and words[1] in SIZES and words[2] in COLOURS and words[3] in SHAPES,
            f"{caption!r:.120} is not a caption of a scene: {phrase!r:.60} should be 'a', a size of {list(SIZES)}, a colour "
            f"of {list(COLOURS)} and a shape of {list(SHAPES)}, as in {EXAMPLE}",
        )
        objects.append((words[1], words[2], words[3]))
    return objects, [relation.strip() for relation in parts[1::2]]


def check_drawings(images: Tensor, captions: Sequence[str]) -> list[Verdict]:
    """One verdict for each picture (B, 3, S, S) in [0, 1] and its caption."""
    check(
        len(images) == len(captions), f"{len(images)} pictures and {len(captions)} captions; give one caption for each"
    )
    return [_compare(found, *parse_caption(text)) for found, text in zip(read_scenes(images), captions, strict=True)]


def _compare(found: list[SceneObject], named: list[Named], relations: list[str]) -> Verdict:
    """The best verdict over all ways to say which found object is which named one."""
    best = (False, False, False)
    for order in permutations(found) if len(found) == len(named) else ():
        if all((item.colour, item.shape) == name[1:] for item, name in zip(order, named, strict=True)):
            sizes = all(item.size == name[0] for item, name in zip(order, named, strict=True))
            best = max(best, (True, sizes, _lie_as_said(order, relations)), key=sum)
    return Verdict(*best, tuple(found), len(named))


def _lie_as_said(objects: Sequence[SceneObject], relations: list[str]) -> bool:
    """Whether each object lies to the next as the relation between them says."""
    for first, second, relation in zip(objects, objects[1:], relations, strict=False):
        right = second.box[0] + second.box[2] - first.box[0] - first.box[2]  # twice the distance between the centres
        down = second.box[1] + second.box[3] - first.box[1] - first.box[3]
        if (right if relation == "left of" else down) <= abs(down if relation == "left of" else right):
            return False
    return True


def drawing_scores(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Shares of right drawings.

    `accuracy`: of all, those whose objects are right; `accuracy_1` to `accuracy_3` the same by the number of objects named.
    `size_accuracy`, `relation_accuracy`: of those with the right objects, the share with right sizes and, where two or more
    objects are named, with right relations.
    `all_accuracy`: of all, those in which everything is right.
    """

    def share(values: list[bool]) -> float:
        return sum(values) / max(len(values), 1)

    right = [verdict for verdict in verdicts if verdict.objects]
    by_number = {
        f"accuracy_{number}": share([verdict.objects for verdict in verdicts if verdict.num_named == number])
        for number in sorted({verdict.num_named for verdict in verdicts})
    }
    return {
        "accuracy": share([verdict.objects for verdict in verdicts]),
        **by_number,
        "size_accuracy": share([verdict.sizes for verdict in right]),
        "relation_accuracy": share([verdict.relations for verdict in right if verdict.num_named >= 2]),
        "all_accuracy": share([verdict.sizes and verdict.relations for verdict in verdicts]),
    }
