"""What a question alone gives away about its answer is no sight: it is kept out of what a model learns.

    loss = -log( exp z_a / sum of exp z_b over the answers b but those that this question never had, though expected )

When no training scene shows a red circle, "what shape is the red thing" is never answered "circle", and a model that learns
to say so from the word "red" will not see the first red circle it meets. So "circle" is left out of the softmax there: it is
neither wrong nor right, and what a circle looks like is learned from questions that may have it. Expected is what a question
asked n times, of a kind of which a share p has that answer, has n p >= 5 times: so "yes" stays in, and is wrong, since nothing
that begins with "what shape" ever has it, and so do the answers to a question that was met only once or twice. After training
every answer counts.

Source: the product of experts of Clark, Yatskar and Zettlemoyer 2019, "Don't take the easy way out", section 3.2.1. Differs
from the paper: its second expert is a trained blind model; here it is the list of what each question ever had.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

EXPECTED = 5  # times that an answer should have been seen, so that its absence says something


class LanguagePrior:
    """How often each question had each answer, and its kind: the questions that begin with the same two words.

    Args:
        questions, answers: of the training data, one answer for each question. choices: all answers, in the model's order.
    """

    def __init__(self, questions: Sequence[str], answers: Sequence[str], choices: Sequence[str]) -> None:
        self.numbers = {answer: number for number, answer in enumerate(choices)}
        by_question: dict[str, Counter[str]] = defaultdict(Counter)
        by_kind: dict[str, Counter[str]] = defaultdict(Counter)
        for question, answer in zip(questions, answers, strict=True):
            by_question[question][answer] += 1
            by_kind[_kind(question)][answer] += 1
        self.left_out: dict[str, list[int]] = {}  # by question
        for question, found in by_question.items():
            kind = by_kind[_kind(question)]
            least = (
                EXPECTED * kind.total() / found.total()
            )  # how often the kind must have an answer for it to be expected
            missed = (answer for answer, times in kind.items() if answer not in found and times >= least)
            self.left_out[question] = [self.numbers[answer] for answer in missed]

    def mask(self, questions: Sequence[str], targets: Tensor) -> Tensor:
        """(B, number of choices) bool, True for the answers that are in the softmax.

        They are all of them for a question that was never met. targets (B,) int64, the true answers, are always in.
        """
        mask = torch.ones(len(questions), len(self.numbers), dtype=torch.bool)
        for row, question in zip(mask, questions, strict=True):
            row[self.left_out.get(question, [])] = False
        return mask.to(targets.device).scatter(1, targets[:, None], True)


def _kind(question: str) -> str:
    return " ".join(question.split()[:2])
