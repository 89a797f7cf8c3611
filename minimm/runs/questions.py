"""`minimm train visual-question-answerer` and `minimm answer`: learn to answer about pictures, measure it beside what can be
had without the picture or without the question, draw where the model looked.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.picture_questions import PictureQuestions
from minimm.datasets.scene_questions import RELATION_SHARE, QuestionedScenes, SceneQuestions
from minimm.files import write_text
from minimm.runs.report import finish, training_results
from minimm.tasks.answering.visual_question_answerer import VisualQuestionAnswerer
from minimm.tasks.seeds import EVALUATION_SEED

DRAWN = "scenes"  # the name of scenes that are drawn on the fly
EVALUATION_SCENES = 2_000
SEEN_QUESTIONS = 20_000  # how many of training's are counted for the accuracy of who may not look
SAMPLES = 40
BLANKED = {"text_only": "image", "image_only": "question"}  # name of each baseline -> what it does not get to see


def train_question_answerer(
    data: str,
    out: Path,
    *,
    preset: str,
    seed: int,
    device: str,
    resume: bool,
    baselines: bool = False,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on drawn scenes ("scenes") or a folder; write the model, results.json, samples and figures into `out`.

    With `baselines`, two more models are trained in the same way into folders of their own, one that never sees a picture
    and one that never sees a question.
    """
    started = time.monotonic()

    def train(blank: str | None, folder: Path) -> VisualQuestionAnswerer:
        task = VisualQuestionAnswerer(preset, blank=blank, seed=seed, device=device, **options)
        return task.fit(dataset, max_seconds=max_seconds, max_steps=max_steps, folder=folder, resume=resume)

    size = VisualQuestionAnswerer(preset, **options).preset.image_size
    dataset = SceneQuestions("train", size, RELATION_SHARE) if data == DRAWN else PictureQuestions(data, size)
    if isinstance(dataset, PictureQuestions):
        print(dataset.report)
    task = train(None, out)
    results = training_results(task) | scores(task, dataset)
    for name, blank in BLANKED.items() if baselines else ():
        print(f"the same without the {blank}:")
        blind = scores(train(blank, out / name), dataset)
        for ending in ("", "_held_out"):
            if f"accuracy{ending}" in blind:
                results[f"accuracy_{name}{ending}"] = blind[f"accuracy{ending}"]
    images, questions, answers = shown(dataset)
    given = task.answer_all(images, questions)
    rows = zip(questions, given, answers, strict=True)
    write_text(
        out / "samples.txt",
        "".join(f"{q}: {a}" + ("\n" if a == truth else f"   (wrong: {truth})\n") for q, a, truth in rows),
    )
    draw_question_answerer(task, images, questions, given, answers, out / "figures")
    return finish(results, started, out)


def answer_question(picture: Path, question: str, model: Path, *, figure: Path | None, k: int, device: str) -> None:
    """Print the `k` likeliest answers, and draw where the model looked for each word into `figure`."""
    task = VisualQuestionAnswerer.load(model, device=device)
    row = task.probabilities([picture], [question])[0]
    best = row.topk(min(k, len(row)))
    for probability, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        print(f"{task.answers[index]}  ({probability:.0%})")
    if figure is not None:
        from minimm.plots.style import save_figure

        save_figure(task.attend(picture, question).plot(), figure)


def scores(task: VisualQuestionAnswerer, dataset: SceneQuestions | PictureQuestions) -> dict[str, float]:
    """Accuracy on what was not learned from and, of scenes, with `_held_out` on pairs never seen together; and by chance."""
    if isinstance(dataset, PictureQuestions):
        return task.evaluate(dataset, dataset)
    seen = dataset.draw(SEEN_QUESTIONS, torch.Generator().manual_seed(EVALUATION_SEED + 1))
    results = task.evaluate(evaluation_scenes("validation", dataset.image_size), seen)
    held_out = task.evaluate(evaluation_scenes("held_out", dataset.image_size), seen)
    return results | {f"{name}_held_out": value for name, value in held_out.items()}


def evaluation_scenes(split: str, image_size: int) -> QuestionedScenes:
    """Scenes that were never trained on: like those of training, or of held-out pairs alone."""
    return SceneQuestions(split, image_size).draw(EVALUATION_SCENES, torch.Generator().manual_seed(EVALUATION_SEED))


def shown(dataset: SceneQuestions | PictureQuestions) -> tuple[torch.Tensor, list[str], list[str]]:
    """Pictures, questions and answers for the samples and figures: unseen scenes, or from all over the folder."""
    if isinstance(dataset, SceneQuestions):
        scenes = evaluation_scenes("validation", dataset.image_size)
        return scenes.images[:SAMPLES], scenes.questions[:SAMPLES], scenes.answers[:SAMPLES]
    numbers = torch.linspace(0, len(dataset) - 1, min(SAMPLES, len(dataset))).long().tolist()
    return dataset.batch(numbers), [dataset.questions[i] for i in numbers], [dataset.answers[i] for i in numbers]


def draw_question_answerer(
    task: VisualQuestionAnswerer,
    images: torch.Tensor,
    questions: list[str],
    given: list[str],
    answers: list[str],
    folder: Path,
) -> None:
    """Figures: the loss over training, pictures with questions and answers, where the model looked for each word."""
    from minimm.plots.loss import loss_curves
    from minimm.plots.pictures import picture_grid
    from minimm.plots.style import save_figure

    title, uniform = "Visual question answerer", math.log(len(task.answers))
    save_figure(loss_curves(task.training.history, title, uniform_loss=uniform), folder / "answerer_loss.png")
    texts = [f"{question}:\n{answer}" for question, answer in zip(questions, given, strict=True)]
    right = [answer == truth for answer, truth in zip(given, answers, strict=True)]
    grid = picture_grid(images[:8].numpy(), texts[:8], right[:8], title="Questions and answers")
    save_figure(grid, folder / "answers.png")
    if task.preset.fusion != "late_concatenation":  # which does not look
        longest = max(range(len(questions)), key=lambda i: len(questions[i].split()))
        save_figure(task.attend(images[longest].numpy(), questions[longest]).plot(), folder / "answerer_attention.png")
