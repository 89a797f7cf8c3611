"""Sizes and settings for drawing pictures from text."""

from __future__ import annotations

from dataclasses import dataclass, field

from minimm.training.trainer_config import TrainerConfig


@dataclass(frozen=True)
class DrawingPreset:
    """How `TextToImageGenerator` is built and trained, in two stages."""

    image_size: int = 32
    channels: tuple[int, ...] = (32, 64)  # of the tokenizer, one halving each: 8 x 8 patches
    num_codes: int = 512
    code_size: int = 16
    tokenizer_batch_size: int = 16  # small, for many steps: after 16 s a third less error than with 32
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 4
    dropout: float = 0.0
    batch_size: int = 32
    num_pictures: int = 24_000  # whose ids are computed once, between the stages
    caption_dropout: float = 0.1  # share of captions left out, so that the model can be guided (Ho & Salimans 2022)
    tokenizer_share: float = 0.25  # of a run's steps or seconds go to the tokenizer, where one limit is given for both
    tokenizer_training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=60, learning_rate=2e-2, weight_decay=0.0, betas=(0.9, 0.98), warmup_steps=50
        )
    )
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=190, optimizer="muon", learning_rate=2e-3, warmup_steps=100, weight_decay=0.1, betas=(0.9, 0.95)
        )
    )


DRAWING_PRESETS = {
    # Scenes of shapes, 32 x 32 pixels.
    "tiny": DrawingPreset(),
    # Pictures of 64 x 64 pixels, such as emoji.
    "small": DrawingPreset(image_size=64, channels=(32, 64, 96)),
}
