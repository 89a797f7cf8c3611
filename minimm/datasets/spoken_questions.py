"""Questions about scenes that are spoken, not typed, by the voices of a synthesiser.

Every question of four kinds (count, colour, shape, exists) is spoken a few times, each time by another voice, when the data
set is opened; the scenes are drawn on the fly as in `scene_questions.py`. Questions about relations are left out: there are
thousands of them, so few would be heard twice, and speaking each new one would take longer than learning from it.

No speaker, and no pairing of accent, speed and pitch, of the tests is heard in training.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from minimm.datasets.scene_questions import WORDINGS, QuestionedScenes, SceneQuestions, pick, plural
from minimm.datasets.shapes import COLOURS, SHAPES, SIZES
from minimm.features.audio import log_mel
from minimm.features.speech_synthesis import Voice, require_synthesizer, speak_all

SPOKEN_KINDS = ("count", "colour", "shape", "exists")
SAMPLE_RATE = 8000  # Hz
ACCENTS = ("en-us", "en-gb", "en-gb-x-rp")
SPEAKERS = {"train": ("m1", "m2", "m3", "m6", "m7", "f1", "f2", "f4"), "test": ("m4", "m5", "f3", "f5")}
SPEEDS = (130, 190)  # words a minute, least and most
PITCHES = (30, 70)
RENDITIONS = {"train": 5, "test": 1}  # how often each question is spoken, by another voice each time
VOICE_SEEDS = {"train": 11, "test": 12}


class SpokenQuestions:
    """Scenes with a spoken question each.

    Args:
        split: as for `SceneQuestions`; "train" is spoken by other voices than "validation" and "held_out".
        image_size: S, the side of a picture in pixels. num_mels: bands of the log-mel spectrogram.

    Raises `MinimmError` where nothing can speak.
    """

    def __init__(self, split: str = "train", image_size: int = 32, num_mels: int = 40) -> None:
        require_synthesizer()
        self.typed = SceneQuestions(split, image_size)
        self.voices, self.num_mels = "train" if split == "train" else "test", num_mels

    @property
    def pool(self) -> dict[str, list[Tensor]]:
        """For each question the log-mels (F, num_mels) of its renditions."""
        return speak_questions(self.voices, self.num_mels)

    def draw(self, count: int, generator: torch.Generator) -> tuple[QuestionedScenes, Tensor, Tensor]:
        """`count` scenes with what is asked, and the questions as sound: log-mels (B, F, num_mels), mask (B, F) bool."""
        drawn = self.typed.draw(2 * count + 8, generator)  # a fifth are of the kind that is not spoken
        rows = [row for row, kind in enumerate(drawn.kinds) if kind in SPOKEN_KINDS][:count]
        scenes = QuestionedScenes(
            drawn.images[rows],
            *([column[row] for row in rows] for column in (drawn.questions, drawn.answers, drawn.kinds, drawn.objects)),
        )
        choices = torch.rand(len(rows), generator=generator).tolist()
        heard = [pick(self.pool[text], choice) for text, choice in zip(scenes.questions, choices, strict=True)]
        lengths = torch.tensor([len(log_mels) for log_mels in heard])
        log_mels = torch.nn.utils.rnn.pad_sequence(heard, batch_first=True)  # (B, F, num_mels)
        return scenes, log_mels, torch.arange(log_mels.shape[1]) < lengths[:, None]


@lru_cache(maxsize=4)
def speak_questions(voices: str, num_mels: int) -> dict[str, list[Tensor]]:
    """Every question in several of the voices of "train" or "test", as log-mels (F, num_mels) each; spoken once a run."""
    texts = all_questions()
    generator = torch.Generator().manual_seed(VOICE_SEEDS[voices])
    asked = [(text, draw_voice(voices, generator)) for text in texts for _ in range(RENDITIONS[voices])]
    pool: dict[str, list[Tensor]] = {text: [] for text in texts}
    for (text, _), waveform in zip(asked, speak_all(asked, SAMPLE_RATE), strict=True):
        pool[text].append(torch.from_numpy(log_mel(waveform, SAMPLE_RATE, num_mels)))
    return pool


def draw_voice(voices: str, generator: torch.Generator) -> Voice:
    """One of the voices of "train" or "test"."""
    whole = [
        int(torch.randint(low, high + 1, (), generator=generator))
        for low, high in ((0, len(ACCENTS) - 1), (0, len(SPEAKERS[voices]) - 1), SPEEDS, PITCHES)
    ]
    return Voice(ACCENTS[whole[0]], SPEAKERS[voices][whole[1]], whole[2], whole[3])


def all_questions() -> list[str]:
    """Every question of `SPOKEN_KINDS` that `SceneQuestions` can ask, in order."""
    things = {
        "count": [*(f"{colour} shapes" for colour in COLOURS), *(plural(shape) for shape in SHAPES)],
        "colour": [*SHAPES, *(f"{size} {shape}" for size in SIZES for shape in SHAPES), *_of_each_size("thing")],
        "shape": [
            *(f"{colour} thing" for colour in COLOURS),
            *(f"{size} {colour} thing" for size in SIZES for colour in COLOURS),
            *_of_each_size("thing"),
        ],
    }
    pairs = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    things["exists"] = [*pairs, *(f"{size} {pair}" for size in SIZES for pair in pairs)]
    return [wording.format(what=what) for kind in SPOKEN_KINDS for wording in WORDINGS[kind] for what in things[kind]]


def _of_each_size(noun: str) -> list[str]:
    return [f"{size} {noun}" for size in SIZES]
