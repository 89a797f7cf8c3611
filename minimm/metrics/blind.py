"""What can be had without looking: the accuracy of whoever knows how questions are usually answered, and nothing else.

To each question the answer that it had most often before; to one never met, the most frequent answer to questions that
begin with the same two words, else the most frequent of all. A model that is no better has learned the questions, not the
pictures (Goyal et al. 2017, "Making the V in VQA matter", section 1).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from minimm.errors import check


def blind_accuracy(
    seen_questions: Sequence[str], seen_answers: Sequence[str], questions: Sequence[str], answers: Sequence[str]
) -> float:
    """The share, from 0 to 1, of `questions` that are answered right from what was seen before.

    >>> blind_accuracy(["is it", "is it", "how many"], ["yes", "yes", "two"], ["is it", "how many cats"], ["no", "two"])
    0.5
    """
    for one, other in ((seen_questions, seen_answers), (questions, answers)):
        check(
            len(one) == len(other) > 0,
            f"there are {len(one)} questions and {len(other)} answers; give one answer for each, and at least one",
        )
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for question, answer in zip(seen_questions, seen_answers, strict=True):
        for key in _keys(question):
            counts[key][answer] += 1
    guesses = {key: found.most_common(1)[0][0] for key, found in counts.items()}
    right = 0
    for question, answer in zip(questions, answers, strict=True):
        right += next(guesses[key] for key in _keys(question) if key in guesses) == answer
    return right / len(questions)


def _keys(question: str) -> tuple[str, str, str]:
    """The question, its beginning, and what all have in common."""
    return question, " ".join(question.split()[:2]) + " ...", "..."
