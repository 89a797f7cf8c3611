"""Sizes and settings for questions about pictures that were measured to work."""

from __future__ import annotations

from dataclasses import dataclass, field

from minimm.training.trainer_config import TrainerConfig


@dataclass(frozen=True)
class QuestionPreset:
    """How `VisualQuestionAnswerer` is built and trained."""

    image_size: int = 32
    channels: tuple[int, ...] = (32, 64)
    d_model: int = 128
    num_heads: int = 4
    num_text_layers: int = 1  # of the encoder that reads the question
    fusion: str = "gated_cross_attention"  # one of `layers.fusion.FUSIONS`
    num_layers: int = 2  # of the fusion
    d_ff: int | None = None  # of the fusion; None = 8/3 d_model
    dropout: float = 0.0
    batch_size: int = 64
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=280, optimizer="muon", learning_rate=3e-3, warmup_steps=100, weight_decay=0.2, betas=(0.9, 0.95)
        )
    )


QUESTION_PRESETS = {
    # Scenes of shapes, 32 x 32 pixels.
    "tiny": QuestionPreset(),
}
