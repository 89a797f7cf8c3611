"""What a model looked at, ready to be drawn: `captioner.attend(picture).plot()`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minimm.features.languages import mostly_chinese

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class AttendedText:
    """Self-attention over a text: tokens (T) and weights (L, H, T, T), rows looking, columns looked at; and the queries and
    keys they come from, (L, H, T, D) each: weights = softmax(queries keys^T / sqrt(D)) over what a token may look at.
    """

    tokens: list[str]
    weights: np.ndarray
    queries: np.ndarray
    keys: np.ndarray

    def plot(self) -> Figure:
        """One small map for each layer and head."""
        from minimm.plots.attention import attention_grid

        return attention_grid(self.weights, self.tokens, self.tokens, "Where each token looks, by layer and head")


@dataclass
class AttendedPair:
    """Cross-attention from a written text to the one that was read: tokens (T_s), (T_t) and weights (L, H, T_t, T_s); and how
    each of both looks at itself: source_weights (L, H, T_s, T_s), and own_weights (L, H, T_t, T_t), a row for each token that
    is written and a column for each in `own_tokens`, which had been read by then: <bos>, then all but the last.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    weights: np.ndarray
    source_weights: np.ndarray
    own_tokens: list[str]
    own_weights: np.ndarray

    @property
    def map(self) -> np.ndarray:
        """The mean over layers and heads, (T_t, T_s); each row sums to one."""
        return self.weights.mean(axis=(0, 1))

    def plot(self) -> Figure:
        """One map: a row for each written token, a column for each token that was read."""
        from minimm.plots.alignment import alignment_map

        return alignment_map(self.map, self.target_tokens, self.source_tokens, "Where each written token looks")


@dataclass
class AttendedImage:
    """Cross-attention from a caption to its picture: image (3, S, S), words (T), weights (L, H, T, h, w)."""

    image: np.ndarray
    words: list[str]
    weights: np.ndarray

    @property
    def maps(self) -> np.ndarray:
        """One map for each word, the mean over layers and heads: (T, h, w)."""
        return self.weights.mean(axis=(0, 1))

    @property
    def title(self) -> str:
        """Of a caption as it is written."""
        return "Where the model looks as it writes"

    def plot(self) -> Figure:
        """The picture, then one heat map over it for each word."""
        from minimm.plots.caption import caption_strip

        return caption_strip(self.image, self.words, self.maps)

    def animate(self, path: str | Path) -> None:
        """Write a GIF of the caption as it is written, with the heat of each word."""
        from minimm.plots.animation import caption_frames, save_animation

        joint = "" if mostly_chinese(self.words) else " "
        save_animation(caption_frames(self.image, self.words, self.maps, self.title, joint), path)


@dataclass
class ExplainedImage(AttendedImage):
    """What each word of a caption rests on by a `method`: weights (1, 1, T, h, w), each map with a sum of one."""

    method: str

    @property
    def title(self) -> str:
        """Of its figures."""
        return f"What each word rests on, by {self.method}"

    def plot(self) -> Figure:
        """The picture, then one heat map over it for each word."""
        from minimm.plots.caption import caption_strip

        return caption_strip(self.image, self.words, self.maps, title=self.title)


@dataclass
class AttendedQuestion(AttendedImage):
    """From the words of a question to the picture, with the answer and its probability. One map where the question looks as a
    whole.
    """

    question: str
    answer: str
    probability: float

    @property
    def title(self) -> str:
        """Of its figures."""
        return f"Where the model looked for each word; its answer: {self.answer} ({self.probability:.0%})"

    def plot(self) -> Figure:
        """The picture, then one heat map over it for each word of the question."""
        from minimm.plots.caption import caption_strip

        return caption_strip(self.image, self.words, self.maps, title=self.title)


@dataclass
class AttendedSound:
    """Cross-attention from a transcription to its recording: waveform (samples,), its rate in Hz, words (T), weights
    (L, H, T, N), and the seconds from one of the N vectors to the next.
    """

    waveform: np.ndarray
    sample_rate: int
    words: list[str]
    weights: np.ndarray
    step_seconds: float

    @property
    def map(self) -> np.ndarray:
        """The mean over layers and heads, (T, N); each row sums to one."""
        return self.weights.mean(axis=(0, 1))

    def plot(self) -> Figure:
        """The spectrogram, and below it for each word when the model listened."""
        from minimm.plots.sound import heard_words

        return heard_words(self.waveform, self.sample_rate, self.words, self.map, self.step_seconds)


@dataclass
class AttendedClip:
    """Cross-attention from a caption to its clip: clip (T, 3, S, S), words (W), weights (L, H, W, T, h, w), and the second at
    which each frame is shown, where a file says it.
    """

    clip: np.ndarray
    words: list[str]
    weights: np.ndarray
    seconds: list[float] | None = None

    @property
    def maps(self) -> np.ndarray:
        """One map over frames and places for each word, the mean over layers and heads: (W, T, h, w)."""
        return self.weights.mean(axis=(0, 1))

    def plot(self) -> Figure:
        """The frames in a row, then a row of heat maps for each word."""
        from minimm.plots.filmstrip import filmstrip

        return filmstrip(self.clip, self.words, self.maps, self.seconds)
