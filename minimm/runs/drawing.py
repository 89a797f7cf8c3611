"""`minimm train text-to-image` and `minimm draw`: learn to draw from captions, in two stages, with a rule as the judge."""

from __future__ import annotations

import math
import time
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.shapes import Scenes
from minimm.features.image import to_pil
from minimm.files import write_atomically, write_text
from minimm.interpretation.scene_checker import check_drawings
from minimm.interpretation.scene_reader import read_scenes
from minimm.runs.captioner import EVALUATION_SCENES, SCENES, evaluation_scenes, open_scenes, pictures_of
from minimm.runs.report import finish, training_results
from minimm.tasks.drawing.text_to_image_generator import TextToImageGenerator
from minimm.tasks.seeds import EVALUATION_SEED

SAMPLES = 24
JUDGED = "shapes"  # the data whose drawings `scene_checker` can judge
PART = 1_000  # scenes drawn at once where few of them are kept
UNSEEN_SHARE = 10  # one caption in so many is never trained on: a test of `accuracy` consists of such captions alone


def train_text_to_image(
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
    """Train on scenes (a name of `captioner.SCENES`) or a COCO folder; write the model, results.json, samples and figures."""
    started = time.monotonic()
    task = TextToImageGenerator(preset or ("tiny" if data == JUDGED else "small"), seed=seed, device=device, **options)
    size = task.preset.image_size
    limits = {"max_seconds": max_seconds, "max_steps": max_steps, "folder": out, "resume": resume}
    if data in SCENES:
        task.fit(open_scenes(data, "train", size), leave_out=is_unseen, **limits)
        scenes = unseen_scenes(data, size)
        results = drawing_results(task) | task.evaluate(scenes, judged=data == JUDGED)
        held_out = task.evaluate(evaluation_scenes("held_out", size, data), judged=data == JUDGED)
        results |= {f"{name}_held_out": value for name, value in held_out.items()}
        images, captions = scenes.images, scenes.captions
    else:
        dataset = CocoCaptions(data, size)
        print(dataset.report)
        task.fit(dataset, **limits)
        results = drawing_results(task) | task.evaluate(dataset)
        images, references = pictures_of(dataset)
        captions = [reference[0] for reference in references]
    drawn = task.draw_all(captions[:SAMPLES])
    write_drawing_samples(drawn, captions[:SAMPLES], out, judged=data == JUDGED)
    draw_text_to_image(task, images, drawn, captions[:SAMPLES], out / "figures", judged=data == JUDGED)
    return finish(results, started, out)


def draw_pictures(
    caption: str,
    model: Path,
    out: Path,
    *,
    num_images: int,
    seed: int,
    device: str,
    enlarge: int,
    **options: Any,
) -> None:
    """Draw a caption, side by side where there are several, each pixel `enlarge` pixels wide, into the PNG file `out`."""
    task = TextToImageGenerator.load(model, device=device)
    pictures = torch.from_numpy(task.draw(caption, num_images=num_images, seed=seed, **options))
    side_by_side = torch.cat(list(pictures), dim=2)  # (3, S, num_images * S)
    large = side_by_side.repeat_interleave(enlarge, dim=1).repeat_interleave(enlarge, dim=2)
    write_atomically(out, lambda path: to_pil(large).save(path, format="PNG"))
    print(f"{num_images} drawn: {out}")


def is_unseen(caption: str) -> bool:
    """Whether a caption is kept from training; its checksum decides, so it is the same for every seed and machine."""
    return zlib.crc32(caption.encode("utf-8")) % UNSEEN_SHARE == 0


def unseen_scenes(data: str, image_size: int) -> Scenes:
    """As many scenes as `captioner.evaluation_scenes` has, from the training distribution, with unseen captions alone."""
    generator, source = torch.Generator().manual_seed(EVALUATION_SEED), open_scenes(data, "validation", image_size)
    unseen = Scenes(torch.empty(0, 3, image_size, image_size), [], [])
    while len(unseen.captions) < EVALUATION_SCENES:
        part = source.draw(PART, generator)
        kept = [index for index, caption in enumerate(part.captions) if is_unseen(caption)]
        unseen.images = torch.cat([unseen.images, part.images[kept]])[:EVALUATION_SCENES]
        unseen.captions = (unseen.captions + [part.captions[index] for index in kept])[:EVALUATION_SCENES]
        unseen.objects = (unseen.objects + [part.objects[index] for index in kept])[:EVALUATION_SCENES]
    return unseen


def drawing_results(task: TextToImageGenerator) -> dict[str, Any]:
    """What the two training runs say."""
    first, uniform = task.tokenizer_training, math.log(task.require_model().config.tokenizer.num_codes)
    return training_results(task) | {
        "tokenizer_steps": first.steps,
        "tokenizer_seconds": round(first.seconds, 1),
        "uniform_loss": uniform,
    }


def write_drawing_samples(drawn: Tensor, captions: list[str], out: Path, *, judged: bool) -> None:
    """samples.txt: each caption and, where the checker can read the drawing, what it found there."""
    found = read_scenes(drawn) if judged else [[] for _ in captions]
    lines = [
        f"{caption}\n" + "".join(f"  found: {item.size} {item.colour} {item.shape}\n" for item in objects)
        for caption, objects in zip(captions, found, strict=True)
    ]
    write_text(out / "samples.txt", "\n".join(lines))


def draw_text_to_image(
    task: TextToImageGenerator, images: Tensor, drawn: Tensor, captions: list[str], folder: Path, *, judged: bool
) -> None:
    """Figures of both stages: pictures and what their ids say, the use of the codes; the loss, captions and drawings."""
    from minimm.plots.codebook import codebook_bars
    from minimm.plots.loss import loss_curves
    from minimm.plots.pictures import picture_grid
    from minimm.plots.style import save_figure

    shown = images[:4]
    pairs = torch.cat([shown, task.reconstruct_all(shown)])
    labels = ["picture"] * len(shown) + [f"from {task.model.config.tokenizer.num_tokens} ids"] * len(shown)
    title = "Pictures, and what their ids still say"
    save_figure(picture_grid(pairs.numpy(), labels, columns=len(shown), title=title), folder / "reconstructions.png")
    save_figure(codebook_bars(task.count_codes(images)), folder / "codebook.png")
    uniform = math.log(task.model.config.tokenizer.num_codes)
    curves = loss_curves(task.training.history, "Text to image: the ids of a picture", uniform_loss=uniform)
    save_figure(curves, folder / "text_to_image_loss.png")
    correct = [verdict.objects for verdict in check_drawings(drawn, captions)] if judged else None
    title = "Captions and drawings"
    save_figure(picture_grid(drawn.numpy(), captions, correct, columns=6, title=title), folder / "drawings.png")
