"""What `minimm train ...` and `minimm caption` do: train or open a model, measure it, print a table, write the files."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.shapes import Scenes, Shapes
from minimm.datasets.text_corpus import read_corpus
from minimm.errors import check
from minimm.files import write_json, write_text
from minimm.models.language_model import num_parameters
from minimm.tasks.image_captioner import ImageCaptioner
from minimm.tasks.task import Task
from minimm.tasks.text_generator import TextGenerator

EVALUATION_SCENES = 500
EVALUATION_SEED = 7_654_321  # scenes that no training or validation draws


def train_language_model(
    paths: list[Path],
    out: Path,
    *,
    preset: str,
    seed: int,
    device: str,
    resume: bool,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on text files or folders; write the model, results.json, samples.txt and figures into `out`."""
    started = time.monotonic()
    text = read_corpus(*paths)
    task = TextGenerator(preset, seed=seed, device=device, **options)
    task.fit(text, max_seconds=max_seconds, max_steps=max_steps, folder=out, resume=resume)
    results = language_model_results(task)
    write_samples(task, out)
    draw_language_model(task, out / "figures", results["uniform_loss"])
    return finish(results, started, out)


def train_captioner(
    data: str,
    out: Path,
    *,
    preset: str | None,
    seed: int,
    device: str,
    resume: bool,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on drawn scenes ("shapes") or a COCO folder; write the model, results.json and figures into `out`."""
    started = time.monotonic()
    is_shapes = data == "shapes"
    preset = preset or ("tiny" if is_shapes else "small")
    task = ImageCaptioner(preset, seed=seed, device=device, **options)
    size = task.preset.image_size
    dataset = Shapes(image_size=size) if is_shapes else CocoCaptions(data, image_size=size)
    if not is_shapes:
        print(dataset.report)
    task.fit(dataset, max_seconds=max_seconds, max_steps=max_steps, folder=out, resume=resume)
    if is_shapes:
        results = scene_results(task)
        examples = evaluation_scenes("validation", size)
        draw_captioner(task, examples.images, [[caption] for caption in examples.captions], out / "figures")
    else:
        results = training_results(task) | task.evaluate(dataset)
        results["num_pictures"] = len(dataset)
        shown = torch.linspace(0, len(dataset) - 1, min(8, len(dataset))).long().tolist()  # from all over the folder
        draw_captioner(task, dataset.batch(shown), [dataset.captions[index] for index in shown], out / "figures")
    return finish(results, started, out)


def caption_pictures(pictures: list[Path], model: Path, *, figure: Path | None, num_beams: int, device: str) -> None:
    """Print a caption for each picture, and draw where the model looked into `figure`."""
    check(figure is None or len(pictures) == 1, f"--figure draws one picture, but {len(pictures)} were given")
    task = ImageCaptioner.load(model, device=device)
    captions = task.generate_captions(pictures, num_beams=num_beams)
    for picture, caption in zip(pictures, captions, strict=True):
        print(caption if len(pictures) == 1 else f"{picture}: {caption}")
    if figure is not None:
        from minimm.plots.style import save_figure

        save_figure(task.attend(pictures[0], captions[0]).plot(), figure)


def training_results(task: Task) -> dict[str, Any]:
    """What the training run itself says."""
    training = task.training
    return {
        "steps": training.steps,
        "best_step": training.best_step,
        "training_seconds": round(training.seconds, 1),
        "parameters": num_parameters(task.require_model()),
        "device": str(task.device),
    }


def language_model_results(task: TextGenerator) -> dict[str, Any]:
    """The losses over the whole validation text, trained and untrained, beside that of a uniform guess (ln V)."""
    trained = task.evaluate(task.validation_text)
    return {
        "validation_loss": trained["loss"],
        "validation_loss_untrained": task.untrained().evaluate(task.validation_text)["loss"],
        "validation_perplexity": trained["perplexity"],
        "validation_bits_per_byte": trained["bits_per_byte"],
        "uniform_loss": math.log(task.tokenizer.vocab_size),
        "vocab_size": task.tokenizer.vocab_size,
        **training_results(task),
    }


def evaluation_scenes(split: str, image_size: int) -> Scenes:
    """Scenes that were never trained on: from the training distribution, or with held-out pairs alone."""
    return Shapes(split, image_size).draw(EVALUATION_SCENES, torch.Generator().manual_seed(EVALUATION_SEED))


def scene_results(task: ImageCaptioner) -> dict[str, Any]:
    """Scores on unseen scenes and, with `_held_out`, on scenes of colour-shape pairs never seen together."""
    size = task.require_model().encoder.config.image_size
    results = training_results(task) | task.evaluate(evaluation_scenes("validation", size))
    held_out = task.evaluate(evaluation_scenes("held_out", size))
    return results | {f"{name}_held_out": value for name, value in held_out.items()}


def write_samples(task: TextGenerator, out: Path, prompts: tuple[str, ...] | None = None) -> str:
    """Texts that the model wrote, with what they continue; returned, and written to `samples.txt`."""
    context = task.require_model().config.context_length
    samples = []
    for prompt in (task.opening,) if prompts is None else prompts:
        for temperature in (0.5, 0.8):
            text = task.generate(prompt, max_new_tokens=2 * context, temperature=temperature)
            samples.append(f"--- prompt {prompt!r}, temperature {temperature}\n{text.strip()}\n")
    write_text(out / "samples.txt", "\n".join(samples))
    return "\n".join(samples)


def draw_language_model(task: TextGenerator, folder: Path, uniform_loss: float) -> None:
    """Figures: the loss over training, and where each token looks."""
    from minimm.plots.loss import loss_curves
    from minimm.plots.style import save_figure

    save_figure(
        loss_curves(task.training.history, "Language model", uniform_loss=uniform_loss),
        folder / "language_model_loss.png",
    )
    save_figure(task.attend(task.opening).plot(), folder / "language_model_attention.png")


def draw_captioner(task: ImageCaptioner, images: torch.Tensor, references: list[list[str]], folder: Path) -> None:
    """Figures: the loss over training, pictures with their captions, and where the model looked for each word."""
    from minimm.plots.caption import caption_strip
    from minimm.plots.loss import loss_curves
    from minimm.plots.pictures import picture_grid
    from minimm.plots.style import save_figure

    uniform = math.log(task.tokenizer.vocab_size)
    save_figure(
        loss_curves(task.training.history, "Image captioner", uniform_loss=uniform), folder / "captioner_loss.png"
    )
    shown = images[:8]
    captions = task.generate_captions(shown)
    correct = [caption in truth for caption, truth in zip(captions, references, strict=False)]
    save_figure(picture_grid(shown.numpy(), captions, correct), folder / "captions.png")
    longest = max(range(len(captions)), key=lambda i: len(captions[i].split()))
    caption = captions[longest] or references[longest][0]  # a model that has hardly learned may write nothing
    attended = task.attend(shown[longest].numpy(), caption)
    save_figure(caption_strip(attended.image, attended.words, attended.maps), folder / "captioner_attention.png")


def finish(results: dict[str, Any], started: float, out: Path) -> dict[str, Any]:
    """Add the seconds, write results.json, print the table; returns the results."""
    results["seconds"] = round(time.monotonic() - started, 1)
    write_json(out / "results.json", results)
    print_table(results)
    print(f"everything is in {out}")
    return results


def print_table(results: dict[str, Any], prefix: str = "") -> None:
    """One line for each result."""
    for name, value in results.items():
        if isinstance(value, dict):
            print_table(value, f"{prefix}{name}.")
        else:
            shown = f"{value:.4f}" if isinstance(value, float) else str(value)
            print(f"  {prefix + name:<42} {shown}")
