"""Every task, trained for a few steps on next to nothing and then asked for what it is made for.

Run as a program it trains those that are named, or all, and prints for each a digest of the weights it ended with, of the
losses on the way, and of the answers: `python tests/all_tasks.py [--threads N] [--backwards] [NAME ...]`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from minimm.datasets.bundled import bundled
from minimm.datasets.moving_shapes import MovingShapes
from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.datasets.question_answering import Question
from minimm.datasets.scene_questions import SceneQuestions
from minimm.datasets.shapes import Shapes
from minimm.datasets.spoken_digits import SpokenDigits
from minimm.tasks import (
    CrossModalRetriever,
    ImageCaptioner,
    MaskedTextModel,
    MultimodalAssistant,
    PivotCaptioner,
    QuestionAnswerer,
    SpeechRecognizer,
    Summarizer,
    TextClassifier,
    TextGenerator,
    TextToImageGenerator,
    Translator,
    VideoCaptioner,
    VisualQuestionAnswerer,
)

STEPS = 4
JOBS = ("captions", "spoken_digits", "clips")
SENTENCE = "the quick brown fox jumps over a lazy dog and runs home before the rain comes down"
TEXTS = [" ".join(SENTENCE.split()[i % 5 : i % 5 + 4 + i % 7]) for i in range(60)]
LABELS = [("long", "short", "middling")[i % 3] for i in range(60)]
QUESTIONS = [
    Question(text, f"what is word {i % 3} of {i}?", (text.split()[1],), (text.index(" ") + 1,))
    for i, text in enumerate(TEXTS)
]
SIZES = {
    "d_model": 16,
    "num_heads": 2,
    "num_layers": 1,
    "batch_size": 6,
    "dropout": 0.2,
    "precision": "float32",
    "seed": 3,
}
SEEN = {"channels": (4, 8)}
BOTH = {name: value for name, value in SIZES.items() if name != "num_layers"} | {
    "num_encoder_layers": 1,
    "num_decoder_layers": 1,
    "vocab_size": 290,
}
READ = SIZES | {"vocab_size": 60}
JOINT = {name: value for name, value in SIZES.items() if name != "dropout"} | SEEN | {"d_joint": 8}
DRAWN = SIZES | {"image_size": 16, "channels": (4, 4), "num_codes": 8, "code_size": 2, "num_pictures": 20}


def scenes() -> torch.Tensor:
    """Three pictures."""
    return Shapes().draw(3, torch.Generator().manual_seed(5)).images


def recordings() -> SpokenDigits:
    """A few spoken digits."""
    digits = SpokenDigits("speech/en")
    return digits.part([recording for recording in digits.recordings if recording.speaker == "alto"])


def _pivot() -> tuple[PivotCaptioner, list]:
    task = PivotCaptioner(
        ImageCaptioner(**SIZES, **SEEN).fit(Shapes(), max_steps=STEPS),
        Translator(**BOTH).fit(TEXTS, TEXTS, max_steps=STEPS),
    )
    return task, task.translate(TEXTS[:3])


def _asked(task: Any, *answers: Callable[[Any], Any]) -> tuple[Any, list]:
    return task, [answer(task) for answer in answers]


TRAINED: dict[str, Callable[[], tuple[Any, list]]] = {  # by class: the trained task, and its answers
    "TextGenerator": lambda: _asked(
        TextGenerator(**READ, tokenizer="word", context_length=8, optimizer="muon").fit(" ".join(TEXTS), max_steps=STEPS),
        lambda task: task.generate("the quick", 20, seed=4),
        lambda task: task.generate("the quick", 20, num_beams=3),
    ),
    "MaskedTextModel": lambda: _asked(
        MaskedTextModel(**READ).fit(TEXTS, max_steps=STEPS), lambda task: task.fill("the quick ___ fox")
    ),
    "TextClassifier": lambda: _asked(
        TextClassifier(**READ).fit(TEXTS, LABELS, max_steps=STEPS), lambda task: task.predict_probabilities(TEXTS[:5])
    ),
    "QuestionAnswerer": lambda: _asked(
        QuestionAnswerer(**READ).fit(QUESTIONS, max_steps=STEPS), lambda task: task.answer("what is word 1?", TEXTS[0])
    ),
    "Translator": lambda: _asked(
        Translator(**BOTH).fit(TEXTS, [text[::-1] for text in TEXTS], max_steps=STEPS), lambda task: task.translate(TEXTS[0])
    ),
    "Summarizer": lambda: _asked(
        Summarizer(**BOTH).fit(TEXTS, [text.split()[0] for text in TEXTS], max_steps=STEPS),
        lambda task: task.summarize(TEXTS[0]),
    ),
    "ImageCaptioner": lambda: _asked(
        ImageCaptioner(**SIZES, **SEEN).fit(Shapes(), max_steps=STEPS),
        lambda task: task.generate_captions(scenes()),
        lambda task: task.generate_captions(scenes(), num_beams=3),
    ),
    "PivotCaptioner": _pivot,
    "VideoCaptioner": lambda: _asked(
        VideoCaptioner(**SIZES, **SEEN).fit(MovingShapes(), max_steps=STEPS),
        lambda task: task.generate_captions(MovingShapes().draw(2, torch.Generator().manual_seed(5)).clips),
    ),
    "SpeechRecognizer": lambda: _asked(
        SpeechRecognizer(**SIZES, **SEEN).fit(recordings(), max_steps=STEPS),
        lambda task: task.transcribe(bundled("speech") / "en" / "6_alto_0.wav"),
    ),
    "CrossModalRetriever": lambda: _asked(
        CrossModalRetriever(**JOINT).fit(Shapes(), max_steps=STEPS),
        lambda task: task.index(list(scenes().numpy())).search("a small red circle"),
    ),
    "VisualQuestionAnswerer": lambda: _asked(
        VisualQuestionAnswerer(**SIZES, **SEEN).fit(SceneQuestions(), max_steps=STEPS),
        lambda task: task.probabilities(scenes(), ["how many red shapes are there"] * 3),
    ),
    "MultimodalAssistant": lambda: _asked(
        MultimodalAssistant(**SIZES).fit(MultimodalInstructions(JOBS, "train", "speech"), max_steps=STEPS),
        lambda task: task.chat("<image> describe the picture", images=[scenes()[0].numpy()]),
    ),
    "TextToImageGenerator": lambda: _asked(
        TextToImageGenerator(**DRAWN).fit(Shapes(image_size=16), max_steps=2 * STEPS),
        lambda task: task.draw_all(["a small red circle"], seed=4),
    ),
}  # fmt: skip


def digest(name: str) -> str:
    """Of everything that a task has become and says, to the last bit."""
    task, answers = TRAINED[name]()
    found = hashlib.sha256()
    for part in vars(task).values() if name == "PivotCaptioner" else (task,):
        for parameter, value in part.model.named_parameters() if hasattr(part, "model") else ():
            found.update(parameter.encode() + value.detach().numpy().tobytes())
        history = part.training.history if hasattr(part, "training") else part
        found.update(repr(history).encode())
    for answer in answers:
        found.update(answer.numpy().tobytes() if isinstance(answer, torch.Tensor) else repr(answer).encode())
    return found.hexdigest()


def main(arguments: list[str]) -> None:
    """Print the digests as JSON. What the program does besides must not matter: the order, and random numbers of others."""
    backwards = "--backwards" in arguments
    threads = int(arguments[arguments.index("--threads") + 1]) if "--threads" in arguments else 1
    torch.set_num_threads(threads)
    names = [name for name in TRAINED if name in arguments] or list(TRAINED)
    digests = {}
    for number, name in enumerate(reversed(names) if backwards else names):
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(number + 100 * backwards)
        with contextlib.redirect_stdout(io.StringIO()):
            digests[name] = digest(name)
    print(json.dumps(digests))


if __name__ == "__main__":
    main(sys.argv[1:])
