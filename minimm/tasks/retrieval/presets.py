"""Sizes and settings of joint spaces that were measured to work."""

from __future__ import annotations

from dataclasses import dataclass, field

from minimm.tasks.writing.speech_presets import SpeechPreset
from minimm.training.trainer_config import TrainerConfig


@dataclass(frozen=True)
class RetrievalPreset:
    """How `CrossModalRetriever` is built and trained."""

    image_size: int = 32
    channels: tuple[int, ...] = (32, 64)  # stages of convolution of the image encoder
    audio_channels: tuple[int, ...] = SpeechPreset.channels  # stages of convolution of the audio encoder
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
    # Scenes of shapes, 32 x 32 pixels.
    "tiny": RetrievalPreset(),
    # Single digits: one word says all that a picture or a recording holds, so parts are not compared; narrow encoders with
    # a stage more see the whole of either, and take half the time.
    "digits": RetrievalPreset(
        channels=(16, 32, 64), audio_channels=(16, 32, 64), num_layers=1, fine_grained=False, batch_size=48
    ),
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
