"""From a trained folder of ours to one that Hugging Face's `transformers` opens, tokenizer included."""

from __future__ import annotations

from pathlib import Path

from minimm.errors import check
from minimm.interoperability.hugging_face import save_hugging_face
from minimm.tasks.text.masked_text_model import MaskedTextModel
from minimm.tasks.text.text_classifier import TextClassifier
from minimm.tasks.text.text_generator import TextGenerator
from minimm.tokenizers import save_hugging_face_tokenizer
from minimm.training.checkpoint import load_config

KINDS = {task.kind: task for task in (TextGenerator, MaskedTextModel, TextClassifier)}


def export_to_hugging_face(model: str | Path, out: str | Path) -> None:
    """Write `config.json`, `model.safetensors` and `tokenizer.json` into `out`, which must not hold a model yet.

    Raises `MinimmError` for a model without a counterpart there, such as an encoder with rotary positions.
    """
    model, out = Path(model), Path(out)
    check(not (out / "config.json").exists(), f"{out} already holds a model; choose another folder with --out")
    kind = load_config(model)["kind"]
    check(
        kind in KINDS,
        f"{model} holds a {kind} model, but transformers has a counterpart only for {', '.join(KINDS)}",
    )
    task = KINDS[kind].load(model, device="cpu")
    save_hugging_face(task.model, out)
    save_hugging_face_tokenizer(task.tokenizer, out)
