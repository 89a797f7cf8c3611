"""`minimm train captioner` and `minimm caption`: learn to describe pictures, measure it, draw where the model looked."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.coco_captions import CocoCaptions, evenly
from minimm.datasets.coco_layouts import splits_of
from minimm.datasets.emoji_scenes import EmojiScenes
from minimm.datasets.folders import find_folder
from minimm.datasets.shapes import Scenes, Shapes
from minimm.errors import check
from minimm.files import write_text
from minimm.runs.report import finish, training_results
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.text.translator import Translator
from minimm.tasks.writing.image_captioner import ImageCaptioner
from minimm.tasks.writing.pivot_captioner import PivotCaptioner

# Name -> preset: scenes that are drawn on the fly.
SCENES = {"shapes": "tiny", "emoji-scenes": "scenes"}
EVALUATION_SCENES = 500
EVALUATION_PICTURES = 1_000  # of the split "val" of a folder
SAMPLES = 16


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
    max_pictures: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on scenes (a name of `SCENES`) or a COCO folder; write the model, results.json, samples and figures into `out`."""
    started = time.monotonic()
    task = ImageCaptioner(preset or SCENES.get(data, "small"), seed=seed, device=device, **options)
    size = task.preset.image_size
    limits = {"max_seconds": max_seconds, "max_steps": max_steps, "folder": out, "resume": resume}
    if data in SCENES:
        task.fit(open_scenes(data, "train", size, task.language), **limits)
        results = scene_results(task, data)
        scenes = evaluation_scenes("validation", size, data, task.language)
        images, references = scenes.images, [[caption] for caption in scenes.captions]
    else:
        dataset = CocoCaptions(data, size, max_pictures=max_pictures)
        print(dataset.report)
        task.fit(dataset, **limits)
        if "val" in splits_of(find_folder(data)):
            measured = CocoCaptions(data, size, split="val", max_pictures=EVALUATION_PICTURES)
            scores = task.evaluate(measured, seed=None)
        else:
            measured, scores = dataset, task.evaluate(dataset)
        results = training_results(task) | scores | {"num_pictures": len(dataset)}
        images, references = pictures_of(measured)
    write_samples(task, images[:SAMPLES], references, out)
    draw_captioner(task, images, references, out / "figures")
    return finish(results, started, out)


def caption_pictures(
    pictures: list[Path], model: Path, *, translator: Path | None, figure: Path | None, num_beams: int, device: str
) -> None:
    """Print a caption for each picture, translated if there is a translator, and draw where the model looked into `figure`."""
    check(figure is None or len(pictures) == 1, f"--figure draws one picture, but {len(pictures)} were given")
    task = ImageCaptioner.load(model, device=device)
    pivot = None if translator is None else PivotCaptioner(task, Translator.load(translator, device=device))
    captions = task.generate_captions(pictures, num_beams=num_beams)
    shown = captions if pivot is None else pivot.translate(captions, num_beams=num_beams)
    for picture, caption in zip(pictures, shown, strict=True):
        print(caption if len(pictures) == 1 else f"{picture}: {caption}")
    if figure is not None:
        from minimm.plots.style import save_figure

        save_figure(task.attend(pictures[0], captions[0]).plot(), figure)


def open_scenes(data: str, split: str, image_size: int, language: str = "en") -> Shapes | EmojiScenes:
    """The source of scenes of that name in `SCENES`."""
    if data == "shapes":
        return Shapes(split, image_size, language=language)
    check(
        language == "en", f"emoji scenes are described in English, not in {language!r}; choose --data shapes for that"
    )
    return EmojiScenes(split, image_size)


def evaluation_scenes(split: str, image_size: int, data: str = "shapes", language: str = "en") -> Scenes:
    """Scenes that were never trained on: from the training distribution, or with held-out pairs alone."""
    generator = torch.Generator().manual_seed(EVALUATION_SEED)
    return open_scenes(data, split, image_size, language).draw(EVALUATION_SCENES, generator)


def scene_results(task: ImageCaptioner, data: str = "shapes") -> dict[str, Any]:
    """Scores on unseen scenes and, with `_held_out`, on scenes of pairs never seen together."""
    size = task.require_model().encoder.config.image_size
    results = training_results(task) | task.evaluate(evaluation_scenes("validation", size, data, task.language))
    held_out = task.evaluate(evaluation_scenes("held_out", size, data, task.language))
    return results | {f"{name}_held_out": value for name, value in held_out.items()}


def pictures_of(dataset: CocoCaptions) -> tuple[torch.Tensor, list[list[str]]]:
    """Some pictures from all over a folder, with their captions."""
    chosen = evenly(list(range(len(dataset))), SAMPLES)
    return dataset.batch(chosen), [dataset.captions[index] for index in chosen]


def write_samples(task: ImageCaptioner, images: torch.Tensor, references: list[list[str]], out: Path) -> None:
    """samples.txt: for each picture what was written and what is true."""
    written = task.generate_captions(images)
    lines = [
        f"{'right' if caption in truth else 'wrong'}  {caption}\n{'true':>5}  {truth[0]}\n"
        for caption, truth in zip(written, references, strict=False)
    ]
    write_text(out / "samples.txt", "\n".join(lines))


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
