"""What is learned from when questions about pictures are answered: any data set as a function that draws a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from minimm.datasets.picture_questions import PictureQuestions
from minimm.datasets.scene_questions import QuestionedScenes, SceneQuestions
from minimm.errors import MinimmError
from minimm.features.image import augment_images
from minimm.tasks.seeds import VALIDATION_SEED

VALIDATION_SCENES = 512  # looked at during training
VOCABULARY_QUESTIONS = 20_000  # how many are read to learn the words, and which answers each question has
Asked = tuple[Tensor, list[str], list[str]]  # images (B, 3, S, S), questions, answers
QuestionData = SceneQuestions | PictureQuestions | str | Path


@dataclass
class QuestionSource:
    """`draw(count, generator)` gives a training batch; `validation` is None where there is too little to keep some back."""

    draw: Callable[[int, torch.Generator], Asked]
    validation: Asked | None
    questions: list[str]  # to learn the words from, and how questions are answered
    answers: list[str]  # to each of them
    choices: list[str]  # every answer there is, sorted


def question_source(dataset: QuestionData, image_size: int) -> QuestionSource:
    """How to draw from scenes, or from a folder, whose pictures are shifted, scaled and recoloured anew each time."""
    if isinstance(dataset, str | Path):
        dataset = PictureQuestions(dataset, image_size)
    if isinstance(dataset, SceneQuestions):
        words = dataset.draw(VOCABULARY_QUESTIONS, torch.Generator().manual_seed(VALIDATION_SEED + 1))
        validation = asked(dataset.draw(VALIDATION_SCENES, torch.Generator().manual_seed(VALIDATION_SEED)))
        return QuestionSource(
            lambda count, generator: asked(dataset.draw(count, generator)),
            validation,
            words.questions,
            words.answers,
            sorted(set(words.answers)),
        )
    if not isinstance(dataset, PictureQuestions):
        raise MinimmError(
            f"cannot learn to answer from {type(dataset).__name__}; give SceneQuestions, PictureQuestions or a folder's path"
        )
    kept, kept_back = dataset.split()

    def draw(count: int, generator: torch.Generator) -> Asked:
        chosen = torch.randint(len(kept), (count,), generator=generator)
        return questions_of(dataset, [kept[i] for i in chosen.tolist()], generator)

    validation = questions_of(dataset, kept_back, torch.Generator().manual_seed(VALIDATION_SEED)) if kept_back else None
    questions, answers = ([column[i] for i in kept] for column in (dataset.questions, dataset.answers))
    return QuestionSource(draw, validation, questions, answers, sorted(set(dataset.answers)))


def questions_of(dataset: PictureQuestions, numbers: list[int], generator: torch.Generator) -> Asked:
    """These questions of a folder, their pictures freshly shifted, scaled and recoloured."""
    images = augment_images(dataset.batch(numbers), generator)
    return images, [dataset.questions[i] for i in numbers], [dataset.answers[i] for i in numbers]


def asked(scenes: QuestionedScenes) -> Asked:
    """What a batch of scenes shows, asks and answers."""
    return scenes.images, scenes.questions, scenes.answers
