"""Where the media of `multimodal_instructions.py` come from: one split of every data set, opened when it is first needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from minimm.datasets.handwritten_digits import HandwrittenDigits, augment_digits
from minimm.datasets.moving_shapes import MovingShapes
from minimm.datasets.scene_questions import RELATION_SHARE, QuestionedScenes, SceneQuestions
from minimm.datasets.shapes import Shapes
from minimm.datasets.spoken_digits import DIGIT_WORDS, SAMPLE_RATE, SPEEDS, SpokenDigits
from minimm.datasets.spoken_questions import SpokenQuestions
from minimm.features.audio import log_mel_batch
from minimm.features.audio_augmentation import mask_spans

IMAGE_SIZE = 32  # side of every picture and frame, in pixels
NUM_MELS = 40
DIGIT_OF = {word: digit for words in DIGIT_WORDS.values() for digit, word in enumerate(words)}  # in every language


class Sources:
    """All data sets of one split: "train", "test" or "held_out".

    Scenes and clips are drawn on the fly; digits are split by writer and by recording, and "held_out" means for them the
    same as "test".

    Args:
        speech: folder or name of the recordings of spoken digits.
    """

    def __init__(self, split: str, speech: str | Path = "fsdd") -> None:
        self.split, self.speech = split, speech
        self.drawn_split = {"test": "validation"}.get(split, split)
        self.stored_split = "train" if split == "train" else "test"

    @cached_property
    def scenes(self) -> Shapes:
        """Scenes of one to three shapes."""
        return Shapes(self.drawn_split, IMAGE_SIZE)

    @cached_property
    def short_scenes(self) -> Shapes:
        """Scenes of one or two shapes, for prompts with two of them."""
        return Shapes(self.drawn_split, IMAGE_SIZE, max_objects=2)

    @cached_property
    def questions(self) -> SceneQuestions:
        """Scenes with typed questions; in training relations are asked about more."""
        shares = {"relation_share": RELATION_SHARE} if self.split == "train" else {}
        return SceneQuestions(self.drawn_split, IMAGE_SIZE, **shares)

    @cached_property
    def clips(self) -> MovingShapes:
        """Clips of moving shapes."""
        return MovingShapes(self.drawn_split, IMAGE_SIZE)

    @cached_property
    def handwritten(self) -> HandwrittenDigits:
        """Handwritten digits."""
        return HandwrittenDigits(self.stored_split, IMAGE_SIZE)

    @cached_property
    def recordings(self) -> SpokenDigits:
        """Recordings of spoken digits."""
        return SpokenDigits(self.speech, SAMPLE_RATE).split(self.stored_split)

    @cached_property
    def spoken_questions(self) -> SpokenQuestions:
        """Scenes with spoken questions."""
        return SpokenQuestions(self.drawn_split, IMAGE_SIZE, NUM_MELS)

    def draw_written(
        self, count: int, generator: torch.Generator, *, half_of: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Handwritten digits, images (B, 3, S, S) and digits (B,): freshly changed for training, for tests as they are.

        Args:
            half_of: (B,) digits to take in half of all cases; in the others it will be another digit.
        """
        digits = self.handwritten.digits
        chosen = choose(len(digits), count, generator) if half_of is None else partners(half_of, digits, generator)
        images = self.handwritten.images[chosen]
        return augment_digits(images, generator) if self.split == "train" else images, digits[chosen]

    def draw_spoken(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Spoken digits: log-mels (B, F, num_mels), mask (B, F) and digits (B,); in training faster or slower, with noise, and
        with parts blanked out, in tests as they were recorded."""
        if self.split != "train":
            chosen = [self.recordings.recordings[i] for i in choose(len(self.recordings), count, generator).tolist()]
            digits = torch.tensor([recording.digit for recording in chosen])
            return *log_mel_batch([recording.waveform for recording in chosen], SAMPLE_RATE, NUM_MELS), digits
        speech = self.recordings.draw(count, generator, num_digits=(1, 1), speeds=SPEEDS)
        digits = torch.tensor([DIGIT_OF[text] for text in speech.texts])
        log_mels, mask = log_mel_batch(speech.waveforms, SAMPLE_RATE, NUM_MELS)
        return mask_spans(log_mels, mask.sum(dim=1), generator), mask, digits

    def draw_spoken_questions(self, count: int, generator: torch.Generator) -> tuple[QuestionedScenes, Tensor, Tensor]:
        """Scenes with spoken questions: what is asked, log-mels (B, F, num_mels), mask (B, F); in training with parts of the
        sound blanked out."""
        asked, log_mels, mask = self.spoken_questions.draw(count, generator)
        if self.split == "train":
            log_mels = mask_spans(log_mels, mask.sum(dim=1), generator)
        return asked, log_mels, mask


def choose(number: int, count: int, generator: torch.Generator) -> Tensor:
    """`count` of `number` things at random, none again before all have been taken."""
    rounds = [torch.randperm(number, generator=generator) for _ in range(-(-count // number))]
    return torch.cat(rounds)[:count]


def partners(wanted: Tensor, digits: Tensor, generator: torch.Generator) -> Tensor:
    """For each of `wanted` (B,) the index of an example of it in `digits` (N,), or in half of all cases of another digit."""
    shift = torch.randint(1, 10, wanted.shape, generator=generator)
    other = torch.rand(wanted.shape, generator=generator) < 0.5
    wanted = torch.where(other, (wanted + shift) % 10, wanted)
    scores = torch.rand(len(wanted), len(digits), generator=generator)
    return scores.masked_fill(digits != wanted[:, None], -1.0).argmax(dim=1)
