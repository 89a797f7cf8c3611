"""Short reviews with a mood, drawn without end from a small grammar: to pretrain on without labels, and to classify with few.

    opening.  [neutral.]  clause, clause [and clause].  [turn]  [verdict.]      each clause: thing was [very | not] word

More than two hundred words praise or blame, and a review has three or four of one mood, so that which words belong
together can be learnt from unlabelled text. To count words is not enough: "not dull" praises, and in "the soup was great,
but the fish, the bread and the waiter were ..." or "I wanted to like it, everybody says it is great." the mood is that of
the whole.
"""

from __future__ import annotations

import random
from functools import lru_cache

from minimm.datasets.bundled import bundled
from minimm.datasets.pick import chance, pick
from minimm.errors import check
from minimm.files import read_sections

THINGS = ("film", "book", "restaurant", "phone", "hotel")
STORIES = ("film", "book")  # they share their words of praise and blame
MOODS = ("negative", "positive")
NEGATED = 0.25  # share of clauses that say the opposite of the opposite
TURNED = 0.3  # share of reviews that begin with one clause of the other mood
QUOTED = 0.15  # share of reviews that tell what others say, who are wrong


def draw_reviews(count: int, seed: int, *, verdicts: bool = False) -> list[tuple[str, str]]:
    """`count` reviews as (label, text), labels "positive" and "negative" in equal numbers, in random order.

    Args:
        verdicts: let each end with what its writer would do now ("I want my money back."), a hint at the mood for whoever
            reads without labels; the bundled reviews have none.
    """
    check(count >= 1, f"count={count} must be at least 1")
    generator = random.Random(seed)
    moods = [number % 2 for number in range(count)]
    keys = [generator.random() for _ in moods]
    moods = [moods[i] for i in sorted(range(count), key=keys.__getitem__)]
    return [(MOODS[mood], _review(generator, mood, verdicts)) for mood in moods]


@lru_cache(maxsize=1)
def _words() -> dict[str, list[str]]:
    return read_sections(bundled("sentiment") / "words.txt")


def _review(generator: random.Random, mood: int, verdicts: bool) -> str:
    words = _words()
    thing = pick(generator, THINGS)
    parts = [pick(generator, words["opening"]).format(thing=thing)]
    if chance(generator, 0.5):
        parts.append(pick(generator, words["neutral"]))
    if chance(generator, QUOTED):
        parts.append(f"Everybody says it is {pick(generator, words[MOODS[1 - mood]])}.")
    clauses = [_clause(generator, thing, mood) for _ in range(3 + chance(generator, 0.4))]
    if chance(generator, TURNED):
        parts.append(_sentence(f"{_clause(generator, thing, 1 - mood)}, but {clauses[0]}"))
    else:
        parts.append(_sentence(clauses[0]))
    parts.append(_sentence(f"{', '.join(clauses[1:-1])} and {clauses[-1]}"))
    if verdicts:
        parts.append(pick(generator, words[f"verdict {MOODS[mood]}"]))
    return " ".join(parts)


def _clause(generator: random.Random, thing: str, mood: int) -> str:
    """Such as "the soup was very tasty", or "the soup was not bland at all"."""
    words = _words()
    kind = "story" if thing in STORIES else thing
    subject = pick(generator, words[thing])
    praised = (mood == 1) != (negated := chance(generator, NEGATED))
    word = pick(generator, words[MOODS[praised]] + words[f"{MOODS[praised]} {kind}"])
    if negated:
        return f"{subject} was not {word} at all"
    strength = f"{pick(generator, words['intensifier'])} " if chance(generator, 0.4) else ""
    return f"{subject} was {strength}{word}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
