"""Chinese captions of scenes: from a captioner that learned Chinese, or from an English one with a translator behind it?

    python tests/benchmarks/caption_languages.py [--seconds 100] [--translator-seconds 60] [--seed 0] [--out results.json]

Both captioners see the same scenes for the same time. The translator has read pairs of captions and no picture. All are
measured on 500 unseen scenes and on 500 with colours and shapes that were never trained together. Two rows say where the
pivot's mistakes come from: the English captioner alone, and the translator given the true English captions.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from minimm.datasets.scene_pairs import scene_pairs
from minimm.datasets.shapes import Shapes
from minimm.files import write_json
from minimm.metrics import exact_match
from minimm.models.language_model import num_parameters
from minimm.runs.captioner import evaluation_scenes
from minimm.tasks import ImageCaptioner, Translator
from minimm.tasks.writing.pivot_captioner import PivotCaptioner

SIZE = 32
SPLITS = ("validation", "held_out")
COLUMNS = (
    "exact_match",
    "exact_match_held_out",
    "bleu4",
    "bleu4_held_out",
    "training_seconds",
    "parameters",
    "seconds",
)


def captioner_of(language: str, seconds: float, seed: int) -> ImageCaptioner:
    """A captioner that has learned from scenes described in `language`."""
    task = ImageCaptioner("tiny", language=language, seed=seed)
    return task.fit(Shapes(image_size=SIZE, language=language), max_seconds=seconds)


def scores(describer: ImageCaptioner | PivotCaptioner) -> dict[str, float]:
    """Scores on both kinds of scenes, and the seconds that captions of them took."""
    found: dict[str, float] = {}
    for split in SPLITS:
        scenes = evaluation_scenes(split, SIZE, language=describer.language)
        behind = "" if split == "validation" else f"_{split}"
        found |= {f"{name}{behind}": value for name, value in describer.evaluate(scenes).items()}
        started = time.perf_counter()
        describer.generate_captions(scenes.images)
        found["seconds"] = found.get("seconds", 0.0) + time.perf_counter() - started
    return found


def translation_scores(translator: Translator) -> dict[str, float]:
    """How many true English captions become exactly the true Chinese ones."""
    found: dict[str, float] = {}
    for split in SPLITS:
        english, chinese = (evaluation_scenes(split, SIZE, language=language).captions for language in ("en", "zh"))
        started = time.perf_counter()
        written = translator.translate_all(english, num_beams=1)
        found["seconds"] = found.get("seconds", 0.0) + time.perf_counter() - started
        found["exact_match" + ("" if split == "validation" else f"_{split}")] = exact_match(
            written, [[text] for text in chinese]
        )
    return found


def main() -> None:
    """Train, measure, print, write `--out`."""
    parser = argparse.ArgumentParser(description="captions in Chinese, directly and by pivot")
    parser.add_argument("--seconds", type=float, default=100, help="training of each captioner (default 100)")
    parser.add_argument("--translator-seconds", type=float, default=60, help="training of the translator (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of first weights and data (default 0)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()

    direct, english = (captioner_of(language, arguments.seconds, arguments.seed) for language in ("zh", "en"))
    pairs = scene_pairs()
    translator = Translator("tiny", seed=arguments.seed)
    translator.fit(
        *zip(*pairs["train"], strict=True), validation=pairs["val"], max_seconds=arguments.translator_seconds
    )
    rows: dict[str, dict[str, Any]] = {
        "direct": scores(direct),
        "pivot": scores(PivotCaptioner(english, translator)),
        "English captioner": scores(english),
        "translator": translation_scores(translator),
    }
    models = {
        "direct": [direct],
        "pivot": [english, translator],
        "English captioner": [english],
        "translator": [translator],
    }
    for name, parts in models.items():
        rows[name]["training_seconds"] = sum(part.training.seconds for part in parts)
        rows[name]["parameters"] = sum(num_parameters(part.model) for part in parts)
    print(f"{'':18}" + "".join(f"{column:>22}" for column in COLUMNS))
    for name, row in rows.items():
        cells = [row.get(column) for column in COLUMNS]
        print(f"{name:18}" + "".join(f"{'' if cell is None else f'{cell:,.3f}':>22}" for cell in cells))
    if arguments.out:
        write_json(arguments.out, rows)


if __name__ == "__main__":
    main()
