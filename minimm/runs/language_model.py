"""`minimm train language-model`: train on text, measure on the part that was kept back, show what it writes."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from minimm.datasets.text_stream import TextStream
from minimm.files import write_text
from minimm.runs.report import finish, training_results
from minimm.tasks.text.text_generator import TextGenerator


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
    task = TextGenerator(preset, seed=seed, device=device, **options)
    task.fit(TextStream(*paths), max_seconds=max_seconds, max_steps=max_steps, folder=out, resume=resume)
    results = language_model_results(task)
    write_samples(task, out)
    draw_language_model(task, out / "figures", results["uniform_loss"])
    return finish(results, started, out)


def language_model_results(task: TextGenerator) -> dict[str, Any]:
    """The losses over the whole validation text, trained and untrained, beside that of a uniform guess (ln V)."""
    trained = task.evaluate(task.validation_text)
    return {
        "validation_loss": trained["loss"],
        "validation_loss_untrained": task.untrained().evaluate(task.validation_text)["loss"],
        "validation_perplexity": trained["perplexity"],
        "bits_per_byte": trained["bits_per_byte"],
        "uniform_loss": math.log(task.tokenizer.vocab_size),
        "vocab_size": task.tokenizer.vocab_size,
        **training_results(task),
    }


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
