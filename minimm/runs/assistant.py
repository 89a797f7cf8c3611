"""`minimm train assistant` and `minimm chat`: one model for all jobs, measured after each stage, against chance and by job."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.instruction_jobs import JOBS, RECORDED, STORED
from minimm.datasets.instructions import Instructions
from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.errors import check
from minimm.features.speech_synthesis import find_synthesizer
from minimm.files import write_text
from minimm.runs.report import finish, training_results
from minimm.tasks.answering.assistant_presets import Stage
from minimm.tasks.answering.multimodal_assistant import MultimodalAssistant
from minimm.tasks.seeds import EVALUATION_SEED

STAGE_EXAMPLES = 200  # of each job, after each stage; at the end it is `EVALUATION_EXAMPLES`
SAMPLES = 4  # of each job


def train_assistant(
    jobs: Sequence[str],
    out: Path,
    *,
    encoders: dict[str, Path],
    start: Path | None,
    speech: str,
    preset: str,
    seed: int,
    device: str,
    resume: bool,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on `jobs`; write the model, results.json, samples and figures into `out`.

    Without `jobs` a new assistant learns all but the spoken questions, and one that goes on from `start` learns those as well.
    """
    started = time.monotonic()
    jobs = list(jobs or default_jobs(start))
    data, test, held_out = (MultimodalInstructions(jobs, split, speech) for split in ("train", "test", "held_out"))
    task = MultimodalAssistant(preset, seed=seed, device=device, **options)
    stages: dict[str, Any] = {}
    history: list[dict[str, float]] = []

    def measure(stage: Stage) -> None:
        """What the model can do now; after the stage of words, what it can do with words."""
        scores = task.evaluate(test, count=STAGE_EXAMPLES, change=Instructions.in_words if stage.told else None)
        stages[stage.name] = {
            "steps": task.training.steps,
            "training_seconds": round(task.training.seconds, 1),
            **scores,
        }
        print(", ".join(f"{job} {value:.3f}" for job, found in scores.items() for value in found.values()))
        before = history[-1]["step"] if history else 0
        history.extend({**entry, "step": entry["step"] + before} for entry in task.training.history)

    limits = {"max_seconds": max_seconds, "max_steps": max_steps, "folder": out, "resume": resume}
    task.fit(data, encoders=encoders, start=start, after_stage=measure, **limits)
    results = training_results(task) | {
        "steps": sum(stage["steps"] for stage in stages.values()),
        "training_seconds": sum(stage["training_seconds"] for stage in stages.values()),
        "stages": stages,
    }
    results |= task.evaluate(test)
    for suffix, scores in (
        ("held_out", task.evaluate(held_out, jobs=[job for job in jobs if job not in STORED])),
        ("chance", task.evaluate(test, change=Instructions.exchanged)),
        (
            "typed",
            task.evaluate(test, jobs=[job for job in jobs if job == "spoken_questions"], change=Instructions.typed),
        ),
    ):
        for job, found in scores.items():
            results[job] |= {f"{name}_{suffix}": value for name, value in found.items()}
    write_samples(task, test, out)
    draw_assistant(task, test, history, stages, out / "figures")
    return finish(results, started, out)


def default_jobs(start: Path | None) -> Sequence[str]:
    """What is learned when nothing else is asked for; says why spoken questions are left out where nothing can speak."""
    if start is None or find_synthesizer() is not None:
        return RECORDED if start is None else tuple(JOBS)
    print("spoken questions are left out: espeak-ng, which would speak them, is not installed")
    return RECORDED


def chat(
    prompt: str,
    model: Path,
    *,
    images: Sequence[Path],
    audio: Sequence[Path],
    video: Sequence[Path],
    figure: Path | None,
    device: str,
) -> None:
    """Print the answer, and draw where each of its words looked; with several media, one figure for each."""
    given = {"images": images, "audio": audio, "video": video}
    check(
        figure is None or any(given.values()),
        "--figure draws where the model looked, but nothing was given that could be looked at; give a picture, a recording or "
        "a clip, or leave --figure away",
    )
    task = MultimodalAssistant.load(model, device=device)
    answer = task.chat(prompt, **given)
    print(answer)
    if figure is not None:
        from minimm.plots.style import save_figure

        attended = task.attend(prompt, answer=answer, **given)
        for number, found in enumerate(attended, start=1):
            name = figure if len(attended) == 1 else figure.with_stem(f"{figure.stem}_{number}")
            save_figure(found.plot(), name)


def write_samples(task: MultimodalAssistant, data: MultimodalInstructions, out: Path) -> None:
    """A few unseen examples of each job: what was asked, what was answered, what would have been right."""
    lines = []
    for job in data.jobs:
        examples = data.draw(job, SAMPLES, torch.Generator().manual_seed(EVALUATION_SEED + 99))
        for prompt, told, answer, right in zip(
            examples.prompts, examples.told, task.answer_all(examples), examples.answers, strict=True
        ):
            verdict = "right" if answer == right else f"should be: {right}"
            lines.append(f"{prompt}   [{' | '.join(told)}]\n    {answer}   ({verdict})")
    write_text(out / "samples.txt", "\n".join(lines) + "\n")


def draw_assistant(
    task: MultimodalAssistant,
    data: MultimodalInstructions,
    history: list[dict[str, float]],
    stages: dict[str, Any],
    folder: Path,
) -> None:
    """Figures: the loss over all stages, what each stage taught, and where the words of an answer looked."""
    from minimm.plots.loss import loss_curves
    from minimm.plots.stages import stage_scores
    from minimm.plots.style import save_figure

    title = "Assistant: " + ", then ".join(stages)
    uniform = math.log(task.tokenizer.vocab_size)
    save_figure(loss_curves(history, title, uniform_loss=uniform), folder / "assistant_loss.png")
    scores = {
        name: {job: next(iter(found.values())) for job, found in stage.items() if isinstance(found, dict)}
        for name, stage in stages.items()
    }
    title = "What each stage taught" + " (after text: with words in place of all media)" * ("text" in scores)
    save_figure(stage_scores(scores, title), folder / "assistant_stages.png")
    for job, modality, argument in (("captions", "image", "images"), ("clips", "video", "video")):
        if job not in data.jobs:
            continue
        examples = data.draw(job, 8, torch.Generator().manual_seed(EVALUATION_SEED + 98))
        longest = max(range(len(examples)), key=lambda row: len(examples.answers[row]))
        shown = [examples.media[modality][0][longest].numpy()]
        answer = task.chat(examples.prompts[longest], **{argument: shown}) or examples.answers[longest]
        (attended,) = task.attend(examples.prompts[longest], answer=answer, **{argument: shown})
        save_figure(attended.plot(), folder / f"assistant_{job}.png")
