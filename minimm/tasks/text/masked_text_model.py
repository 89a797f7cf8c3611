"""Learning a language by filling gaps: `MaskedTextModel().fit(texts).fill("the film was ___")`.

What the encoder learns about words this way, without any label, is where `TextClassifier` and `QuestionAnswerer` start from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.text_corpus import IGNORE
from minimm.datasets.token_texts import TokenTexts
from minimm.errors import check
from minimm.layers.initialization import initialize
from minimm.layers.softmax import softmax
from minimm.models.masked_language_model import MaskedLanguageModel
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks.presets import choose_preset
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.task import Task
from minimm.tasks.text.presets import ENCODER_PRESETS
from minimm.tasks.texts import listed
from minimm.tokenizers import WordPieceTokenizer
from minimm.training.description import config_from
from minimm.training.losses import cross_entropy
from minimm.training.masked_tokens import mask_tokens

GAP = "___"  # how a gap is written in `fill`
VALIDATION_SHARE = 20  # one text in so many is kept for validation
VALIDATION_TEXTS = 512
EVALUATION_TEXTS = 64  # at once
Batch = tuple[
    Tensor, Tensor, Tensor
]  # inputs with gaps, what stood there or IGNORE, which tokens are real: (B, T) each


class MaskedTextModel(Task):
    """A `TextEncoder` with a WordPiece vocabulary, pretrained on unlabelled texts.

    Args:
        preset: "tiny" or "small"; see `tasks.text.presets`.
        options: any field of `EncoderPreset`, `TextEncoderConfig` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "masked_language_model"

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(ENCODER_PRESETS, preset, options, TextEncoderConfig.__dataclass_fields__)
        self.model_options = options

    def architecture(self) -> dict[str, Any]:
        """The fields of the encoder's `TextEncoderConfig`."""
        return asdict(self.require_model().encoder.config)

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `MaskedLanguageModel`."""
        return MaskedLanguageModel(TextEncoder(config_from(TextEncoderConfig, architecture)))

    def fit(
        self,
        texts: Sequence[str],
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> MaskedTextModel:
        """Learn from texts, each a sentence or a few; one in twenty is kept for validation.

        Limits as in `TextGenerator.fit`.
        """
        texts = [text for text in listed(texts) if text.strip()]
        check(len(texts) >= 2, f"there are {len(texts)} texts that are not empty; give at least two")
        step = min(VALIDATION_SHARE, len(texts))
        kept = [text for number, text in enumerate(texts) if number % step != step - 1]
        validation = texts[step - 1 :: step][:VALIDATION_TEXTS]
        preset = self.preset
        self.tokenizer = WordPieceTokenizer.train(kept, preset.vocab_size)
        config = encoder_config(preset, self.tokenizer.vocab_size, **self.model_options)
        self.model = MaskedLanguageModel(TextEncoder(config))
        initialize(self.model, torch.Generator().manual_seed(self.seed), config.num_layers)
        training = TokenTexts(encode_texts(self.tokenizer, kept, config.context_length), pad_id=self.tokenizer.pad_id)
        hidden = list(self._hidden_batches(validation))
        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: self._hide(*training.draw(generator, preset.batch_size)[1:], generator),
            loss=self._loss,
            validate=lambda model: self._score(model, hidden)["masked_loss"],
            batch_items=preset.batch_size,
            unit="text",
        )
        return self

    def _hide(self, ids: Tensor, mask: Tensor, generator: torch.Generator) -> Batch:
        tokens = self.tokenizer
        special = ~mask | (ids == tokens.bos_id) | (ids == tokens.eos_id)
        inputs, targets = mask_tokens(ids, tokens.mask_id, tokens.vocab_size, special, generator)
        return inputs, targets, mask

    def _hidden_batches(self, texts: Sequence[str]) -> list[Batch]:
        """The texts once, with the same tokens hidden each time."""
        generator = torch.Generator().manual_seed(EVALUATION_SEED)
        rows = encode_texts(self.tokenizer, texts, self.require_model().encoder.config.context_length)
        batches = TokenTexts(rows, pad_id=self.tokenizer.pad_id).batches(EVALUATION_TEXTS)
        return [self._hide(ids, mask, generator) for _, ids, mask in batches]

    def _loss(self, model: nn.Module, batch: Batch) -> Tensor:
        inputs, targets, mask = (part.to(self.device) for part in batch)
        places = targets != IGNORE
        return cross_entropy(model(inputs, mask, places=places), targets[places])

    @torch.inference_mode()
    def _score(self, model: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
        total, hits, count = 0.0, 0, 0
        for batch in batches:
            inputs, targets, mask = (part.to(self.device) for part in batch)
            places = targets != IGNORE
            logits, wanted = model(inputs, mask, places=places), targets[places]
            total += cross_entropy(logits, wanted).item() * len(wanted)
            hits += int((logits.argmax(dim=-1) == wanted).sum())
            count += len(wanted)
        check(count > 0, "no token was hidden; give longer or more texts")
        return {"masked_loss": total / count, "masked_accuracy": hits / count}

    def evaluate(self, texts: Sequence[str]) -> dict[str, float]:
        """How well hidden tokens of `texts` are guessed: `masked_loss` (nats) and `masked_accuracy` (0 to 1)."""
        return self._score(self.require_model().eval(), self._hidden_batches(listed(texts)))

    @torch.inference_mode()
    def fill(self, text: str, k: int = 5) -> list[tuple[str, float]]:
        """The k likeliest tokens for the gap, written ``___``, with their probabilities."""
        check(text.count(GAP) == 1, f"the text has {text.count(GAP)} gaps; write exactly one as {GAP}")
        check(k >= 1, f"k={k} must be at least 1")
        tokens = self.tokenizer
        before, after = (tokens.encode(part, unknown="replace") for part in text.split(GAP))
        ids = torch.tensor([[tokens.bos_id, *before, tokens.mask_id, *after, tokens.eos_id]], device=self.device)
        logits = self.require_model().eval()(ids)[0, 1 + len(before)].float()
        found = softmax(logits).topk(min(k, len(logits)))
        pairs = zip(found.values.tolist(), found.indices.tolist(), strict=True)
        return [(tokens.token_text(token), probability) for probability, token in pairs]


def encoder_config(preset: Any, vocab_size: int, **options: Any) -> TextEncoderConfig:
    """The config of an encoder of the preset's size."""
    return TextEncoderConfig(
        vocab_size=vocab_size,
        context_length=preset.context_length,
        d_model=preset.d_model,
        num_heads=preset.num_heads,
        num_layers=preset.num_layers,
        dropout=preset.dropout,
        **options,
    )


def encode_texts(tokenizer: Any, texts: Sequence[str], context_length: int) -> list[list[int]]:
    """[CLS] text [SEP] of each text, cut to the context; how many are cut is said."""
    room = context_length - 2
    rows = [tokenizer.encode(text, unknown="replace") for text in texts]
    cut = sum(len(row) > room for row in rows)
    if cut:
        print(f"{cut} of {len(rows)} texts are longer than {room} tokens; only their first {room} are learned from")
    return [[tokenizer.bos_id, *row[:room], tokenizer.eos_id] for row in rows]
