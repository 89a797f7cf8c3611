"""The first stage of drawing: an `ImageTokenizer` learns to write pictures as ids and to read them back, and is measured."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from minimm.files import read_json
from minimm.layers.vector_quantizer import codebook_use
from minimm.models.image_tokenizer import ImageTokenizer
from minimm.tasks.caption_data import DrawCaptioned
from minimm.tasks.seeds import VALIDATION_SEED
from minimm.training.checkpoint import copy_parameters, load_tensors
from minimm.training.image_tokens import tokenizer_loss
from minimm.training.memory import shortage_explained
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig, TrainingResult, result_from

VALIDATION_PICTURES = 256


def train_image_tokenizer(
    model: ImageTokenizer,
    config: TrainerConfig,
    draw: DrawCaptioned,
    *,
    batch_size: int,
    folder: Path | None,
    resume: bool,
) -> TrainingResult:
    """Train `model`, which lies on the device to train on, on the pictures that `draw` gives; captions are not looked at."""
    device = model.quantizer.codes.device
    validation = draw(VALIDATION_PICTURES, torch.Generator().manual_seed(VALIDATION_SEED))[0].to(device)
    trainer = Trainer(
        model,
        config,
        draw_batch=lambda generator: (draw(batch_size, generator)[0].to(device), generator),
        loss=lambda model, batch: tokenizer_loss(model, *batch),
        validate=lambda model: tokenizer_loss(model, validation).item(),
        batch_items=batch_size,
        unit="picture",
        folder=folder,
    )
    with shortage_explained(model):
        return trainer.run(resume)


def restore_image_tokenizer(model: ImageTokenizer, folder: Path) -> TrainingResult:
    """Fill `model` with the tokenizer of a second stage that has begun in `folder`; returns what the first stage did.

    The ids that the language model has learned belong to these codes, so they must not be trained any further.
    """
    path, own = folder / "training_state.safetensors", "weight/image_tokenizer."
    tensors = {name.removeprefix(own): value for name, value in load_tensors(path)[0].items() if name.startswith(own)}
    copy_parameters(model, tensors, path)
    source = folder / "image_tokenizer" / "training_state.json"
    state = read_json(source)
    return result_from(state if isinstance(state, dict) else {}, source)


def tokenizer_scores(images: Tensor, reconstructed: Tensor, ids: Tensor, num_codes: int) -> dict[str, float]:
    """How well pictures (B, 3, S, S) come back from their `ids`, and how much of the codebook these use.

    `reconstruction_error` is the mean squared error of numbers in [0, 1]; `reconstruction_error_chance` that of giving back
    every picture's mean colour.
    """
    use, perplexity = codebook_use(ids, num_codes)
    return {
        "reconstruction_error": (reconstructed - images).square().mean().item(),
        "reconstruction_error_chance": images.var(dim=(2, 3), correction=0).mean().item(),
        "codebook_use": use,
        "codebook_perplexity": perplexity,
    }
