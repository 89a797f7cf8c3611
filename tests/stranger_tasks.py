"""The smallest task of every kind, with first weights, and a tokenizer of every kind: what a stranger may have changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minimm.layers.fusion import FusionConfig
from minimm.layers.initialization import initialize
from minimm.models.audio_encoder import AudioEncoderConfig
from minimm.models.dual_encoder import DualEncoderConfig
from minimm.models.image_encoder import ImageEncoderConfig
from minimm.models.image_tokenizer import ImageTokenizerConfig
from minimm.models.language_model import LanguageModelConfig
from minimm.models.patch_image_encoder import PatchImageEncoderConfig
from minimm.models.text_encoder import TextEncoderConfig
from minimm.models.text_to_image import TextToImageConfig
from minimm.models.video_encoder import VideoEncoderConfig
from minimm.tasks.answering.multimodal_assistant import MultimodalAssistant
from minimm.tasks.answering.visual_question_answerer import VisualQuestionAnswerer
from minimm.tasks.any_task import load_any_task
from minimm.tasks.drawing.text_to_image_generator import TextToImageGenerator
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever
from minimm.tasks.task import Task
from minimm.tasks.text.masked_text_model import MaskedTextModel
from minimm.tasks.text.question_answerer import QuestionAnswerer
from minimm.tasks.text.text_classifier import TextClassifier
from minimm.tasks.text.text_generator import TextGenerator
from minimm.tasks.text.translator import Translator
from minimm.tasks.writing.image_captioner import ImageCaptioner
from minimm.tasks.writing.speech_recognizer import SpeechRecognizer
from minimm.tasks.writing.video_captioner import VideoCaptioner
from minimm.tokenizers import (
    BytePairTokenizer,
    CharacterTokenizer,
    ForeignBytePairTokenizer,
    PromptTokenizer,
    Tokenizer,
    WordPieceTokenizer,
    WordTokenizer,
    load_hugging_face_tokenizer,
    save_hugging_face_tokenizer,
)

TEXT = "the fox drinks at the river, and the old miller looks at the red cat. " * 3
BYTE_PAIR, WORD_PIECE = BytePairTokenizer.train(TEXT, 280), WordPieceTokenizer.train(TEXT, 60)
CHARACTER, WORD = CharacterTokenizer.train(TEXT), WordTokenizer.train(TEXT)
PROMPT = PromptTokenizer.train("<image> <audio> <video> what is there? the red fox")


def _foreign(tokenizer: BytePairTokenizer) -> ForeignBytePairTokenizer:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        save_hugging_face_tokenizer(tokenizer, folder)
        return load_hugging_face_tokenizer(folder)


TOKENIZERS = {t.kind: t for t in (CHARACTER, WORD, BYTE_PAIR, WORD_PIECE, PROMPT, _foreign(BYTE_PAIR))}


def use_tokenizer(tokenizer: Tokenizer) -> None:
    """Encode, decode, label."""
    tokenizer.decode(tokenizer.encode("the red fox", unknown="replace"))
    tokenizer.encode_batch(["the", "fox!"], add_bos=True, add_eos=True, unknown="replace")
    tokenizer.token_text(tokenizer.vocab_size - 1)


def text_encoder(tokenizer: Tokenizer, **options: Any) -> TextEncoderConfig:
    sizes = {"context_length": 16, "d_model": 8, "num_heads": 2, "num_layers": 1}
    return TextEncoderConfig(vocab_size=tokenizer.vocab_size, **sizes | options)


def decoder(tokenizer: Tokenizer, **options: Any) -> LanguageModelConfig:
    sizes = {"context_length": 16, "d_model": 8, "num_heads": 2, "num_layers": 1}
    return LanguageModelConfig(vocab_size=tokenizer.vocab_size, **sizes | options)


SEES = ImageEncoderConfig(image_size=8, channels=(4, 4), d_model=8)
HEARS = AudioEncoderConfig(num_mels=8, channels=(4, 4), d_model=8)
WATCHES = VideoEncoderConfig(image_size=8, channels=(4, 4), d_model=8, num_frames=2)
WRITES = asdict(decoder(WORD, d_memory=8))


def described(config: Any) -> dict[str, Any]:
    return {"class": type(config).__name__.removesuffix("Config"), **asdict(config)}


# The task, its architecture, and its tokenizer.
TASKS: dict[str, tuple[type[Task], dict[str, Any], Tokenizer]] = {
    "language model": (TextGenerator, asdict(decoder(CHARACTER)), CHARACTER),
    "GPT-2's shape": (
        TextGenerator,
        asdict(decoder(BYTE_PAIR, positions="learned", normalization="layer", feed_forward="gelu_tanh", bias=True)),
        BYTE_PAIR,
    ),
    "masked language model": (MaskedTextModel, asdict(text_encoder(WORD_PIECE, positions="sinusoidal")), WORD_PIECE),
    "question answerer": (QuestionAnswerer, asdict(text_encoder(WORD_PIECE)), WORD_PIECE),
    "classifier": (
        TextClassifier,
        {"encoder": asdict(text_encoder(WORD_PIECE)), "labels": ["bad", "good"], "pooling": "mean"},
        WORD_PIECE,
    ),
    "translator": (
        Translator,
        {"encoder": asdict(text_encoder(BYTE_PAIR)), "decoder": asdict(decoder(BYTE_PAIR, d_memory=8))},
        BYTE_PAIR,
    ),
    "captioner": (
        ImageCaptioner,
        {"encoder_kind": "cnn", "language": "en", "encoder": asdict(SEES), "decoder": WRITES},
        WORD,
    ),
    "captioner of patches": (
        ImageCaptioner,
        {
            "encoder_kind": "patches",
            "language": "en",
            "encoder": asdict(PatchImageEncoderConfig(8, 4, 8, 2, 1)),
            "decoder": WRITES,
        },
        WORD,
    ),
    "speech recognizer": (
        SpeechRecognizer,
        {"encoder": asdict(HEARS), "decoder": WRITES, "sample_rate": 8000},
        WORD,
    ),
    "video captioner": (VideoCaptioner, {"encoder": asdict(WATCHES), "decoder": WRITES}, WORD),
    "visual question answerer": (
        VisualQuestionAnswerer,
        {
            "text_encoder": asdict(text_encoder(WORD)),
            "image_encoder": asdict(SEES),
            "fusion": asdict(FusionConfig(d_model=8, num_heads=2, num_layers=1)),
            "answers": ["red", "blue"],
            "blank": None,
        },
        WORD,
    ),
    "retriever": (
        CrossModalRetriever,
        {
            "encoders": {"image": described(SEES), "text": described(text_encoder(WORD)), "audio": described(HEARS)},
            "space": asdict(DualEncoderConfig(d_joint=4, num_heads=2)),
            "sample_rate": 8000,
        },
        WORD,
    ),
    "drawer": (
        TextToImageGenerator,
        asdict(TextToImageConfig(WORD.vocab_size, 4, ImageTokenizerConfig(8, (4, 4), 8, 2), 8, 2, 1)),
        WORD,
    ),
    "assistant": (
        MultimodalAssistant,
        {
            "language_model": asdict(decoder(PROMPT, context_length=32)),
            "encoders": {"image": described(SEES), "audio": described(HEARS), "video": described(WATCHES)},
            "place_ids": PROMPT.place_ids,
            "merge": {"image": [2, 2], "audio": [2], "video": [1, 2, 2]},
        },
        PROMPT,
    ),
}
PICTURE = np.full((3, 8, 8), 0.5, dtype=np.float32)
CLIP = np.stack([PICTURE, PICTURE])
SOUND = (0.5 * np.sin(np.arange(800) / 5).astype(np.float32), 8000)
# What is done with a task that opened; the law of the readers holds for this, too.
USES: dict[str, Callable[[Any], Any]] = {
    "language model": lambda task: task.generate("the", max_new_tokens=2),
    "GPT-2's shape": lambda task: task.generate("the", max_new_tokens=2),
    "classifier": lambda task: task.predict(["the red cat"]),
    "translator": lambda task: task.translate("the fox", num_beams=1),
    "captioner": lambda task: task.generate_caption(PICTURE),
    "captioner of patches": lambda task: task.generate_caption(PICTURE),
    "speech recognizer": lambda task: task.transcribe(SOUND),
    "video captioner": lambda task: task.generate_caption(CLIP),
    "visual question answerer": lambda task: task.answer(PICTURE, "the red fox"),
    "retriever": lambda task: task.embed(["the red fox"], "text"),
    "assistant": lambda task: task.chat("<image> what is there", images=[PICTURE]),
}


def new_task(name: str, bits: int | None = None) -> Task:
    """A task with first weights, ready to be used."""
    cls, architecture, tokenizer = TASKS[name]
    task = cls.__new__(cls)
    Task.__init__(task, device="cpu")
    task.model, task.tokenizer = cls.build(architecture), tokenizer
    initialize(task.model, torch.Generator().manual_seed(0))
    task._after_load(architecture)
    if bits:
        task.quantize(bits)
    task.model.eval()
    return task


def save_task(name: str, folder: Path, bits: int | None = None) -> None:
    """Write a task's folder."""
    new_task(name, bits).save(folder)


def use_task(name: str, folder: Path) -> None:
    """Open a task's folder and use it."""
    task = load_any_task(folder, "cpu")
    if name in USES:
        USES[name](task)
