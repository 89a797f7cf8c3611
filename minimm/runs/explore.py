"""`minimm explore` and `minimm.explore(...)`: any trained model's attention as one page to look at in a browser.

What a task's `attend` returns becomes the parts and looks of a page (`explorer/page.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minimm.errors import MinimmError, check
from minimm.explorer.looks import Look
from minimm.explorer.page import Page, Picture, Text
from minimm.features.audio import log_mel
from minimm.features.wav import wav_bytes
from minimm.interoperability.hugging_face import is_hugging_face_folder
from minimm.interpretation.rollout import attention_rollout
from minimm.tasks import (
    ImageCaptioner,
    MultimodalAssistant,
    SpeechRecognizer,
    TextGenerator,
    VideoCaptioner,
    VisualQuestionAnswerer,
)
from minimm.tasks.any_task import load_any_task
from minimm.tasks.attended import AttendedClip, AttendedImage, AttendedSound
from minimm.tasks.task import Task
from minimm.tasks.text.text_to_text import TextToText

WRITTEN = "what it wrote"
ROLLOUT = "rollout: self-attention through all layers"


def explore(
    model: Task | str | Path,
    *,
    text: str | None = None,
    image: Any | None = None,
    audio: Any | None = None,
    video: Any | None = None,
    layers: Sequence[int] | None = None,
    device: str = "auto",
) -> Page:
    """The page of a task, or of a folder that holds one; `.save("page.html")` writes it, and a notebook shows it.

    Args:
        text: what a language model reads, a translator's or summarizer's source, a question about a picture, an assistant's
            prompt; of a captioner the caption to explain instead of its own. image, audio, video: files or arrays.
        layers: their numbers; None = all, or where these are too many for a page some, which it says.
    """
    page = _page(model, {"text": text, "image": image, "audio": audio, "video": video}, device)
    if layers is not None:
        there = {layer for look in page.looks if look.name != ROLLOUT for layer in look.layers}
        unknown = sorted(set(layers) - there)
        check(
            not unknown and len(layers) > 0,
            f"layers {sorted(layers)} were chosen of {sorted(there)}; choose one or more of these",
        )
        chosen = [(look, [layer for layer in look.layers if layer in layers]) for look in page.looks]
        page = replace(
            page,
            looks=[
                look if look.name == ROLLOUT else look.only(own) for look, own in chosen if own or look.name == ROLLOUT
            ],
        )
    return page


def _page(model: Task | str | Path, media: dict[str, Any], device: str) -> Page:
    """The page with all layers. media: by the names of `explore`."""
    text, image, audio, video = media["text"], media["image"], media["audio"], media["video"]
    task = model if isinstance(model, Task) else _opened(model, device)
    for medium, value in (("image", image), ("audio", audio), ("video", video)):
        check(
            not isinstance(value, list) or isinstance(task, MultimodalAssistant),
            f"a {type(task).__name__} takes one --{medium} at a time; only an assistant takes several",
        )
    given = {name for name, value in media.items() if value is not None}
    if isinstance(task, TextGenerator):
        _check_given(task, given, {"text"})
        return _text_page(task, text)
    if isinstance(task, TextToText):
        _check_given(task, given, {"text"})
        return _pair_page(task, text)
    if isinstance(task, ImageCaptioner):
        _check_given(task, given, {"image"}, {"text"})
        return _caption_page(task, image, text)
    if isinstance(task, SpeechRecognizer):
        _check_given(task, given, {"audio"}, {"text"})
        return media_page("When it listened", WRITTEN, [task.attend(audio, text)])
    if isinstance(task, VideoCaptioner):
        _check_given(task, given, {"video"}, {"text"})
        return media_page("When and where it looked", WRITTEN, [task.attend(video, text)])
    if isinstance(task, VisualQuestionAnswerer):
        _check_given(task, given, {"text", "image"})
        attended = task.attend(image, text)
        title = f"Where it looked for each word; its answer: {attended.answer} ({attended.probability:.0%})"
        return media_page(title, "the question", [attended])
    if isinstance(task, MultimodalAssistant):
        _check_given(task, given, {"text"}, {"image", "audio", "video"})
        check(given != {"text"}, "nothing was given that could be looked at; give a picture, a recording or a clip")
        media = {"images": image, "audio": audio, "video": video}
        return media_page(
            "What its answer looked at",
            "its answer",
            task.attend(text, **{name: _listed(value) for name, value in media.items()}),
        )
    raise MinimmError(
        f"a {type(task).__name__} has no attention that this page could show; explore a language model, a translator, a "
        "captioner, a speech recogniser, a question answerer about pictures or an assistant"
    )


def _opened(folder: str | Path, device: str) -> Task:
    """A task of ours, or a language model that transformers wrote."""
    return TextGenerator.load(folder, device) if is_hugging_face_folder(folder) else load_any_task(folder, device)


def _check_given(task: Task, given: set[str], needed: set[str], allowed: set[str] = frozenset()) -> None:
    missing, unused = sorted(needed - given), sorted(given - needed - allowed)
    name = type(task).__name__
    check(not missing, f"to look into a {name}, give it {' and '.join(missing)} (--{' and --'.join(missing)})")
    check(not unused, f"a {name} takes no {' or '.join(unused)}; leave out --{' and --'.join(unused)}")


def _listed(value: Any | None) -> Sequence[Any]:
    return () if value is None else value if isinstance(value, list) else [value]


def _text_page(task: TextGenerator, text: str) -> Page:
    attended = task.attend(text)
    rolled = attention_rollout(torch.from_numpy(attended.weights)).numpy()
    looks = [
        Look("self-attention", 0, 0, attended.weights, queries=attended.queries, keys=attended.keys),
        Look(ROLLOUT, 0, 0, rolled[None, None]),
    ]
    return Page("Where each token looks", [Text("the text", attended.tokens)], looks)


def _pair_page(task: TextToText, text: str) -> Page:
    attended = task.attend(text)
    names = (WRITTEN, "what it read", "what it had read of its own words")
    tokens = (attended.target_tokens, attended.source_tokens, attended.own_tokens)
    looks = [
        Look("cross-attention", 0, 1, attended.weights),
        Look("self-attention of what it read", 1, 1, attended.source_weights),
        Look("self-attention to its own words", 0, 2, attended.own_weights),
    ]
    return Page("Where it looked for each token it wrote", list(map(Text, names, tokens)), looks)


def _caption_page(task: ImageCaptioner, image: Any, caption: str | None) -> Page:
    caption = task.generate_caption(image) if caption is None else caption
    page = media_page("Where it looked for each word it wrote", WRITTEN, [task.attend(image, caption)])
    read, weights = task.attend_text(image, caption)
    parts = [*page.parts, Text("what it had read of its own words", read)]
    return Page(page.title, parts, [*page.looks, Look("self-attention to its own words", 0, 2, weights)])


def media_page(title: str, name: str, attended: Sequence[AttendedImage | AttendedSound | AttendedClip]) -> Page:
    """A page of words that look at one or more media."""
    parts: list[Text | Picture] = [Text(name, attended[0].words)]
    looks = []
    for number, one in enumerate(attended, start=1):
        which = f" {number}" if len(attended) > 1 else ""
        picture, weights = _picture(one, which)
        parts.append(picture)
        looks.append(Look(f"attention to {picture.name}", 0, number, weights))
    return Page(title, parts, looks)


def _picture(attended: AttendedImage | AttendedSound | AttendedClip, which: str) -> tuple[Picture, np.ndarray]:
    """What was looked at, and the weights (L, H, W, cells)."""
    if isinstance(attended, AttendedSound):
        return _sound(attended, which)
    if isinstance(attended, AttendedClip):
        layers, heads, words, frames, height, width = attended.weights.shape
        strip = np.concatenate(list(attended.clip), axis=2)  # (3, S, T * S): the frames in a row
        weights = attended.weights.transpose(0, 1, 2, 4, 3, 5).reshape(layers, heads, words, -1)
        return Picture(f"the clip{which}, frame by frame", _pixels(strip), height, frames * width, frames), weights
    height, width = attended.weights.shape[-2:]
    weights = attended.weights.reshape(*attended.weights.shape[:3], -1)
    return Picture(f"the picture{which}", _pixels(attended.image), height, width), weights


def _sound(attended: AttendedSound, which: str) -> tuple[Picture, np.ndarray]:
    spectrum = log_mel(attended.waveform, attended.sample_rate).T[
        ::-1
    ]  # (num_mels, frames), high above low, in [-1, 1]
    grey = np.rint(255 * (0.5 - spectrum.clip(-1, 1) / 2)).astype(np.uint8)  # dark where it is loud
    sound = wav_bytes(attended.waveform, attended.sample_rate)
    picture = Picture(
        f"the sound{which}", np.repeat(grey[..., None], 3, axis=2), 1, attended.weights.shape[-1], sound=sound
    )
    return picture, attended.weights


def _pixels(image: np.ndarray) -> np.ndarray:
    """(3, H, W) in [0, 1] -> (H, W, 3) uint8"""
    return np.rint(255 * image.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)
