"""`minimm train captioner` and `minimm caption`: learn to describe pictures, measure it, draw where the model looked."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.shapes import Scenes, Shapes
from minimm.errors import check
from minimm.runs.report import finish, training_results
from minimm.tasks.image_captioner import ImageCaptioner

EVALUATION_SCENES = 500
EVALUATION_SEED = 7_654_321  # scenes that no training or validation draws


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


def evaluation_scenes(split: str, image_size: int) -> Scenes:
    """Scenes that were never trained on: from the training distribution, or with held-out pairs alone."""
    return Shapes(split, image_size).draw(EVALUATION_SCENES, torch.Generator().manual_seed(EVALUATION_SEED))


def scene_results(task: ImageCaptioner) -> dict[str, Any]:
    """Scores on unseen scenes and, with `_held_out`, on scenes of colour-shape pairs never seen together."""
    size = task.require_model().encoder.config.image_size
    results = training_results(task) | task.evaluate(evaluation_scenes("validation", size))
    held_out = task.evaluate(evaluation_scenes("held_out", size))
    return results | {f"{name}_held_out": value for name, value in held_out.items()}


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
