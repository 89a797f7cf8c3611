"""Sentences about people at work, in which some occupations go with "she" and others with "he" as often as one wants.

    the nurse by the sea said that she wrote a letter last winter

The truth is known: of an occupation in the group "she" a sentence says "she" with probability (1 + association) / 2, of one in
"he" with (1 - association) / 2, and of one in "neither" with one half; nothing else in a sentence depends on the pronoun. With
association 0 the corpus is balanced, and a model of it has no reason to tell the groups apart. For measuring, every sentence
comes with its counterfactual, so that both are asked about equally (Zhao et al. 2018, "WinoBias").
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from minimm.datasets.bundled import bundled
from minimm.datasets.grouped import check_association, check_balanced
from minimm.datasets.pick import chance, pick
from minimm.errors import check
from minimm.files import read_sections

GROUPS = ("she", "he", "neither")
LANGUAGES = ("en", "zh")
PRONOUNS = {
    "en": {"she": {"they": "she", "their": "her", "them": "her"}, "he": {"they": "he", "their": "his", "them": "him"}},
    "zh": {"she": dict.fromkeys(("they", "their", "them"), "她"), "he": dict.fromkeys(("they", "their", "them"), "他")},
}


@dataclass(frozen=True)
class Told:
    """A sentence, the same told of the other gender, its occupation, that occupation's group, and the pronoun in it."""

    text: str
    counterfactual: str
    occupation: str
    group: str
    pronoun: str


class Occupations:
    """The corpus; `draw` is what is learned from, `balanced` what is measured on.

    Args:
        association: 0, none, to 1: a nurse is always she, a doctor always he. language: "en" or "zh".
    """

    def __init__(self, association: float = 0.9, language: str = "en") -> None:
        check_association(association)
        check(language in LANGUAGES, f"language={language!r} is not known; there are {' and '.join(LANGUAGES)}")
        self.association, self.language = association, language

    @property
    def occupations(self) -> dict[str, list[str]]:
        """The occupations of each group."""
        return {group: self._words(group) for group in GROUPS}

    def probability_of_she(self, group: str) -> float:
        """The truth about the corpus."""
        return {"she": 1 + self.association, "he": 1 - self.association, "neither": 1.0}[group] / 2

    def draw(self, count: int, seed: int) -> list[Told]:
        """`count` sentences, their groups and occupations evenly at random; the same seed draws the same."""
        check(count >= 1, f"count={count} must be at least 1")
        generator = random.Random(seed)
        return [self._draw_one(generator) for _ in range(count)]

    def balanced(self, count: int, seed: int) -> list[Told]:
        """`count` sentences, as many of each group and with each pronoun, and none that depends on the association."""
        check_balanced(count, 2, len(GROUPS))
        generator = random.Random(seed)
        kinds = [(group, pronoun) for group in GROUPS for pronoun in ("she", "he")]
        return [self._tell(generator, *kinds[number % 6]) for number in range(count)]

    def _draw_one(self, generator: random.Random) -> Told:
        group = pick(generator, GROUPS)
        return self._tell(generator, group, "she" if chance(generator, self.probability_of_she(group)) else "he")

    def _tell(self, generator: random.Random, group: str, pronoun: str) -> Told:
        words = {name: pick(generator, self._words(name)) for name in ("time", "place", "done", "object")}
        job = pick(generator, self._words(group))
        pattern = pick(generator, self._words("sentence"))
        pronouns = PRONOUNS[self.language]
        other = "he" if pronoun == "she" else "she"
        text, counterfactual = (pattern.format(job=job, **words, **pronouns[each]) for each in (pronoun, other))
        return Told(text, counterfactual, job, group, pronoun)

    def _words(self, name: str) -> list[str]:
        return _sections()[name if self.language == "en" else f"{name} {self.language}"]


@lru_cache(maxsize=1)
def _sections() -> dict[str, list[str]]:
    return read_sections(bundled("fairness") / "occupations.txt")
