"""`minimm faithfulness`: which explanation of a captioner's words is to be trusted, measured on scenes whose truth is known.

Every method explains the same words, two of each scene that name an object of it. Then what it calls important is taken away,
or shown, bit by bit (`interpretation.faithfulness`), and its largest cell is looked up in the box of the object that is named.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.shapes import Scenes
from minimm.errors import check
from minimm.files import write_json
from minimm.interpretation.caption_explanations import EXPLANATIONS, CaptionWord, explain
from minimm.interpretation.faithfulness import deletion_curve, insertion_curve, steepness
from minimm.interpretation.grounding import cells_inside, named_objects
from minimm.models.image_encoder import ImageEncoder
from minimm.plots.faithfulness import faithfulness_curves
from minimm.plots.style import save_figure
from minimm.runs.captioner import SCENES, evaluation_scenes
from minimm.tasks.writing.image_captioner import ImageCaptioner
from minimm.training.stopwatch import seconds_since

STEPS = 16  # at which the score is looked at while cells are taken away
Measured = dict[str, dict[str, list[Any]]]  # method -> what was measured -> one entry for each word


def measure_faithfulness(
    models: Sequence[Path], out: Path, *, data: str = "shapes", scenes: int = 200, seed: int = 0, device: str = "auto"
) -> dict[str, Any]:
    """Of each captioner in turn; means over all words, and over models their standard deviation. Writes results.json and a
    figure of the mean curves into `out`, and prints the table.
    """
    started = time.monotonic()
    check(data in SCENES, f"--data {data} is not known; the truth is known of {' and '.join(SCENES)}")
    every = []
    for model in models:
        task = ImageCaptioner.load(model, device=device)
        every.append(_measure(task, data, scenes, seed))
        print(f"{model}: {len(every[-1]['random']['deletion'])} words of {scenes} scenes explained")
    results: dict[str, Any] = {"models": len(models), "scenes": scenes, "methods": {}}
    for method in EXPLANATIONS:
        rows = [_means(found[method]) for found in every if method in found]
        if rows:
            results["methods"][method] = _over_models(rows)
    random = results["methods"]["random"]["deletion_steepness"]
    for row in results["methods"].values():
        # of a model that does not look, random is not steep at all, and a share of it says nothing
        row["deletion_steepness_over_random"] = row["deletion_steepness"] / random if random > 0 else None
    _print(results["methods"])
    curves = {
        kind: {
            method: torch.stack([torch.stack(found[method][kind]).mean(dim=0) for found in every if method in found])
            .mean(dim=0)
            .tolist()
            for method in results["methods"]
        }
        for kind in ("deletion", "insertion")
    }
    save_figure(faithfulness_curves(curves), out / "faithfulness.png")
    results["seconds"] = seconds_since(started)
    write_json(out / "results.json", results | {"curves": curves})
    print(f"everything is in {out}")
    return results


def _measure(task: ImageCaptioner, data: str, count: int, seed: int) -> Measured:
    """What `_means` sums up, of every method that this captioner's encoder allows."""
    size = task.require_model().encoder.config.image_size
    drawn = evaluation_scenes("validation", size, data, task.language)
    check(1 <= count <= len(drawn.images), f"--scenes {count} must be from 1 to {len(drawn.images)}")
    generator = torch.Generator().manual_seed(seed)
    found: Measured = defaultdict(lambda: defaultdict(list))
    methods = [name for name in EXPLANATIONS if name != "Grad-CAM" or isinstance(task.model.encoder, ImageEncoder)]
    for word, box in _chosen_words(task, drawn, count, generator):
        inside = cells_inside(box, word.grid, size)
        for method in methods:
            importance = explain(word, method, generator)
            measured = found[method]
            for kind, curve in (("deletion", deletion_curve), ("insertion", insertion_curve)):
                where = importance.to(word.image.device)
                measured[kind].append(curve(word.probability, word.image, where, word.fill, STEPS).cpu())
            measured["hit"].append(float(inside.flat[int(importance.argmax())]))
            measured["chance"].append(float(inside.mean()))
    return found


def _chosen_words(
    task: ImageCaptioner, drawn: Scenes, count: int, generator: torch.Generator
) -> Iterator[tuple[CaptionWord, Any]]:
    """Two words of each scene that name one of its objects, drawn at random, with the box of that object."""
    for image, caption, objects in list(zip(drawn.images, drawn.captions, drawn.objects, strict=True))[:count]:
        words = task.caption_words(image, caption)
        named = named_objects([word.text for word in words], objects)
        pointing = [(word, thing.box) for word, thing in zip(words, named, strict=True) if thing is not None]
        for place in torch.randperm(len(pointing), generator=generator)[:2].tolist():
            yield pointing[place]


def _means(measured: dict[str, list[Any]]) -> dict[str, float]:
    deletion, insertion = (torch.stack(measured[kind]).mean(dim=0) for kind in ("deletion", "insertion"))
    return {
        "deletion_steepness": steepness(deletion),
        "insertion_steepness": -steepness(insertion),
        "pointing_accuracy": statistics.fmean(measured["hit"]),
        "pointing_accuracy_chance": statistics.fmean(measured["chance"]),
    }


def _over_models(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each number, and its standard deviation where there are several models."""
    found: dict[str, float] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        found[name] = statistics.fmean(values)
        if len(values) > 1:
            found[f"{name}_deviation"] = statistics.stdev(values)
    return found


def _print(methods: dict[str, dict[str, float]]) -> None:
    print(f"\n  {'explanation':<30}{'deletion':>9}{'x random':>10}{'insertion':>11}{'pointing':>10}")
    for method, row in sorted(methods.items(), key=lambda item: -item[1]["deletion_steepness"]):
        over = row["deletion_steepness_over_random"]
        print(
            f"  {method:<30}{row['deletion_steepness']:>9.3f}{'-' if over is None else f'{over:.2f}':>10}"
            f"{row['insertion_steepness']:>11.3f}{row['pointing_accuracy']:>10.3f}"
        )
    chance = methods["random"]["pointing_accuracy_chance"]
    print(
        "\n  deletion: how far the word's probability falls on average while cells are covered, the most important first;\n"
        "  insertion: how far it rises while they are shown; pointing: the largest cell lies in the named object's box\n"
        f"  (chance {chance:.3f}). Occlusion and RISE cover cells with deletion's colour, which helps them there.\n"
    )
