"""What a question alone gives away about its answer is no sight: it is kept out of what a model learns.

    loss = -log( exp z_a / sum of exp z_b over all answers b but those that questions of this kind had and this one never )

When no training scene shows a red circle, "what shape is the red thing" is never answered "circle", and a model that learns
to say so from the word "red" will not see the first red circle it meets. So "circle" is left out of the softmax there: it is
neither wrong nor right, and what a circle looks like is learned from questions that may have it. "Yes" stays in, and is
wrong: no question that begins with "what shape" ever has it. After training every answer counts.

Source: the product of experts of Clark, Yatskar and Zettlemoyer 2019, "Don't take the easy way out", section 3.2.1. Differs
from the paper: its second expert is a trained blind model; here it is the list of what each question ever had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor


class LanguagePrior:
    """Which answers each question ever had, and which its kind: the questions that begin with the same two words.

    Args:
        questions, answers: of the training data, one answer for each question. choices: all answers, in the model's order.
    """

    def __init__(self, questions: Sequence[str], answers: Sequence[str], choices: Sequence[str]) -> None:
        self.numbers = {answer: number for number, answer in enumerate(choices)}
        self.by_question: dict[str, set[int]] = defaultdict(set)
        self.by_kind: dict[str, set[int]] = defaultdict(set)
        for question, answer in zip(questions, answers, strict=True):
            self.by_question[question].add(self.numbers[answer])
            self.by_kind[_kind(question)].add(self.numbers[answer])

    def mask(self, questions: Sequence[str], targets: Tensor) -> Tensor:
        """(B, number of choices) bool, True for the answers that are in the softmax.

        They are all of them for a question that was never met. targets (B,) int64, the true answers, are always in.
        """
        mask = torch.ones(len(questions), len(self.numbers), dtype=torch.bool)
        for row, question in zip(mask, questions, strict=True):
            if question in self.by_question:
                row[sorted(self.by_kind[_kind(question)] - self.by_question[question])] = False
        return mask.to(targets.device).scatter(1, targets[:, None], True)


def _kind(question: str) -> str:
    return " ".join(question.split()[:2])
