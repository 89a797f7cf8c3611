"""A model that answers questions about pictures: `VisualQuestionAnswerer().fit(dataset).answer(picture, question)`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.picture_questions import PictureQuestions, plain_question
from minimm.datasets.scene_questions import QuestionedScenes
from minimm.errors import check
from minimm.features.image import load_image
from minimm.interpretation.fused_attention import text_to_image_attention
from minimm.layers.fusion import FusionConfig, build_fusion
from minimm.layers.initialization import initialize
from minimm.layers.softmax import softmax
from minimm.metrics import accuracy
from minimm.metrics.blind import blind_accuracy
from minimm.models.classifier import FusedClassifier
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks.answering.presets import QUESTION_PRESETS
from minimm.tasks.answering.question_data import Asked, QuestionData, question_source, questions_of
from minimm.tasks.answering.specialists import take_over_encoder
from minimm.tasks.attended import AttendedQuestion
from minimm.tasks.presets import choose_preset
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.task import Task
from minimm.tasks.texts import listed
from minimm.tokenizers import WordTokenizer
from minimm.training.description import config_from, texts_in
from minimm.training.language_prior import LanguagePrior
from minimm.training.losses import cross_entropy

BATCH = 256  # questions at once in evaluation
ROOM = 8  # words that a question may be longer than any that was learned from
BLANKS = (None, "image", "question")


class VisualQuestionAnswerer(Task):
    """One encoder reads the question, one looks at the picture, a fusion brings them together, and one answer is chosen.

    Args:
        preset: "tiny" (32 x 32 pixels); see `tasks.answering.presets`.
        fusion: which of `layers.fusion.FUSIONS`; None = the preset's.
        blank: "image" or "question": what the model never gets to see, in training or after. How much is answered right
            without the picture is how much of an answer is no sign of sight.
        image_encoder: the folder of a trained captioner, retriever or the like: its eyes are taken over, and learn on.
        options: any field of `QuestionPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "visual_question_answerer"

    def __init__(
        self,
        preset: str = "tiny",
        *,
        fusion: str | None = None,
        blank: str | None = None,
        image_encoder: str | Path | None = None,
        seed: int = 0,
        device: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, device=device)
        check(blank in BLANKS, f"blank={blank!r} is not known; choose 'image', 'question' or None")
        options |= {} if fusion is None else {"fusion": fusion}
        self.preset = choose_preset(QUESTION_PRESETS, preset, options)
        self.blank, self.image_encoder = blank, image_encoder
        self.answers: list[str] = []

    def architecture(self) -> dict[str, Any]:
        """The configs of the three parts, the answers to choose from, and what is blanked."""
        model = self.require_model()
        parts = {"text_encoder": model.text_encoder, "image_encoder": model.image_encoder, "fusion": model.fusion}
        configs = {name: asdict(part.config) for name, part in parts.items()}
        return {**configs, "answers": self.answers, "blank": self.blank}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `FusedClassifier`."""
        return FusedClassifier(
            TextEncoder(config_from(TextEncoderConfig, architecture["text_encoder"])),
            ImageEncoder(config_from(ImageEncoderConfig, architecture["image_encoder"])),
            build_fusion(config_from(FusionConfig, architecture["fusion"])),
            len(architecture["answers"]),
        )

    def _after_load(self, architecture: dict[str, Any]) -> None:
        self.answers = texts_in(architecture["answers"], "answers")
        self.blank = architecture["blank"]
        check(self.blank in BLANKS, f"blank={self.blank!r:.60} is not known; choose 'image', 'question' or None")

    def fit(
        self,
        dataset: QuestionData,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> VisualQuestionAnswerer:
        """Learn from pictures with questions and answers.

        Args:
            dataset: scenes drawn on the fly (`SceneQuestions`), a `PictureQuestions`, or the path of such a folder, of
                whose pictures every tenth is kept to choose the best weights by.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset = self.preset
        source = question_source(dataset, preset.image_size)
        self.answers = source.choices
        check(
            len(self.answers) >= 2,
            f"every answer is {self.answers[0]!r}, so there is nothing to learn; give others too",
        )
        self.tokenizer = WordTokenizer.train(source.questions)
        longest = max(len(self.tokenizer.encode(question)) for question in source.questions)
        text = TextEncoderConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=1 + longest + ROOM,  # <bos> in front
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_text_layers,
            dropout=preset.dropout,
        )
        image = ImageEncoderConfig(preset.image_size, preset.channels, preset.d_model)
        fusion = FusionConfig(
            preset.fusion, preset.d_model, preset.num_heads, preset.num_layers, preset.d_ff, preset.dropout
        )
        parts = {"text_encoder": asdict(text), "image_encoder": asdict(image), "fusion": asdict(fusion)}
        self.model = self.build(parts | {"answers": self.answers})
        generator = torch.Generator().manual_seed(self.seed)
        initialize(self.model, generator, preset.num_layers, linear_std=preset.d_model**-0.5)
        if self.image_encoder is not None:
            take_over_encoder(self.model.image_encoder, self.image_encoder, "image")
        # Whoever never sees a picture is to learn just what the questions give away.
        told = ([], []) if self.blank == "image" else (source.questions, source.answers)
        prior, validation = LanguagePrior(*told, self.answers), source.validation

        def loss(model: nn.Module, batch: Asked) -> Tensor:
            images, questions, answers = batch
            targets = torch.tensor([self.answers.index(answer) for answer in answers], device=self.device)
            logits = model(*self._inputs(images, questions))
            return cross_entropy(logits.masked_fill(~prior.mask(questions, targets), -math.inf), targets)

        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: source.draw(preset.batch_size, generator),
            loss=loss,
            validate=None if validation is None else lambda model: loss(model, validation).item(),
            batch_items=preset.batch_size,
            unit="question",
        )
        return self

    def _inputs(self, images: Tensor, questions: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids (B, T), pictures (B, 3, S, S) and the mask of the ids (B, T); what is blank is a bare <bos>, or grey."""
        if self.blank == "question":
            questions = [""] * len(questions)
        if self.blank == "image":
            images = torch.full_like(images, 0.5)
        ids, mask = self.tokenizer.encode_batch(list(questions), add_bos=True, unknown="replace")
        longest = self.require_model().text_encoder.config.context_length
        check(
            ids.shape[1] <= longest,
            f"a question has {ids.shape[1] - 1} words and signs, but this model reads at most {longest - 1}; ask shorter",
        )
        return torch.from_numpy(ids).to(self.device), images.to(self.device), torch.from_numpy(mask).to(self.device)

    def _load(self, images: Sequence[Any] | Tensor) -> Tensor:
        """Any pictures -> (B, 3, S, S); a tensor of the encoder's size is taken as it is."""
        size = self.require_model().image_encoder.config.image_size
        if isinstance(images, Tensor) and images.ndim == 4:
            return images
        return torch.stack([torch.from_numpy(load_image(image, size=size)) for image in images])

    @torch.inference_mode()
    def probabilities(self, images: Sequence[Any] | Tensor, questions: Sequence[str]) -> Tensor:
        """(B, number of answers) float32, in the order of `answers`; each row sums to one.

        Args:
            images: B paths, PIL images or arrays (3, H, W) in [0, 1], or a tensor (B, 3, S, S). questions: B texts.
        """
        questions = listed(questions, "questions")
        model = self.require_model().eval()
        check(
            len(images) == len(questions) > 0,
            f"there are {len(images)} pictures and {len(questions)} questions; give one question for each picture",
        )
        images, questions = self._load(images), [plain_question(question) for question in questions]
        rows = []
        for start in range(0, len(questions), BATCH):
            part = slice(start, start + BATCH)
            rows.append(softmax(model(*self._inputs(images[part], questions[part])).float()).cpu())
        return torch.cat(rows)

    def answer_all(self, images: Sequence[Any] | Tensor, questions: Sequence[str]) -> list[str]:
        """The likeliest answer to each question about the picture beside it."""
        return [self.answers[i] for i in self.probabilities(images, questions).argmax(dim=-1).tolist()]

    def answer(self, image: Any, question: str) -> str:
        """The likeliest answer to a question about a picture: a path, a PIL image or an array (3, H, W) in [0, 1]."""
        return self.answer_all([image], [question])[0]

    def attend(self, image: Any, question: str) -> AttendedQuestion:
        """Where the model looks for each word of the question; `.plot()` draws it."""
        images, question = self._load([image]), plain_question(question)
        row = self.probabilities(images, [question])[0]
        model, (ids, *rest) = self.require_model(), self._inputs(images, [question])
        weights = text_to_image_attention(model.fusion, lambda: model(ids, *rest), ids.shape[1])[:, 0]  # (L, H, T, N)
        words = [self.tokenizer.token_text(token).lstrip("␣") for token in ids[0, 1:].tolist()]
        # <bos> looks as well, but names nothing; where the question looks as a whole there is one map for all of it.
        words, weights = (words, weights[:, :, 1:]) if weights.shape[2] > 1 else ([question], weights)
        grid = (model.image_encoder.config.grid_size,) * 2
        best = int(row.argmax())
        maps = weights.unflatten(-1, grid).numpy()
        return AttendedQuestion(images[0].numpy(), words, maps, question, self.answers[best], row[best].item())

    def evaluate(
        self,
        dataset: QuestionedScenes | PictureQuestions | str | Path,
        seen: QuestionedScenes | PictureQuestions | None = None,
    ) -> dict[str, float]:
        """`accuracy`, 0 to 1; of scenes also by kind, `accuracy_count` and so on.

        Of a folder, the questions that `fit` keeps back are asked, if it has enough, about pictures that are changed anew.
        `seen` are questions of the kind learned from; it gives `accuracy_chance`, what they say about the answers to whoever
        may not look.
        """
        if isinstance(dataset, str | Path):
            dataset = PictureQuestions(dataset, self.require_model().image_encoder.config.image_size)
        if isinstance(dataset, PictureQuestions):
            numbers = dataset.split()[1] or list(range(len(dataset)))
            generator = torch.Generator().manual_seed(EVALUATION_SEED)
            images, questions, truth = questions_of(dataset, numbers, generator)
        else:
            images, questions, truth = dataset.images, dataset.questions, dataset.answers
        given = self.answer_all(images, questions)
        scores = {"accuracy": accuracy(truth, given)}
        if isinstance(dataset, QuestionedScenes):
            for kind in sorted(set(dataset.kinds)):
                rows = [i for i, name in enumerate(dataset.kinds) if name == kind]
                scores[f"accuracy_{kind}"] = accuracy([truth[i] for i in rows], [given[i] for i in rows])
        if seen is not None:
            scores["accuracy_chance"] = blind_accuracy(seen.questions, seen.answers, questions, truth)
        return scores
