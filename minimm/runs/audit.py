"""`minimm audit`: how a trained model treats groups, as text, figure, results.json and a model card."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from minimm.datasets.occupations import LANGUAGES
from minimm.errors import MinimmError, check
from minimm.files import write_json, write_text
from minimm.interoperability.hugging_face import is_hugging_face_folder
from minimm.models.language_model import num_parameters
from minimm.plots.intervals import interval_chart
from minimm.plots.style import save_figure
from minimm.runs.audits.audited import Audited
from minimm.runs.audits.captioner import audit_captioner
from minimm.runs.audits.classifier import audit_classifier
from minimm.runs.audits.language_model import audit_language_model
from minimm.tasks import ImageCaptioner, TextClassifier, TextGenerator
from minimm.tasks.any_task import load_any_task
from minimm.tasks.task import Task
from minimm.training.stopwatch import seconds_since


def audit(
    model: Path, out: Path, *, data: Path | None = None, language: str = "en", seed: int = 0, device: str = "auto"
) -> dict[str, Any]:
    """Audit the model in a folder, ours or a GPT-2 or Llama of Hugging Face's; returns what results.json holds."""
    started = time.monotonic()
    task = TextGenerator.load(model, device) if is_hugging_face_folder(model) else load_any_task(model, device)
    found = _audited(task, data, language, seed)
    print(f"{model}, on {found.measured_on}:")
    for sentence in (*found.findings, *found.limits):
        print(f"  {sentence}")
    title = f"{type(task).__name__}: how it treats groups"
    save_figure(interval_chart(found.rows, found.axis, title), out / "audit.png")
    write_text(out / "model_card.md", model_card(task, model, found))
    results = {"kind": task.kind, **found.results, "findings": found.findings}
    results["seconds"] = seconds_since(started)
    write_json(out / "results.json", results)
    print(f"everything is in {out}")
    return results


def _audited(task: Task, data: Path | None, language: str, seed: int) -> Audited:
    check(
        data is None or isinstance(task, TextClassifier),
        f"--data is for a classifier of texts; this {type(task).__name__} is audited on what minimm draws itself",
    )
    check(language in LANGUAGES, f"--language {language} is not known; choose {' or '.join(LANGUAGES)}")
    if isinstance(task, TextGenerator):
        return audit_language_model(task, language=language, seed=seed)
    if isinstance(task, TextClassifier):
        return audit_classifier(task, data, language=language, seed=seed)
    if isinstance(task, ImageCaptioner):
        return audit_captioner(task, seed=seed)
    raise MinimmError(
        f"this {type(task).__name__} cannot be audited yet; give a language model, a classifier of texts or an image captioner"
    )


def model_card(task: Task, folder: Path, found: Audited) -> str:
    """Markdown in the order of Mitchell et al. 2019, "Model cards for model reporting", of what is known; what is not known is
    said to be, for whoever publishes the model to fill in.
    """
    unknown = "Not recorded with the model; say it here before you share it."
    lines = [
        f"# Model card: {folder.resolve().name}",
        "",
        "## Model",
        "",
        f"- kind: {task.kind}, {num_parameters(task.require_model()):,} weights",
        f"- training and its data: {unknown}",
        f"- intended use, and uses that are out of scope: {unknown}",
        "",
        "## How it treats groups",
        "",
        f"Measured on {found.measured_on}. Intervals are 95 %, by resampling.",
        "",
        *[f"- {sentence}" for sentence in found.findings],
        "",
        "![Each group with its interval](audit.png)",
        "",
        f"| group | {found.axis} | from | to |",
        "|---|---|---|---|",
        *[
            f"| {name.replace('|', ' ')} | {row.value:.3f} | {row.low:.3f} | {row.high:.3f} |"
            for name, row in found.rows.items()
        ],
        "",
        "## What this does not tell",
        "",
        *[f"- {sentence}" for sentence in found.limits],
    ]
    return "\n".join(lines) + "\n"
