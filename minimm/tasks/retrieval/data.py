"""What a joint space learns from: batches of things that belong together, in two modalities or more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimm.datasets.coco_captions import PICTURE_SUFFIXES, CocoCaptions
from minimm.datasets.spoken_digits import DIGIT_WORDS
from minimm.datasets.three_way_digits import ThreeWayDigits
from minimm.tasks.caption_data import caption_source


@dataclass
class Batch:
    """N things that belong together row by row, and equal labels where rows could change partners.

    things: modality -> what is to be embedded: pictures (N, 3, S, S), clips (N, T, 3, S, S), texts, or waveforms.
    labels: (N,) int64.
    """

    things: dict[str, Any]
    labels: Tensor


@dataclass
class Source:
    """Where batches come from, and texts that have all the words."""

    draw: Callable[[int, torch.Generator], Batch]
    texts: Sequence[str]


def retrieval_source(dataset: Any) -> Source:
    """Batches of digits in three ways, or of pictures or clips with captions (`caption_source`)."""
    if isinstance(dataset, ThreeWayDigits):

        def draw_digits(count: int, generator: torch.Generator) -> Batch:
            triples = dataset.draw(count, generator)
            things = {"image": triples.images, "audio": triples.waveforms, "text": triples.spellings}
            return Batch(things, triples.digits)

        return Source(draw_digits, [word for words in DIGIT_WORDS.values() for word in words])
    draw, texts = caption_source(dataset)
    numbers = caption_labels(dataset.captions) if isinstance(dataset, CocoCaptions) else None

    def draw_captioned(count: int, generator: torch.Generator) -> Batch:
        seen, captions = draw(count, generator)
        labels = text_labels(captions) if numbers is None else torch.tensor([numbers[text] for text in captions])
        return Batch({"image" if seen.ndim == 4 else "video": seen, "text": captions}, labels)

    return Source(draw_captioned, texts)


def text_labels(texts: Sequence[str]) -> Tensor:
    """(N,) int64: equal numbers for equal texts.

    >>> text_labels(["a cat", "a dog", "a cat"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[str, int] = {}
    return torch.tensor([numbers.setdefault(text, len(numbers)) for text in texts])


def caption_labels(captions: Sequence[Sequence[str]]) -> dict[str, int]:
    """Each caption -> a number: one for all captions of a picture, and for all pictures that share a caption.

    >>> caption_labels([["a cat", "an animal"], ["a car"], ["an animal", "a dog"]])
    {'a cat': 0, 'an animal': 0, 'a car': 1, 'a dog': 0}
    """
    parent: dict[str, str] = {}

    def first(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = text = parent[parent[text]]
        return text

    for texts in captions:
        for text in texts:
            parent[first(text)] = first(texts[0])
    return dict(zip(parent, text_labels([first(text) for text in parent]).tolist(), strict=True))


def modality_of(thing: Any) -> str:
    """What kind of thing this is: "image", "audio", "video" or "text".

    A name that ends like a sound file's or a picture's is one; any other str is a text. (waveform, rate) is audio; an
    array (3, H, W) or a PIL image is a picture, an array (T, 3, H, W) a clip.

    >>> modality_of("a red apple"), modality_of("apple.png"), modality_of("seven.wav")
    ('text', 'image', 'audio')
    """
    if isinstance(thing, str | Path):
        suffix = Path(thing).suffix.lower()
        if suffix == ".wav":
            return "audio"
        return "image" if suffix in PICTURE_SUFFIXES or isinstance(thing, Path) else "text"
    if isinstance(thing, tuple):
        return "audio"
    return "video" if isinstance(thing, np.ndarray | Tensor) and thing.ndim == 4 else "image"
