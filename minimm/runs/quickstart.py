"""`minimm quickstart`: from nothing to a model that writes and a model that sees, in about two minutes on two cores."""

from __future__ import annotations

import time
from pathlib import Path

from minimm.datasets.bundled import bundled
from minimm.datasets.shapes import Shapes
from minimm.datasets.text_corpus import read_corpus
from minimm.runs.captioner import draw_captioner, evaluation_scenes, scene_results
from minimm.runs.language_model import draw_language_model, language_model_results, write_samples
from minimm.runs.report import finish
from minimm.tasks.text.text_generator import TextGenerator
from minimm.tasks.writing.image_captioner import ImageCaptioner

LANGUAGE_MODEL_SECONDS = 36.0
CAPTIONER_SECONDS = 75.0
PROMPTS = ("The old miller", "Why is the sky", "小狐狸")


def run_quickstart(out: Path, *, seed: int = 0, device: str = "auto", resume: bool = False) -> dict:
    """Train both models, measure them on what they have never seen, draw what they look at; returns the results."""
    started = time.monotonic()
    print("1/2  A language model reads stories and explanations, in English and Chinese")
    text = read_corpus(bundled("text"))
    # The text is small and read twenty times over; a strong weight decay keeps the model from learning it by heart.
    writer = TextGenerator("tiny", weight_decay=0.5, seed=seed, device=device)
    writer.fit(text, max_seconds=LANGUAGE_MODEL_SECONDS, folder=out / "language_model", resume=resume)
    results = {"language_model": language_model_results(writer)}
    samples = write_samples(writer, out, PROMPTS)
    draw_language_model(writer, out / "figures", results["language_model"]["uniform_loss"])

    print("\n2/2  A captioner looks at scenes of coloured shapes")
    captioner = ImageCaptioner("tiny", seed=seed, device=device)
    captioner.fit(Shapes(), max_seconds=CAPTIONER_SECONDS, folder=out / "captioner", resume=resume)
    results["captioner"] = scene_results(captioner)
    scenes = evaluation_scenes("held_out", captioner.preset.image_size)
    draw_captioner(captioner, scenes.images, [[caption] for caption in scenes.captions], out / "figures")

    print(f"\nThe language model wrote:\n\n{samples.split(chr(10) * 2)[0]}\n")
    return finish(results, started, out)
