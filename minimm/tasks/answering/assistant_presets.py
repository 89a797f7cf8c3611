"""Sizes and settings of `MultimodalAssistant` that were measured to work, and the stages in which it learns."""

from __future__ import annotations

from dataclasses import dataclass, field

from minimm.training.trainer_config import TrainerConfig


@dataclass(frozen=True)
class Stage:
    """A part of the training: its share of the time, the parts that learn, and whether media are told about in words."""

    name: str
    share: float
    parts: tuple[str, ...]
    told: bool = False


STAGES = (
    Stage("text", 0.12, ("language_model",), told=True),
    Stage("projector", 0.08, ("projectors",)),
    Stage("all", 0.80, ("language_model", "projectors", "encoders")),
)
MORE = Stage("more", 1.0, STAGES[-1].parts)  # for a trained assistant that learns other jobs


@dataclass(frozen=True)
class AssistantPreset:
    """How `MultimodalAssistant` is built and trained."""

    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 5  # with 3, nothing that compares two things was learned: which is left of which, the same digit
    dropout: float = 0.0
    context_length: int = 160  # positions, those of media included: two pictures, a few seconds of sound, a sentence
    batch_size: int = 128  # examples of all jobs together
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=270, optimizer="muon", learning_rate=3e-3, warmup_steps=30, weight_decay=0.2, betas=(0.9, 0.95)
        )
    )


ASSISTANT_PRESETS = {
    # Scenes, digits and short clips, in minutes.
    "tiny": AssistantPreset(),
}
