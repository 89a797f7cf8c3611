"""What translation and summarising share: an encoder reads one text, a decoder writes another, looking back at every word.

One byte-pair vocabulary serves both sides and one matrix is their embedding and the output (Vaswani et al. 2017, section
3.4): names and numbers are then copied by pointing at the same token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from minimm.datasets.text_corpus import IGNORE
from minimm.datasets.token_pairs import PairBatch, TokenPairs
from minimm.datasets.token_texts import pad_right
from minimm.errors import check
from minimm.features.sentences import join_sentences, split_sentences
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import generate
from minimm.interpretation.recorder import attention_maps
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import CrossAttention, SelfAttention
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks.attended import AttendedPair
from minimm.tasks.presets import choose_preset
from minimm.tasks.task import Task
from minimm.tasks.text.presets import PAIR_PRESETS
from minimm.tasks.texts import listed
from minimm.tokenizers import BytePairTokenizer
from minimm.training.description import config_from
from minimm.training.losses import cross_entropy

VALIDATION_SHARE = 20  # one pair in so many is kept for validation when none are given
EVALUATION_PAIRS = 64  # pairs at once in evaluation and in writing


class TextToText(Task):
    """Learns from pairs of texts to write the second when it reads the first.

    Args:
        preset: "tiny" (a few thousand short sentences, minutes) or "small" (tens of thousands); see `tasks.text.presets`.
        options: any field of `PairPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(PAIR_PRESETS, preset, options)

    def architecture(self) -> dict[str, Any]:
        """The configs of the encoder and of the decoder."""
        model = self.require_model()
        return {"encoder": asdict(model.encoder.config), "decoder": asdict(model.decoder.config)}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder` of a `TextEncoder` and a `LanguageModel` with one embedding."""
        encoder = TextEncoder(config_from(TextEncoderConfig, architecture["encoder"]))
        decoder = LanguageModel(config_from(LanguageModelConfig, architecture["decoder"]))
        return EncoderDecoder(encoder, decoder, share_embeddings=True)

    def _fit(
        self,
        pairs: Sequence[tuple[str, str]],
        validation: Sequence[tuple[str, str]] | None,
        *,
        max_steps: int | None,
        max_seconds: float | None,
        folder: str | Path | None,
        resume: bool,
    ) -> None:
        """Train on (source, target) pairs; without `validation` one pair in twenty is kept for it."""
        preset = self.preset
        check_pairs(pairs)
        if validation is None:
            check(
                len(pairs) >= 2, "there is only one pair; give at least two, one to learn from and one to validate on"
            )
            step = min(VALIDATION_SHARE, len(pairs))
            validation = [pair for number, pair in enumerate(pairs) if number % step == step - 1]
            pairs = [pair for number, pair in enumerate(pairs) if number % step != step - 1]
        check_pairs(validation)
        self.tokenizer = BytePairTokenizer.train([text for pair in pairs for text in pair], preset.vocab_size)
        training, validation_pairs = self._encode_pairs(pairs), self._encode_pairs(validation)
        shared = {
            "vocab_size": self.tokenizer.vocab_size,
            "context_length": preset.context_length,
            "d_model": preset.d_model,
            "num_heads": preset.num_heads,
            "dropout": preset.dropout,
        }
        encoder = TextEncoderConfig(**shared, num_layers=preset.num_encoder_layers)
        decoder = LanguageModelConfig(**shared, num_layers=preset.num_decoder_layers, d_memory=preset.d_model)
        self.model = self.build({"encoder": asdict(encoder), "decoder": asdict(decoder)})
        generator = torch.Generator().manual_seed(self.seed)
        initialize(self.model, generator, max(preset.num_encoder_layers, preset.num_decoder_layers))
        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: training.batch(generator, preset.batch_size),
            loss=lambda model, batch: self._loss(model, batch, preset.label_smoothing),
            validate=lambda model: self._mean_loss(model, validation_pairs),
            batch_items=preset.batch_size,
            unit="pair",
        )

    def _encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> TokenPairs:
        """Token ids of all pairs that fit into the context; how many do not is said."""
        room = self.preset.context_length - 1  # one place for <bos> or <eos>
        encoded = [(self.tokenizer.encode(source), self.tokenizer.encode(target)) for source, target in pairs]
        fitting = [(source, target) for source, target in encoded if max(len(source), len(target)) <= room]
        if len(fitting) < len(encoded):
            print(
                f"{len(encoded) - len(fitting)} of {len(encoded)} pairs are longer than {room} tokens and are left out"
            )
        check(
            len(fitting) > 0,
            f"every pair is longer than the {room} tokens that the model reads; give shorter texts or a larger context_length",
        )
        sources, targets = zip(*fitting, strict=True)
        tokens = self.tokenizer
        return TokenPairs(sources, targets, pad_id=tokens.pad_id, bos_id=tokens.bos_id, eos_id=tokens.eos_id)

    def _loss(self, model: nn.Module, batch: PairBatch, label_smoothing: float = 0.0) -> torch.Tensor:
        batch = batch.to(self.device)
        logits = model(batch.source, batch.inputs, batch.source_mask)  # (B, T_t, V)
        return cross_entropy(logits, batch.targets, label_smoothing=label_smoothing)

    def _mean_loss(self, model: nn.Module, pairs: TokenPairs) -> float:
        """Mean loss over every target token, in nats, without smoothing."""
        total, count = 0.0, 0
        for batch in pairs.evaluation_batches(EVALUATION_PAIRS):
            tokens = int((batch.targets != IGNORE).sum())
            total += self._loss(model, batch).item() * tokens
            count += tokens
        return total / count

    @torch.inference_mode()
    def _write(self, sources: Sequence[str], num_beams: int, alpha: float) -> list[str]:
        """The decoder's text for each source; texts of similar length are read together.

        A source beyond the model's context is read in parts of whole sentences, whose texts are put together.
        """
        model = self.require_model().eval()
        parts = [self._parts(source) for source in listed(sources)]
        rows = [self._checked_source(part) for found in parts for part in found]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        written: dict[int, str] = {}
        for start in range(0, len(order), EVALUATION_PAIRS):
            chosen = order[start : start + EVALUATION_PAIRS]
            ids, mask = pad_right([rows[i] for i in chosen], self.tokenizer.pad_id)
            memory = model.encode(ids.to(self.device), mask.to(self.device))
            prompts = [[self.tokenizer.bos_id]] * len(chosen)
            # A translation is rarely three times as long as its source; a bound keeps a bad one from going on for ever.
            longest = min(model.decoder.config.context_length - 1, 3 * ids.shape[1] + 10)
            options = {"end_id": self.tokenizer.eos_id, "memory": memory}
            if num_beams == 1:
                found = generate(model.decoder, prompts, longest, **options)
            else:
                beams = beam_search(model.decoder, prompts, longest, num_beams=num_beams, alpha=alpha, **options)
                found = [hypotheses[0][1] for hypotheses in beams]
            for i, new_ids in zip(chosen, found, strict=True):
                written[i] = self.tokenizer.decode(new_ids)
        texts = iter([written[i] for i in range(len(rows))])
        return [join_sentences([next(texts) for _ in found]) for found in parts]

    def _parts(self, source: str) -> list[str]:
        """The source itself when it fits into the context, else as many of its sentences together as fit."""
        longest = self.require_model().encoder.config.context_length

        def fits(text: str) -> bool:
            return len(self.tokenizer.encode(text)) + 1 <= longest

        if not isinstance(source, str) or fits(source):
            return [source]
        parts: list[str] = []
        for sentence in split_sentences(source):
            together = join_sentences([*parts[-1:], sentence])
            if parts and fits(together):
                parts[-1] = together
            else:
                parts.append(sentence)
        return parts

    def _checked_source(self, source: str) -> list[int]:
        """The ids that the encoder reads; an empty text and a single sentence beyond its context are refused."""
        check(isinstance(source, str) and source.strip() != "", f"the text is {source!r:.40}; give at least one word")
        ids = [*self.tokenizer.encode(source), self.tokenizer.eos_id]
        longest = self.require_model().encoder.config.context_length
        check(
            len(ids) <= longest,
            f"the text has {len(ids)} tokens, but this model reads at most {longest} at once; cut it into shorter sentences",
        )
        return ids

    def attend(self, source: str, target: str | None = None) -> AttendedPair:
        """Where the decoder looks for each token it writes (or for those of `target`); `.plot()` draws the map."""
        source_ids = self._checked_source(source)
        target = self._write([source], 1, 0.0)[0] if target is None else target
        target_ids = self.tokenizer.encode(target)
        check(len(target_ids) > 0, "the written text is empty, so there is no token whose attention could be shown")
        model = self.require_model()
        inputs = torch.tensor([[self.tokenizer.bos_id, *target_ids]], device=self.device)[:, :-1]
        source_row = torch.tensor([source_ids], device=self.device)
        weights, read, own = (
            attention_maps(part, lambda: model(source_row, inputs), kind)[:, 0].numpy()
            for part, kind in ((model, CrossAttention), (model.encoder, SelfAttention), (model.decoder, SelfAttention))
        )
        source_tokens, target_tokens, own_tokens = (
            [self.tokenizer.token_text(token) for token in ids] for ids in (source_ids, target_ids, inputs[0].tolist())
        )
        return AttendedPair(source_tokens, target_tokens, weights, read, own_tokens, own)


def check_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Raise unless there are pairs, and no text of them is empty."""
    check(len(pairs) > 0, "there are no pairs to learn from; give at least two")
    for number, (source, target) in enumerate(pairs, start=1):
        for side, text in (("source", source), ("target", target)):
            check(
                isinstance(text, str) and text.strip() != "",
                f"the {side} of pair {number} is {text!r:.40}, an empty text; remove the pair or write its text",
            )
