"""Sizes and settings that were measured to work, by name, so that nobody has to begin with twenty numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minimm.errors import check
from minimm.training.trainer import TrainerConfig


@dataclass(frozen=True)
class TextPreset:
    """How `TextGenerator` is built and trained."""

    tokenizer: str = "byte_pair"  # "character", "word" or "byte_pair"
    vocab_size: int | None = 1024  # None = every character or word of the text
    context_length: int = 128
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 4
    d_ff: int | None = None  # None = 8/3 d_model
    dropout: float = 0.0
    batch_size: int = 32
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(max_seconds=85, optimizer="muon", learning_rate=4e-3)
    )


@dataclass(frozen=True)
class CaptionPreset:
    """How `ImageCaptioner` is built and trained."""

    language: str = "en"  # of the captions: "en" or "zh"
    encoder: str = "cnn"  # or "patches"
    image_size: int = 32  # of pictures that are read from a folder
    channels: tuple[int, ...] = (32, 64)  # of the CNN
    patch_size: int = 4  # of the encoder of patches, as its layers
    num_encoder_layers: int = 2
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 2
    dropout: float = 0.0
    batch_size: int = 64
    # Weight decay is what makes colours and shapes separate: in 1,500 steps of AdamW, decay 0.05 named 72 % of scenes
    # with held-out pairs, 0.2 named 86 % and 0.5 named 94 %; Muon needs half the steps and 0.2.
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=75, optimizer="muon", learning_rate=3e-3, warmup_steps=100, weight_decay=0.2, betas=(0.9, 0.95)
        )
    )

    def encoder_config(self, image_size: int) -> dict[str, Any]:
        """The fields of the chosen encoder's config, for pictures of this size."""
        shared = {"image_size": image_size, "d_model": self.d_model}
        if self.encoder == "cnn":
            return shared | {"channels": self.channels}
        layers = {"num_heads": self.num_heads, "num_layers": self.num_encoder_layers}
        return shared | {"patch_size": self.patch_size} | layers


@dataclass(frozen=True)
class ClipPreset:
    """How `VideoCaptioner` is built and trained."""

    image_size: int = 32  # of the frames of a folder
    num_frames: int = 8
    channels: tuple[int, ...] = (16, 32, 64)  # of the CNN that sees each frame
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 2
    dropout: float = 0.0
    batch_size: int = 32
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=250, optimizer="muon", learning_rate=3e-3, warmup_steps=100, weight_decay=0.2, betas=(0.9, 0.95)
        )
    )


@dataclass(frozen=True)
class PairPreset:
    """How `Translator` and `Summarizer` are built and trained."""

    vocab_size: int = 1024  # of the byte-pair vocabulary that both languages share
    context_length: int = 64  # tokens on either side
    d_model: int = 128
    num_heads: int = 4
    num_encoder_layers: int = 2
    num_decoder_layers: int = 2
    dropout: float = 0.1
    label_smoothing: float = 0.1
    batch_size: int = 64
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=150, optimizer="muon", learning_rate=3e-3, warmup_steps=100, betas=(0.9, 0.98)
        )
    )


@dataclass(frozen=True)
class EncoderPreset:
    """How a `TextEncoder` is built and trained, by `MaskedTextModel`, `TextClassifier` and `QuestionAnswerer`."""

    vocab_size: int = 2000
    context_length: int = 64
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 3
    dropout: float = 0.1
    batch_size: int = 64
    training: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            max_seconds=120, optimizer="muon", learning_rate=3e-3, warmup_steps=100, betas=(0.9, 0.98)
        )
    )


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
            max_seconds=240, optimizer="muon", learning_rate=3e-3, warmup_steps=100, weight_decay=0.2, betas=(0.9, 0.95)
        )
    )


# Shapes of other libraries' models, so that `minimm export` writes folders that they open. The default language model has
# Llama's shape; the default encoder has no counterpart there.
LANGUAGE_MODEL_ARCHITECTURES = {
    "llama": {},
    "gpt2": {"positions": "learned", "normalization": "layer", "feed_forward": "gelu_tanh", "bias": True},
}
ENCODER_ARCHITECTURES = {
    "minimm": {},
    "bert": {
        "positions": "learned",
        "normalization": "layer",
        "norm_eps": 1e-12,
        "post_norm": True,
        "feed_forward": "gelu",
        "bias": True,
        "num_token_types": 2,
    },
}

TEXT_PRESETS = {
    # Learns to spell and to make sentences from a small text in half a minute.
    "tiny": TextPreset(vocab_size=512, batch_size=12),
    # The lowest loss found on 1.1 MB of plays in the time that nanoGPT's documented CPU run takes on the same machine. Few
    # wide layers do more products per second than many narrow ones, which counts for more here than depth does.
    "small": TextPreset(
        tokenizer="character",
        vocab_size=None,
        d_model=160,
        num_heads=2,
        num_layers=2,
        d_ff=512,
        batch_size=16,
        training=TrainerConfig(max_seconds=85, optimizer="muon", learning_rate=5e-3),
    ),
}

CAPTION_PRESETS = {
    # Scenes of shapes, 32 x 32 pixels.
    "tiny": CaptionPreset(),
    # Scenes of real pictures, 64 x 64 pixels.
    "scenes": CaptionPreset(image_size=64, channels=(16, 32, 64), patch_size=8),
    # Pictures of 64 x 64 pixels, such as emoji.
    "small": CaptionPreset(
        image_size=64,
        channels=(32, 64, 96),
        patch_size=8,
        training=TrainerConfig(max_seconds=600, learning_rate=2e-3, warmup_steps=100, betas=(0.9, 0.98)),
    ),
}

CLIP_PRESETS = {
    # Clips of moving shapes, 8 frames of 32 x 32 pixels.
    "tiny": ClipPreset(),
    # Own clips, 8 frames of 64 x 64 pixels.
    "small": ClipPreset(image_size=64, channels=(16, 32, 64, 96)),
}

QUESTION_PRESETS = {
    # Scenes of shapes, 32 x 32 pixels.
    "tiny": QuestionPreset(),
}

PAIR_PRESETS = {
    # A few thousand short sentences from a small world.
    "tiny": PairPreset(),
    # Tens of thousands of sentences in real language.
    "small": PairPreset(
        vocab_size=4000,
        context_length=128,
        d_model=256,
        num_encoder_layers=3,
        num_decoder_layers=2,
        dropout=0.2,
        batch_size=64,
        training=TrainerConfig(
            max_seconds=900,
            optimizer="muon",
            learning_rate=3e-3,
            warmup_steps=200,
            betas=(0.9, 0.98),
            validate_every=200,
        ),
    ),
}

ENCODER_PRESETS = {
    # Short texts from a small world.
    "tiny": EncoderPreset(),
    # Paragraphs with questions, or real language.
    "small": EncoderPreset(vocab_size=6000, context_length=256, d_model=192, num_heads=6, num_layers=4, batch_size=32),
}


def find_preset(presets: dict, name: str, what: str = "preset"):
    """The preset, or whatever else is chosen by its name; an unknown name is answered with those that there are."""
    check(name in presets, f"{what} {name!r} is not known; choose from {sorted(presets)}")
    return presets[name]
