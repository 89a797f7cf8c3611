"""Sizes and settings of the text tasks that were measured to work, so that nobody has to begin with twenty numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from minimm.training.trainer_config import TrainerConfig


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
