"""A model that sorts texts: `TextClassifier().fit(texts, labels).predict(texts)`.

From scratch, or from a pretrained encoder whose weights are adjusted in one of three ways:
- "full": all of them, those near the input more carefully (layer-wise rates);
- "frozen": none, only the new output layer learns;
- "lora": small matrices beside the frozen ones (Hu et al. 2021), folded into them afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.token_texts import TokenTexts
from minimm.errors import check
from minimm.layers.adapters import add_lora, merge_lora
from minimm.layers.initialization import initialize
from minimm.layers.softmax import softmax
from minimm.metrics import accuracy, precision_recall_f1
from minimm.models.sequence_classifier import SequenceClassifier
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks.presets import choose_preset
from minimm.tasks.task import Task
from minimm.tasks.text.masked_text_model import encode_texts, encoder_config
from minimm.tasks.text.presets import ENCODER_PRESETS
from minimm.tasks.text.pretrained import load_encoder
from minimm.tasks.texts import listed
from minimm.tokenizers import WordPieceTokenizer
from minimm.training.description import config_from, texts_in
from minimm.training.fine_tuning import freeze
from minimm.training.losses import cross_entropy

METHODS = ("full", "frozen", "lora")
LORA_RANK, LORA_ALPHA = 4, 8.0
FEWEST_TO_SPLIT = 200  # with fewer labelled texts all are learned from, and the last weights are kept
EVALUATION_WINDOWS = 64  # at once


class TextClassifier(Task):
    """Reads a text and gives it one of the labels it was taught.

    Args:
        preset: "tiny" or "small"; the size when there is no `pretrained` encoder, and the training.
        pretrained: folder of an encoder to start from, ours or a Hugging Face BERT; None = from scratch.
        method: how the pretrained weights are adjusted: "full", "frozen" or "lora".
        label_smoothing: share of certainty that the targets give away, 0 to 1; see `training.losses`.
        options: any field of `EncoderPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "text_classifier"

    def __init__(
        self,
        preset: str = "tiny",
        *,
        pretrained: str | Path | None = None,
        method: str = "full",
        label_smoothing: float = 0.0,
        seed: int = 0,
        device: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, device=device)
        check(method in METHODS, f"method={method!r} is not known; choose from {METHODS}")
        check(
            method == "full" or pretrained is not None,
            f"method={method!r} adjusts a pretrained encoder, but none was given; name its folder with pretrained=",
        )
        self.preset = choose_preset(ENCODER_PRESETS, preset, options)
        self.pretrained, self.method, self.label_smoothing = pretrained, method, label_smoothing
        self.labels: list[str] = []

    def architecture(self) -> dict[str, Any]:
        """The encoder's config, the labels, and how a text becomes one vector."""
        model = self.require_model()
        pooling = "mean" if model.pooler is None else "first"
        return {"encoder": asdict(model.encoder.config), "labels": self.labels, "pooling": pooling}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `SequenceClassifier`."""
        encoder = TextEncoder(config_from(TextEncoderConfig, architecture["encoder"]))
        return SequenceClassifier(encoder, len(architecture["labels"]), pooling=architecture["pooling"])

    def _after_load(self, architecture: dict[str, Any]) -> None:
        self.labels = texts_in(architecture["labels"], "labels")

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> TextClassifier:
        """Learn from texts and their labels, which may be any strings; limits as in `TextGenerator.fit`.

        From 200 texts on, a tenth of each label is kept to choose the best weights by; with fewer all are learned from.
        """
        texts, labels = listed(texts), [str(label) for label in labels]
        check_labelled(texts, labels)
        self.labels = sorted(set(labels))
        check(
            len(self.labels) >= 2,
            f"all {len(texts)} texts have the label {self.labels[0]!r}, so there is nothing to tell apart; "
            "give two labels or more",
        )
        numbers = [self.labels.index(label) for label in labels]
        kept, validation = split_by_label(numbers) if len(texts) >= FEWEST_TO_SPLIT else (list(range(len(texts))), [])
        self._start([texts[i] for i in kept])
        training = self._encode(texts, numbers, kept)
        validating = self._encode(texts, numbers, validation) if validation else None
        self._train(
            self.preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: training.draw(generator, self.preset.batch_size),
            loss=lambda model, batch: self._loss(model, batch, self.label_smoothing),
            validate=None if validating is None else lambda model: self._mean_loss(model, validating),
            batch_items=self.preset.batch_size,
            unit="text",
        )
        if self.method == "lora":
            merge_lora(self.model)
            if folder is not None:
                self.save(folder)
        return self

    def _start(self, texts: Sequence[str]) -> None:
        """Build the model, its first weights and its tokenizer."""
        generator = torch.Generator().manual_seed(self.seed)
        if self.pretrained is None:
            self.tokenizer = WordPieceTokenizer.train(texts, self.preset.vocab_size)
            config = encoder_config(self.preset, self.tokenizer.vocab_size)
            self.model = SequenceClassifier(TextEncoder(config), len(self.labels))
            initialize(self.model, generator, config.num_layers)
            return
        encoder, self.tokenizer = load_encoder(self.pretrained)
        # A BERT is read at its first token, as transformers does, so that the classifier can be exported.
        pooling = "first" if encoder.config.post_norm else "mean"
        self.model = SequenceClassifier(encoder, len(self.labels), pooling=pooling)
        heads = ("output", "pooler") if pooling == "first" else ("output",)
        for head in heads:
            initialize(self.model.get_submodule(head), generator)
        if self.method != "full":
            freeze(self.model, except_=heads)
        if self.method == "lora":
            add_lora(self.model.encoder, LORA_RANK, LORA_ALPHA, generator=generator)

    def _encode(self, texts: Sequence[str], numbers: Sequence[int], chosen: Sequence[int]) -> LabelledTexts:
        context = self.model.encoder.config.context_length
        rows = encode_texts(self.tokenizer, [texts[i] for i in chosen], context)
        return LabelledTexts(rows, [numbers[i] for i in chosen], pad_id=self.tokenizer.pad_id)

    def _loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], label_smoothing: float = 0.0) -> Tensor:
        ids, mask, labels = (part.to(self.device) for part in batch)
        return cross_entropy(model(ids, mask), labels, label_smoothing=label_smoothing)

    def _mean_loss(self, model: nn.Module, texts: LabelledTexts) -> float:
        total = sum(self._loss(model, batch).item() * len(batch[2]) for batch in texts.evaluation_batches())
        return total / len(texts)

    @torch.inference_mode()
    def predict_probabilities(self, texts: Sequence[str]) -> Tensor:
        """(number of texts, number of labels) float32, in the order of `labels`; each row sums to one.

        A text longer than the model's context is read in windows side by side, whose logits are averaged.
        """
        texts = listed(texts)
        check_written(texts)
        model = self.require_model().eval()
        tokens, context = self.tokenizer, model.encoder.config.context_length
        room = context - 2
        check(
            room >= 1,
            f"the encoder reads context_length={context} tokens, but a text and its two marks take at least 3",
        )
        rows, owners = [], []
        for number, text in enumerate(texts):
            ids = tokens.encode(text, unknown="replace")
            for start in range(0, max(len(ids), 1), room):
                rows.append([tokens.bos_id, *ids[start : start + room], tokens.eos_id])
                owners.append(number)
        logits = torch.zeros(len(texts), len(self.labels))
        for chosen, ids, mask in TokenTexts(rows, pad_id=tokens.pad_id).batches(EVALUATION_WINDOWS):
            found = model(ids.to(self.device), mask.to(self.device)).float().cpu()
            logits.index_add_(0, torch.tensor([owners[i] for i in chosen]), found)
        windows = torch.bincount(torch.tensor(owners), minlength=len(texts))
        return softmax(logits / windows[:, None])

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each text."""
        return [self.labels[i] for i in self.predict_probabilities(texts).argmax(dim=1).tolist()]

    def evaluate(self, texts: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
        """`accuracy`, and `precision`, `recall` and `f1` as means over the labels, all from 0 to 1."""
        texts, labels = listed(texts), [str(label) for label in labels]
        check_labelled(texts, labels)
        unknown = sorted(set(labels) - set(self.labels))
        check(
            not unknown,
            f"the labels {unknown[:5]} were never taught to this model; it knows {self.labels}",
        )
        predicted = self.predict(texts)
        precision, recall, f1 = precision_recall_f1(labels, predicted, average="macro")
        return {"accuracy": accuracy(labels, predicted), "precision": precision, "recall": recall, "f1": f1}


class LabelledTexts(TokenTexts):
    """`TokenTexts` with a label, a number from 0, for each."""

    def __init__(self, rows: Sequence[list[int]], labels: Sequence[int], *, pad_id: int) -> None:
        super().__init__(rows, pad_id=pad_id)
        self.labels = torch.tensor(list(labels))

    def draw(self, generator: torch.Generator, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Random texts of similar length: ids (B, T), mask (B, T) and labels (B,)."""
        chosen, ids, mask = super().draw(generator, batch_size)
        return ids, mask, self.labels[chosen]

    def evaluation_batches(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Every text once."""
        return [(ids, mask, self.labels[chosen]) for chosen, ids, mask in self.batches(EVALUATION_WINDOWS)]


def check_labelled(texts: Sequence[str], labels: Sequence[str]) -> None:
    """Raise unless there is one label for each text, and no text is empty."""
    check(
        len(texts) == len(labels) and len(texts) > 0,
        f"there are {len(texts)} texts and {len(labels)} labels; give one label for each text, and at least one text",
    )
    check_written(texts)


def check_written(texts: Sequence[str]) -> None:
    """Raise if one of the texts is empty."""
    for number, text in enumerate(texts):
        check(text.strip() != "", f"texts[{number}] is empty; leave it out, or write at least one word")


def split_by_label(labels: Sequence[int]) -> tuple[list[int], list[int]]:
    """Numbers of the texts to learn from, and of every tenth text of each label to validate on."""
    seen: Counter[int] = Counter()
    kept, validation = [], []
    for number, label in enumerate(labels):
        seen[label] += 1
        (validation if seen[label] % 10 == 0 else kept).append(number)
    return kept, validation
