"""A model that answers from a text: `QuestionAnswerer().fit(questions).answer("Who ...?", text)`.

The answer is a span of the text. Over a folder of documents the passages that share the question's rare words are found
first (TF-IDF), the likeliest span in them is the answer, and its document is cited (as in Chen et al. 2017, "Reading
Wikipedia to answer open-domain questions").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.collection import Document, collect
from minimm.datasets.question_answering import Question
from minimm.datasets.spans import SpanBatch, SpanEncoder, SpanRow, SpanRows
from minimm.errors import check
from minimm.features.tf_idf import TfIdf
from minimm.layers.initialization import initialize
from minimm.metrics import normalized_exact_match, token_f1
from minimm.models.span_selector import SpanSelector, best_spans
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks.presets import choose_preset
from minimm.tasks.task import Task
from minimm.tasks.text.masked_text_model import encoder_config
from minimm.tasks.text.presets import ENCODER_PRESETS
from minimm.tasks.text.pretrained import load_encoder
from minimm.tokenizers import WordPieceTokenizer
from minimm.training.description import config_from
from minimm.training.losses import cross_entropy

LONGEST_ANSWER = 24  # tokens
VALIDATION_SHARE = 20  # one context in so many is kept for validation
PASSAGES = 3  # how many passages of a folder are read for a question
EVALUATION_ROWS = 32  # at once


@dataclass(frozen=True)
class Answer:
    """The words found, where they stand (characters in `passage`), how sure the model is, and which document says so."""

    text: str
    start: int
    probability: float
    passage: str
    source: str | None = None


class QuestionAnswerer(Task):
    """Points at the words of a text that answer a question.

    Args:
        preset: "tiny" or "small"; see `tasks.text.presets`. pretrained: folder of an encoder to start from, ours or a BERT.
        options: any field of `EncoderPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "question_answerer"

    def __init__(
        self,
        preset: str = "small",
        *,
        pretrained: str | Path | None = None,
        seed: int = 0,
        device: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(ENCODER_PRESETS, preset, options)
        self.pretrained = pretrained

    def architecture(self) -> dict[str, Any]:
        """The encoder's config."""
        return asdict(self.require_model().encoder.config)

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `SpanSelector`."""
        return SpanSelector(TextEncoder(config_from(TextEncoderConfig, architecture)))

    def fit(
        self,
        questions: Sequence[Question],
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> QuestionAnswerer:
        """Learn from questions with their texts and answers; limits as in `TextGenerator.fit`.

        One text in twenty, with all its questions, is kept for validation.
        """
        contexts = sorted({question.context for question in questions})
        check(len(contexts) >= 2, f"there are {len(contexts)} different texts; give questions about at least two")
        held = set(contexts[:: min(VALIDATION_SHARE, len(contexts))])
        training = [question for question in questions if question.context not in held]
        if self.pretrained is None:
            texts = [text for question in training for text in (question.context, question.question)]
            self.tokenizer = WordPieceTokenizer.train(texts, self.preset.vocab_size)
            config = encoder_config(self.preset, self.tokenizer.vocab_size, num_token_types=2)
            self.model = SpanSelector(TextEncoder(config))
            initialize(self.model, torch.Generator().manual_seed(self.seed), config.num_layers)
        else:
            encoder, self.tokenizer = load_encoder(self.pretrained)
            self.model = SpanSelector(encoder)
            initialize(self.model.output, torch.Generator().manual_seed(self.seed))
        rows = self._answered_rows(training)
        validation = self._answered_rows([question for question in questions if question.context in held])
        self._train(
            self.preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: rows.draw(generator, self.preset.batch_size),
            loss=self._loss,
            validate=lambda model: self._mean_loss(model, validation),
            batch_items=self.preset.batch_size,
            unit="question",
        )
        return self

    def _span_encoder(self) -> SpanEncoder:
        tokens = self.tokenizer
        context = self.require_model().encoder.config.context_length
        return SpanEncoder(lambda word: tokens.encode(word, unknown="replace"), tokens.bos_id, tokens.eos_id, context)

    def _answered_rows(self, questions: Sequence[Question]) -> SpanRows:
        encoder = self._span_encoder()
        rows = [
            row
            for question in questions
            for row in encoder.answered(
                question.question, question.context, question.answer_starts[0], question.answers[0]
            )
        ]
        return SpanRows(rows, pad_id=self.tokenizer.pad_id)

    def _logits(self, model: nn.Module, batch: SpanBatch) -> tuple[Tensor, Tensor]:
        types = batch.types if model.encoder.token_types is not None else None
        return model(batch.ids, batch.mask, types, batch.allowed)

    def _loss(self, model: nn.Module, batch: SpanBatch) -> Tensor:
        batch = batch.to(self.device)
        start, end = self._logits(model, batch)
        return (cross_entropy(start, batch.start) + cross_entropy(end, batch.end)) / 2

    def _mean_loss(self, model: nn.Module, rows: SpanRows) -> float:
        total = sum(self._loss(model, batch).item() * len(batch.ids) for _, batch in rows.batches(EVALUATION_ROWS))
        return total / len(rows)

    def answer(self, question: str, text: str) -> Answer:
        """The words of `text` that answer `question`; a long text is read in overlapping windows."""
        return self.answer_all([(question, text)])[0]

    @torch.inference_mode()
    def answer_all(self, questions: Sequence[tuple[str, str]]) -> list[Answer]:
        """Answers to many (question, text) pairs at once."""
        model, encoder = self.require_model().eval(), self._span_encoder()
        rows: list[SpanRow] = []
        owners: list[int] = []
        for number, (question, text) in enumerate(questions):
            for row in encoder.rows(question, text):
                rows.append(row)
                owners.append(number)
        # Windows of one text compete by their logits, since each window's probabilities sum to one by themselves.
        best: dict[int, tuple[float, Answer]] = {}
        for chosen, batch in SpanRows(rows, pad_id=self.tokenizer.pad_id).batches(EVALUATION_ROWS):
            start, end = (logits.cpu() for logits in self._logits(model, batch.to(self.device)))
            first, last, log_p = best_spans(start, end, LONGEST_ANSWER)
            scores = start.gather(1, first[:, None]) + end.gather(1, last[:, None])  # (B, 1)
            for i, a, b, p, score in zip(
                chosen, first.tolist(), last.tolist(), log_p.tolist(), scores[:, 0].tolist(), strict=True
            ):
                row, text = rows[i], questions[owners[i]][1]
                left, right = row.offsets[a - row.first][0], row.offsets[b - row.first][1]
                if owners[i] not in best or score > best[owners[i]][0]:
                    best[owners[i]] = score, Answer(text[left:right], left, math.exp(p), text)
        return [best[number][1] for number in range(len(questions))]

    def answer_from(self, question: str, documents: Sequence[Document] | str | Path) -> Answer:
        """The answer from a folder (or a list) of documents, with the one that says so as `source`.

        Passages are paragraphs. The span's probability times the passage's similarity to the question decides.
        """
        documents = collect([documents]) if isinstance(documents, str | Path) else documents
        passages = [
            (passage.strip(), document.source)
            for document in documents
            for passage in document.text.split("\n\n")
            if passage.strip()
        ]
        check(len(passages) > 0, "there is no text in the documents; give a folder with text files")
        index = TfIdf().fit([text for text, _ in passages])
        found = index.search(question, PASSAGES)
        check(
            len(found) > 0 and found[0][1] > 0,
            "no document shares a word with the question; ask in words that the documents use",
        )
        answers = self.answer_all([(question, passages[i][0]) for i, _ in found])
        weights = [answer.probability * score for answer, (_, score) in zip(answers, found, strict=True)]
        number = weights.index(max(weights))
        return replace(answers[number], source=str(passages[found[number][0]][1]))

    def evaluate(self, questions: Sequence[Question]) -> dict[str, float]:
        """`exact_match` and `f1`, 0 to 1, as SQuAD counts them: the best over each question's accepted answers."""
        found = self.answer_all([(question.question, question.context) for question in questions])
        texts = [answer.text for answer in found]
        accepted = [list(question.answers) for question in questions]
        return {"exact_match": normalized_exact_match(texts, accepted), "f1": token_f1(texts, accepted)}
