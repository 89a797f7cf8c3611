"""The first stage of drawing: an `ImageTokenizer` learns to write pictures as ids and to read them back, and is measured."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from minimm.layers.vector_quantizer import codebook_use
from minimm.models.image_tokenizer import ImageTokenizer
from minimm.tasks.caption_data import VALIDATION_SEED, DrawCaptioned
from minimm.training.image_tokens import tokenizer_loss
from minimm.training.trainer import Trainer, TrainerConfig, TrainingResult

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
    return trainer.run(resume)


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
