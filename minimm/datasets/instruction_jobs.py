"""The jobs of `multimodal_instructions.py`: each draws prompts in a few wordings, their media and the right answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.datasets.further_questions import ask_further
from minimm.datasets.instruction_sources import Sources
from minimm.datasets.instructions import Instructions
from minimm.datasets.scene_places import draw_places
from minimm.datasets.scene_questions import pick
from minimm.datasets.shapes import SceneObject, describe
from minimm.datasets.spoken_digits import DIGIT_WORDS

DIGITS = DIGIT_WORDS["en"]
DESCRIBE = "describe the picture"
FURTHER = 5  # questions about a scene after the first
TRANSCRIBE = "<audio> write down what is said"


@dataclass(frozen=True)
class Job:
    """One thing that the model should be able to do."""

    draw: Callable[[Sources, int, torch.Generator], Instructions]
    modalities: tuple[str, ...]  # in the order of the prompt's places
    share: float  # of the examples in a mixed batch, relative to the others
    metric: str  # "accuracy" of an answer that is one of a few, or "exact_match" of a sentence


def worded(wordings: Sequence[str], count: int, generator: torch.Generator) -> list[str]:
    """`count` times one of the wordings."""
    return [pick(wordings, choice) for choice in torch.rand(count, generator=generator).tolist()]


def captions(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Describe a scene."""
    scenes = sources.scenes.draw(count, generator)
    prompts = worded((f"<image> {DESCRIBE}", "<image> what does the picture show"), count, generator)
    return Instructions(prompts, scenes.captions, {"image": (scenes.images,)}, [[text] for text in scenes.captions])


def questions(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Answer a typed question about a scene, then further ones, and describe it at last."""
    asked = sources.questions.draw(count, generator)
    prompts = [f"<image> {question}" for question in asked.questions]
    told = [[describe(objects)] for objects in asked.objects]
    further = [ask_further(sources.questions, asked.objects, generator) for _ in range(FURTHER)]
    more = [[*turns, (DESCRIBE, caption)] for *turns, (caption,) in zip(*further, told, strict=True)]
    return Instructions(prompts, asked.answers, {"image": (asked.images,)}, told, more)


def places(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Say where in a scene a thing is."""
    placed = draw_places(sources.scenes, count, generator)
    told = [[text] for text in placed.scenes.captions]
    prompts = [f"<image> {question}" for question in placed.questions]
    return Instructions(prompts, placed.answers, {"image": (placed.scenes.images,)}, told)


def lists(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Name only the colours of a scene, or only the shapes: another instruction, another answer to the same picture."""
    scenes = sources.scenes.draw(count, generator)
    prompts = worded(("<image> name the colours", "<image> name the shapes"), count, generator)

    def answer(prompt: str, objects: list[SceneObject]) -> str:
        return " and ".join(item.colour if prompt.endswith("colours") else item.shape for item in objects)

    answers = [answer(*row) for row in zip(prompts, scenes.objects, strict=True)]
    return Instructions(prompts, answers, {"image": (scenes.images,)}, [[text] for text in scenes.captions])


def two_scenes(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Describe the first or the second of two pictures."""
    scenes = sources.short_scenes.draw(2 * count, generator)
    ordinals = worded(("first", "second"), count, generator)
    prompts = [f"<image> <image> describe the {ordinal} picture" for ordinal in ordinals]
    told = [scenes.captions[2 * row : 2 * row + 2] for row in range(count)]
    answers = [pair[ordinal == "second"] for pair, ordinal in zip(told, ordinals, strict=True)]
    return Instructions(prompts, answers, {"image": (scenes.images,)}, told)


def written_digits(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Read a handwritten digit."""
    images, digits = sources.draw_written(count, generator)
    names = [DIGITS[digit] for digit in digits.tolist()]
    prompts = worded(("<image> which digit is written", "<image> read the digit"), count, generator)
    return Instructions(prompts, names, {"image": (images,)}, [[name] for name in names])


def spoken_digits(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Understand a spoken digit."""
    log_mels, mask, digits = sources.draw_spoken(count, generator)
    names = [DIGITS[digit] for digit in digits.tolist()]
    prompts = worded(("<audio> which digit is spoken", "<audio> what number do you hear"), count, generator)
    return Instructions(prompts, names, {"audio": (log_mels, mask)}, [[name] for name in names])


def clips(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Say what a clip shows."""
    drawn = sources.clips.draw(count, generator)
    prompts = worded(("<video> what happens", "<video> describe the clip"), count, generator)
    return Instructions(prompts, drawn.captions, {"video": (drawn.clips,)}, [[text] for text in drawn.captions])


def same_digit(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Say whether two pictures show the same digit; half of them do."""
    first, digits = sources.draw_written(count, generator)
    second, others = sources.draw_written(count, generator, half_of=digits)
    images = torch.stack([first, second], dim=1).flatten(0, 1)  # (2 B, 3, S, S), pair by pair
    told, answers = compared(digits, others)
    return Instructions(["<image> <image> are the two digits the same"] * count, answers, {"image": (images,)}, told)


def heard_and_seen(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Say whether the spoken digit is the written one; half of them are."""
    log_mels, mask, spoken = sources.draw_spoken(count, generator)
    images, written = sources.draw_written(count, generator, half_of=spoken)
    told, answers = compared(written, spoken)
    prompts = ["<image> <audio> is the spoken digit the written one"] * count
    return Instructions(prompts, answers, {"image": (images,), "audio": (log_mels, mask)}, told)


def spoken_questions(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Answer a question about a scene that is only heard."""
    asked, log_mels, mask = sources.draw_spoken_questions(count, generator)
    told = [[describe(found), question] for found, question in zip(asked.objects, asked.questions, strict=True)]
    media = {"image": (asked.images,), "audio": (log_mels, mask)}
    return Instructions(["<image> <audio>"] * count, asked.answers, media, told)


def transcripts(sources: Sources, count: int, generator: torch.Generator) -> Instructions:
    """Write down a spoken question, without a picture."""
    asked, log_mels, mask = sources.draw_spoken_questions(count, generator)
    told = [[question] for question in asked.questions]
    return Instructions([TRANSCRIBE] * count, asked.questions, {"audio": (log_mels, mask)}, told)


def compared(digits: Tensor, others: Tensor) -> tuple[list[list[str]], list[str]]:
    """The names of each two digits, (B,) and (B,), and whether they are the same."""
    told = [[DIGITS[one], DIGITS[other]] for one, other in zip(digits.tolist(), others.tolist(), strict=True)]
    return told, ["yes" if one == other else "no" for one, other in told]


JOBS = {
    "captions": Job(captions, ("image",), 1.0, "exact_match"),
    "questions": Job(questions, ("image",), 3.0, "accuracy"),
    "places": Job(places, ("image",), 0.25, "exact_match"),
    "lists": Job(lists, ("image",), 0.5, "exact_match"),
    "two_scenes": Job(two_scenes, ("image", "image"), 0.5, "exact_match"),
    "written_digits": Job(written_digits, ("image",), 1.0, "accuracy"),
    "same_digit": Job(same_digit, ("image", "image"), 0.5, "accuracy"),
    "spoken_digits": Job(spoken_digits, ("audio",), 0.75, "accuracy"),
    "heard_and_seen": Job(heard_and_seen, ("image", "audio"), 0.5, "accuracy"),
    "clips": Job(clips, ("video",), 1.5, "exact_match"),
    "spoken_questions": Job(spoken_questions, ("image", "audio"), 1.5, "accuracy"),
    "transcripts": Job(transcripts, ("audio",), 0.5, "exact_match"),
}
SYNTHESIZED = ("spoken_questions", "transcripts")  # these need a program that speaks
RECORDED = tuple(name for name in JOBS if name not in SYNTHESIZED)
STORED = (
    "written_digits",
    "same_digit",
    "spoken_digits",
    "heard_and_seen",
    "transcripts",
)  # no scene: nothing is held out
