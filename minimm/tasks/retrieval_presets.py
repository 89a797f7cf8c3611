"""Sizes and settings of joint spaces that were measured to work."""

from __future__ import annotations

from dataclasses import dataclass, field

from minimm.tasks.speech_presets import SpeechPreset
from minimm.training.trainer import TrainerConfig


@dataclass(frozen=True)
class RetrievalPreset:
    """How `CrossModalRetriever` is built and trained."""

    image_size: int = 32
    channels: tuple[int, ...] = (32, 64)  # stages of convolution of the image encoder
    num_mels: int = SpeechPreset.num_mels
    sample_rate: int = SpeechPreset.sample_rate  # Hz
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 2  # blocks of the text encoder
    d_joint: int = 64  # width of the joint space
    fine_grained: bool = True  # compare words with regions, beside the whole with the whole
    batch_size: int = 64  # the wrong answers of a loss are the rest of its batch
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=240, optimizer="muon", learning_rate=3e-3, warmup_steps=100, weight_decay=0.2, betas=(0.9, 0.95)
        )
    )


RETRIEVAL_PRESETS = {
    # Scenes of shapes, digits: 32 x 32 pixels.
    "tiny": RetrievalPreset(),
    # Pictures of 64 x 64 pixels with names, such as emoji: a name is about the whole picture, so its words are not sought in
    # it, a coarse grid of 4 x 4 regions will do, and the time that this saves goes into a larger batch.
    "small": RetrievalPreset(
        image_size=64,
        channels=(32, 64, 96, 128),
        d_joint=128,
        fine_grained=False,
        batch_size=128,
        training=TrainerConfig(
            max_seconds=270, optimizer="muon", learning_rate=3e-3, warmup_steps=100, weight_decay=0.1, betas=(0.9, 0.95)
        ),
    ),
}
