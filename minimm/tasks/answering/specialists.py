"""Encoders that another task has trained: a model that answers begins with eyes and ears that work."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from minimm.errors import check
from minimm.layers.quantization import is_quantized
from minimm.tasks.any_task import load_any_task
from minimm.tasks.modalities import ENCODERS, MODALITIES


def load_specialist(folder: str | Path, modality: str) -> nn.Module:
    """The encoder of a trained task that takes in this modality, such as the `ImageEncoder` of a captioner.

    Raises:
        MinimmError: a folder of another kind of model, or an encoder of another modality.
    """
    task = load_any_task(folder, device="cpu")
    model = task.model
    alone = getattr(model, f"{modality}_encoder", getattr(model, "encoder", None))
    encoder = dict(getattr(model, "encoders", {})).get(modality, alone)
    wanted = ENCODERS[MODALITIES[modality].encoder["class"]][0]
    found = "no encoder" if encoder is None else f"an encoder of the kind {type(encoder).__name__}"
    check(
        isinstance(encoder, wanted),
        f"{folder} holds a {task.kind} model, which has {found} for {modality}; give the folder of a model that takes in "
        f"a {MODALITIES[modality].word} with the kind {wanted.__name__}",
    )
    check(
        not is_quantized(encoder),
        f"{folder} has weights in few bits, which cannot learn; give the one it was made from",
    )
    return encoder


def take_over_encoder(encoder: nn.Module, folder: str | Path, modality: str) -> None:
    """Let `encoder` begin with the weights of a trained task's encoder, which must have the same shape."""
    trained = load_specialist(folder, modality)
    check(
        trained.config == encoder.config,
        f"{folder} has an encoder of another shape, {trained.config}, but {encoder.config} is needed; train one with the same "
        "sizes",
    )
    encoder.load_state_dict(trained.state_dict())
