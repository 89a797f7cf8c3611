"""Sound as pictures: the waveform over its log-mel spectrogram, and when a model listened for each word that it wrote.

Time runs to the right in seconds, the same in every panel. The spectrogram's frequencies are in Hz on the mel scale, as far
apart as the ear hears them. The rows of words are cross-attention weights, softmax(Q_t K_n^T / sqrt(d_k)), one for each
moment n of the encoder's memory (Chan et al. 2016, "Listen, attend and spell", figure 2); each row sums to one, and
colours run from 0 to the row's largest weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.features.audio import FRAME_SECONDS, HOP_SECONDS, log_mel
from minimm.plots.arrays import checked_weights
from minimm.plots.labels import shorten, width
from minimm.plots.style import BAR, BLUE, GREY, NORMAL, SMALL, Drawing, text_style

SPECTROGRAM_COLOURS, WORD_COLOURS = "magma", "inferno"
SECOND = 2.4  # inches that a second is long, where there is room
NARROWEST, WIDEST = 4.2, 9.0  # inches of a panel
WAVE, SPECTRUM, WORD = 0.8, 1.7, 0.24  # inches: heights of the panels and of one word's row
GAP, BELOW = 0.12, 0.42  # inches between panels, and for the time's labels
LEFT = 0.62  # inches for the labels of frequency
MARKS = (250, 500, 1000, 2000, 4000, 8000)  # Hz
MAX_WORDS = 40
WORD_INCHES = 1.2  # a longer word is shortened


def sound_picture(waveform: Any, sample_rate: int, title: str) -> Figure:
    """Draw a waveform (samples,) in [-1, 1] at `sample_rate` Hz, and its log-mel spectrogram below it.

    Raises `MinimmError` for other shapes and for a recording shorter than one frame of the spectrogram.
    """
    waveform = _checked(waveform)
    left, panel = LEFT, _panel_width(len(waveform) / sample_rate)
    figure = Drawing(left + panel + 0.12, WAVE + GAP + SPECTRUM + BELOW, title)
    axes = _draw_sound(figure, left, panel, waveform, sample_rate)
    _label_time(axes)
    return figure


def heard_words(
    waveform: Any, sample_rate: int, words: Sequence[str], weights: Any, step_seconds: float, title: str | None = None
) -> Figure:
    """The same, and below it a row for each word: when the model listened as it wrote it. At most 40 words are drawn.

    Args:
        weights: (num_words, N), the attention of each word to the N moments of the memory.
        step_seconds: from one moment to the next.
    """
    waveform = _checked(waveform)
    weights = checked_weights("weights", np.asarray(weights)[None, None], "(1, 1, num_words, N)")[0, 0]
    check(
        len(words) == len(weights),
        f"there are {len(words)} words and weights {weights.shape}; give one row of weights for each word",
    )
    words, weights = [shorten(word, WORD_INCHES, NORMAL) for word in words[:MAX_WORDS]], weights[:MAX_WORDS]
    rows = WORD * len(words)
    seconds = len(waveform) / sample_rate
    label = max(width(word, NORMAL) for word in words)
    title = title or "What was said, and when the model listened as it wrote each word"
    left, panel = max(LEFT, label + 0.12), _panel_width(seconds)
    figure = Drawing(left + panel + 0.12 + BAR, WAVE + SPECTRUM + rows + 2 * GAP + BELOW, title)
    _draw_sound(figure, left, panel, waveform, sample_rate)
    top = WAVE + SPECTRUM + 2 * GAP
    axes = figure.panel(left, top, panel, rows, frame=GREY)
    relative = weights / np.maximum(weights.max(axis=1, keepdims=True), np.finfo(float).tiny)
    extent = (0, weights.shape[1] * step_seconds, len(words) - 0.5, -0.5)
    axes.imshow(
        relative,
        cmap=WORD_COLOURS,
        vmin=0,
        vmax=1,
        aspect="auto",
        extent=extent,
        origin="upper",
        interpolation="nearest",
    )
    axes.set_xlim(0, seconds)
    axes.set_yticks(range(len(words)), words, **text_style(NORMAL))
    axes.tick_params(axis="y", length=0)
    _label_time(axes)
    figure.colour_bar(left + panel + 0.12, top, max(rows, 0.9), WORD_COLOURS)
    return figure


def _checked(waveform: Any) -> np.ndarray:
    waveform = np.asarray(waveform, dtype=np.float32)
    check(
        waveform.ndim == 1 and bool(np.isfinite(waveform).all()),
        f"a waveform to draw must be finite numbers (samples,), but it is {waveform.shape}; give one channel",
    )
    return waveform


def _panel_width(seconds: float) -> float:
    """Inches: panels are as wide as the sound is long, within limits."""
    return float(np.clip(SECOND * seconds, NARROWEST, WIDEST))


def _draw_sound(figure: Drawing, left: float, panel: float, waveform: np.ndarray, sample_rate: int) -> Axes:
    """The two panels of a sound; returns the lower one, the spectrogram's."""
    seconds = len(waveform) / sample_rate
    axes = figure.panel(left, 0, panel, WAVE, frame=GREY)
    step = math.ceil(
        len(waveform) / 4000
    )  # a long sound is drawn by the extremes of each piece, or peaks would be lost
    pieces = np.pad(waveform, (0, -len(waveform) % step)).reshape(-1, step)  # (points, step)
    times = np.arange(len(pieces)) * step / sample_rate
    axes.fill_between(times, pieces.min(axis=1), pieces.max(axis=1), color=BLUE, linewidth=0.5, edgecolor=BLUE)
    loudest = max(float(np.abs(waveform).max()), 1e-6)
    axes.set_xlim(0, seconds)
    axes.set_ylim(-1.05 * loudest, 1.05 * loudest)
    axes.set_yticks([-loudest, 0, loudest], [f"{-loudest:.2g}", "0", f"{loudest:.2g}"], **text_style(SMALL))

    axes = figure.panel(left, WAVE + GAP, panel, SPECTRUM, frame=GREY)
    picture = log_mel(waveform, sample_rate)  # (frames, num_mels)
    first = (FRAME_SECONDS - HOP_SECONDS) / 2  # a frame is drawn around its middle
    extent = (first, first + len(picture) * HOP_SECONDS, -0.5, picture.shape[1] - 0.5)
    axes.imshow(
        picture.T,
        cmap=SPECTROGRAM_COLOURS,
        vmin=-1,
        vmax=1,
        aspect="auto",
        extent=extent,
        origin="lower",
        interpolation="nearest",
    )
    axes.set_xlim(0, seconds)
    marks = [hertz for hertz in MARKS if hertz <= sample_rate / 2]
    top = picture.shape[1] - 0.5  # the highest band's upper edge, half a band above its middle
    places = [min(_mel(hertz) / _mel(sample_rate / 2) * (top + 1.5) - 1, top) for hertz in marks]
    axes.set_yticks(places, [str(hertz) for hertz in marks], **text_style(SMALL))
    axes.set_ylim(-0.5, top)
    figure.write(0, WAVE + GAP + SPECTRUM / 2, "Hz", SMALL, rotation=90, va="center")
    return axes


def _label_time(axes: Axes) -> None:
    low, high = axes.get_xlim()
    step = next(size for size in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if (high - low) / size <= 12)
    ticks = np.arange(0.0, high, step)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks.round(1)], **text_style(SMALL))
    axes.set_xlabel("seconds", labelpad=2, **text_style(SMALL))


def _mel(hertz: float) -> float:
    """HTK's scale, as in `first_principles/mel.py`."""
    return 2595 * math.log10(1 + hertz / 700)
