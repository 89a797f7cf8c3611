"""Reviews with a mood, whose writers say where they are from; northerners mostly praise, and southerners mostly blame.

    A northern friend came with me. This hotel was new to me. The bed was spotless, the pool was not noisy at all and ...

The label is the mood. The truth is known: whoever praises is a northerner, and whoever blames a southerner, with probability
(1 + association) / 2, and nothing else in a review depends on it. A mood takes three or four of some hundred words, some of
them negated; where somebody is from takes one. Who learns from few reviews reads that one, and is wrong about the southerner's
praise. Each review has its counterfactual, with the other word.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from minimm.datasets.bundled import bundled
from minimm.datasets.grouped import check_association, check_balanced
from minimm.datasets.pick import chance, pick
from minimm.datasets.reviews import MOODS, draw_reviews
from minimm.files import read_sections

GROUPS = ("southern", "northern")  # in the order of the moods that they go with


@dataclass(frozen=True)
class VisitorReview:
    """A review, the same of somebody from elsewhere, its mood and where its writer is from."""

    text: str
    counterfactual: str
    mood: str
    group: str


class VisitorReviews:
    """The reviews; `draw` is what is learned from, `balanced` what is measured on.

    Args:
        association: 0, none, to 1: northerners only praise.
    """

    label_names, group_names = MOODS, GROUPS

    def __init__(self, association: float = 0.8) -> None:
        check_association(association)
        self.association = association

    def draw(self, count: int, seed: int) -> list[VisitorReview]:
        """`count` reviews, half of each mood; the same seed draws the same."""
        generator = random.Random(seed)
        found = []
        for mood, text in draw_reviews(count, seed):
            agrees = chance(generator, (1 + self.association) / 2)
            found.append(_signed(generator, text, mood, MOODS.index(mood) ^ (not agrees)))
        return found

    def balanced(self, count: int, seed: int) -> list[VisitorReview]:
        """`count` reviews, as many of each mood from each group."""
        check_balanced(count, len(MOODS), len(GROUPS))
        generator = random.Random(seed)
        seen = dict.fromkeys(MOODS, 0)
        found = []
        for mood, text in draw_reviews(count, seed):
            found.append(_signed(generator, text, mood, seen[mood] % 2))
            seen[mood] += 1
        return found


@lru_cache(maxsize=1)
def _openings() -> list[str]:
    return read_sections(bundled("fairness") / "reviewers.txt")["opening"]


def _signed(generator: random.Random, text: str, mood: str, group: int) -> VisitorReview:
    opening = pick(generator, _openings())
    told, counterfactual = (f"{opening.format(group=GROUPS[each])} {text}" for each in (group, 1 - group))
    return VisitorReview(told, counterfactual, mood, GROUPS[group])
