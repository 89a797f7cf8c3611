"""`minimm train retriever` and `minimm retrieve`: one space for pictures, sounds and texts, measured and searched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.coco_layouts import splits_of
from minimm.datasets.folders import find_folder
from minimm.datasets.shapes import Scenes
from minimm.datasets.three_way_digits import ThreeWayDigits
from minimm.features.image import augment_images
from minimm.runs.captioner import EVALUATION_PICTURES, SCENES, open_scenes
from minimm.runs.report import finish, training_results
from minimm.runs.retrieval_answers import digit_answers, draw_alignment, picture_answers, write_answers
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever
from minimm.tasks.seeds import EVALUATION_SEED

EVALUATION_SCENES = 256
CANDIDATES = 4 * EVALUATION_SCENES  # scenes drawn to find so many with different captions


def train_retriever(
    data: str,
    out: Path,
    *,
    recordings: str,
    preset: str | None,
    seed: int,
    device: str,
    resume: bool,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    max_pictures: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on scenes (a name of `SCENES`), "digits" or a COCO folder; write the model, results, samples and figures."""
    started = time.monotonic()
    known = {**dict.fromkeys(SCENES, "tiny"), "digits": "digits"}
    task = CrossModalRetriever(preset or known.get(data, "small"), seed=seed, device=device, **options)
    limits = {"max_seconds": max_seconds, "max_steps": max_steps, "folder": out, "resume": resume}
    size = task.preset.image_size
    if data == "digits":
        task.fit(ThreeWayDigits("train", recordings, size, task.sample_rate), **limits)
        unseen = ThreeWayDigits("test", recordings, size, task.sample_rate)
        results = task.evaluate(unseen)
        answers = digit_answers(task, unseen)
    elif data in SCENES:
        task.fit(open_scenes(data, "train", size), **limits)
        unseen = distinct_scenes(data, "validation", size)
        held_out = task.evaluate(distinct_scenes(data, "held_out", size))
        results = task.evaluate(unseen) | {f"{name}_held_out": value for name, value in held_out.items()}
        answers = picture_answers(task, unseen.images, unseen.captions)
    else:
        dataset = CocoCaptions(data, size, max_pictures=max_pictures)
        print(dataset.report)
        task.fit(dataset, **limits)
        if "val" in splits_of(find_folder(data)):
            where, measured = "val", CocoCaptions(data, size, split="val", max_pictures=EVALUATION_PICTURES)
            results, images = task.evaluate(measured, seed=None), measured.batch(range(len(measured)))
        else:
            where, measured, results = "training", dataset, task.evaluate(dataset)
            images = augment_images(dataset.batch(range(len(dataset))), torch.Generator().manual_seed(EVALUATION_SEED))
        results |= {"num_pictures": len(dataset), "measured_on": where}
        answers = picture_answers(task, images, [texts[0] for texts in measured.captions])
    write_answers(task, answers, out)
    if data in SCENES and task.model.config.fine_grained:
        draw_alignment(task, unseen, out / "figures" / "alignment.png")
    return finish(training_results(task) | results, started, out)


def distinct_scenes(data: str, split: str, image_size: int) -> Scenes:
    """Scenes that were never trained on, all with different captions, so that just one answer is right."""
    scenes = open_scenes(data, split, image_size).draw(CANDIDATES, torch.Generator().manual_seed(EVALUATION_SEED))
    first = {caption: place for place, caption in reversed(list(enumerate(scenes.captions)))}
    chosen = sorted(first.values())[:EVALUATION_SCENES]
    captions, objects = ([column[place] for place in chosen] for column in (scenes.captions, scenes.objects))
    return Scenes(scenes.images[chosen], captions, objects)
