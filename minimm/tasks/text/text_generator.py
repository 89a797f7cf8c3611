"""A language model that continues a text: `TextGenerator().fit(text).generate("Once")`."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.text_corpus import IGNORE, TokenWindows, encode_pieces, pieces_before, split_at, text_after
from minimm.datasets.text_stream import TextStream
from minimm.errors import check
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import Sampling, generate
from minimm.interoperability.hugging_face import is_hugging_face_folder, load_hugging_face
from minimm.interpretation.recorder import recorded_attention
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import SelfAttention
from minimm.metrics import bits_per_byte
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.tasks.attended import AttendedText
from minimm.tasks.presets import choose_preset
from minimm.tasks.task import Task, check_together
from minimm.tasks.text.presets import TEXT_PRESETS
from minimm.tokenizers import TOKENIZERS, load_hugging_face_tokenizer
from minimm.tokenizers.splitting import parts_of
from minimm.tokenizers.tokenizer import as_texts
from minimm.training.description import config_from
from minimm.training.losses import cross_entropy

VALIDATION_TOKENS = 16_384  # how much of the validation text is looked at during training; `evaluate` takes all of it
EVALUATION_TOKENS = 8_192  # tokens in one batch of an evaluation


class TextGenerator(Task):
    """Learns to predict the next token of a text, and writes by doing so again and again.

    Args:
        preset: "tiny" or "small"; see `tasks.text.presets`.
        options: any field of `TextPreset` or `LanguageModelConfig` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "language_model"

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(TEXT_PRESETS, preset, options, LanguageModelConfig.__dataclass_fields__)
        self.model_options = options
        self.opening = ""  # how the training text begins: a prompt that the tokenizer surely knows
        self.validation_text = ""

    def architecture(self) -> dict[str, Any]:
        """The fields of the model's `LanguageModelConfig`."""
        return asdict(self.require_model().config)

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `LanguageModel`."""
        return LanguageModel(config_from(LanguageModelConfig, architecture))

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> TextGenerator:
        """Open what `save` or a training run wrote, or a GPT-2 or Llama folder of Hugging Face's transformers."""
        if not is_hugging_face_folder(folder):
            return super().load(folder, device)
        task, model = cls(device=device), load_hugging_face(folder)
        check(
            isinstance(model, LanguageModel),
            f"{folder} holds a BERT, which fills gaps and cannot continue a text; give a GPT-2 or Llama folder",
        )
        task.tokenizer = load_hugging_face_tokenizer(folder)
        check_together(task.tokenizer, model.config.vocab_size, folder)
        task.model = model.to(task.device)
        return task

    def fit(
        self,
        text: str | Path | TextStream,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> TextGenerator:
        """Learn from a text, or from the files under a `Path`; its last tenth is kept for validation.

        Files are read in pieces, so that of the training text only the ids need to fit into memory.

        Args:
            max_steps, max_seconds: where to end; the preset's limit when neither is given.
            folder: where checkpoints go; None keeps nothing. resume: continue the run in `folder`.
        """
        preset = self.preset
        pieces = TextStream(text) if isinstance(text, Path) else as_texts(text)
        characters = sum(map(len, pieces))
        cut = split_at(characters)
        self.validation_text = text_after(pieces, cut)
        check(
            preset.tokenizer in TOKENIZERS,
            f"tokenizer {preset.tokenizer!r} is not known; choose from {sorted(TOKENIZERS)}",
        )
        self.tokenizer = TOKENIZERS[preset.tokenizer].train(pieces_before(pieces, cut), vocab_size=preset.vocab_size)
        ids = encode_pieces(self.tokenizer, pieces_before(pieces, cut))
        self.opening = self.tokenizer.decode(ids[: 1 + preset.context_length // 8])
        windows = TokenWindows(ids, preset.context_length)
        validation_ids = encode_pieces(self.tokenizer, parts_of(self.validation_text))[:VALIDATION_TOKENS]
        check(
            len(validation_ids) > preset.context_length,
            f"the text has {characters} characters; its last tenth, kept for validation, is {len(validation_ids)} tokens, "
            f"but a context of {preset.context_length} needs at least {preset.context_length + 1}; "
            "give more text or a smaller --context-length",
        )
        validation = TokenWindows(validation_ids, preset.context_length)
        config = LanguageModelConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=preset.context_length,
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
            d_ff=preset.d_ff,
            dropout=preset.dropout,
            **self.model_options,
        )
        self.model = LanguageModel(config)
        initialize(self.model, torch.Generator().manual_seed(self.seed), config.num_layers)
        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: windows.batch(generator, preset.batch_size),
            loss=self._loss,
            validate=lambda model: self._mean_loss(model, validation),
            batch_items=preset.batch_size * preset.context_length,
            unit="token",
            texts=(preset.batch_size, preset.context_length),
        )
        return self

    def untrained(self) -> TextGenerator:
        """The same model before its first step, for comparison."""
        other = TextGenerator(seed=self.seed, device=str(self.device))
        other.tokenizer = self.tokenizer
        other.model = LanguageModel(self.require_model().config)
        initialize(other.model, torch.Generator().manual_seed(self.seed), other.model.config.num_layers)
        other.model.to(self.device)
        return other

    def _loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = (part.to(self.device) for part in batch)  # (B, T) each
        return cross_entropy(model(inputs), targets)

    def _mean_loss(self, model: nn.Module, windows: TokenWindows, stride: int | None = None) -> float:
        """Mean loss over every token of `windows`, each predicted once, from at most the context before it."""
        total, count = 0.0, 0
        batch_size = max(1, EVALUATION_TOKENS // model.config.context_length)
        for inputs, targets in windows.evaluation_batches(batch_size, stride):
            tokens = int((targets != IGNORE).sum())
            total += self._loss(model, (inputs, targets)).item() * tokens
            count += tokens
        return total / count

    def evaluate(self, text: str, *, stride: int | None = None) -> dict[str, float]:
        """How well the model predicts `text`, in windows of its context length.

        Args:
            stride: tokens by which the windows slide. None lays them side by side: cheapest, but the first tokens of each
                are predicted from hardly any context. With T / 2 each token (but the first) has at least T / 2 before it.

        Returns `loss` (nats per token), `perplexity` (its exponential), and `bits_per_byte`, which compares models
        with different tokenizers.
        """
        model = self.require_model()
        ids = encode_pieces(self.tokenizer, as_texts(text))
        with torch.inference_mode():
            windows = TokenWindows(ids, model.config.context_length)
            loss = self._mean_loss(model.eval(), windows, stride)
        return {
            "loss": loss,
            "perplexity": math.exp(min(loss, 700.0)),
            "bits_per_byte": bits_per_byte(loss * (len(ids) - 1), len(text.encode())),
        }

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 200,
        *,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = 0.95,
        num_beams: int = 1,
        seed: int = 0,
    ) -> str:
        """The prompt and its continuation. `num_beams` > 1 searches for the likeliest text instead of drawing one."""
        model = self.require_model()
        prompt_ids = self.tokenizer.encode(prompt)
        check(len(prompt_ids) >= 1, "the prompt is empty; give at least one character to continue")
        context = model.config.context_length
        check(
            len(prompt_ids) <= context,
            f"the prompt has {len(prompt_ids)} tokens, but this model looks back on at most {context}; shorten it",
        )
        if num_beams > 1:
            new_ids = beam_search(model, [prompt_ids], max_new_tokens, num_beams=num_beams)[0][0][1]
        else:
            new_ids = generate(
                model,
                [prompt_ids],
                max_new_tokens,
                sampling=Sampling(temperature, top_k, top_p),
                generator=torch.Generator().manual_seed(seed),
            )[0]
        return prompt + self.tokenizer.decode(new_ids)

    def attend(self, text: str) -> AttendedText:
        """Where each token of `text` looks, in every layer and head; `.plot()` draws it."""
        ids = self.tokenizer.encode(text)
        check(len(ids) > 0, "the text is empty, so there is no token whose attention could be shown")
        model = self.require_model()
        found = recorded_attention(model, lambda: model(torch.tensor([ids], device=self.device)), SelfAttention)
        weights, queries, keys = (kept[:, 0].numpy() for kept in (found.weights, found.queries, found.keys))
        return AttendedText([self.tokenizer.token_text(token) for token in ids], weights, queries, keys)
