"""Captions in another language by pivot: a captioner says in English what there is, a translator says it in the other one.

    directly   picture -> sentence                      ImageCaptioner(language="zh")
    by pivot   picture -> English sentence -> sentence  needs no picture with a caption in the other language

The pivot is how a language without captioned pictures gets captions (Elliott, Frank and Hasler 2015, "Multilingual image
description with neural sequence models", has both on the same pictures). Its price: two models, and the translator can
only repeat the captioner's mistakes and add its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from minimm.datasets.shapes import Scenes
from minimm.errors import check
from minimm.tasks.caption_language import CAPTION_LANGUAGES, caption_scores
from minimm.tasks.presets import find_preset
from minimm.tasks.text.translator import Translator
from minimm.tasks.writing.image_captioner import ImageCaptioner, Picture


class PivotCaptioner:
    """Describes pictures with `captioner` and says it again with `translator`.

    Args:
        captioner, translator: both trained; the translator must read the language that the captioner writes.
        language: that the translator writes; it decides how captions are scored.
    """

    def __init__(self, captioner: ImageCaptioner, translator: Translator, language: str = "zh") -> None:
        find_preset(CAPTION_LANGUAGES, language, "language")
        check(
            captioner.language != language,
            f"the captioner writes {language!r} already, so there is nothing to translate; use it alone",
        )
        self.captioner, self.translator, self.language = captioner, translator, language

    @classmethod
    def load(cls, captioner: str | Path, translator: str | Path, device: str = "auto") -> PivotCaptioner:
        """Open the folders of the two models."""
        return cls(ImageCaptioner.load(captioner, device), Translator.load(translator, device))

    def generate_captions(self, images: Sequence[Picture] | Tensor, *, num_beams: int = 1) -> list[str]:
        """One caption for each picture, in the other language; arguments as in `ImageCaptioner.generate_captions`."""
        return self.translate(self.captioner.generate_captions(images, num_beams=num_beams), num_beams=num_beams)

    def generate_caption(self, image: Picture, *, num_beams: int = 1) -> str:
        """What is in the picture: a path, a PIL image or an array (3, H, W) in [0, 1]."""
        return self.generate_captions([image], num_beams=num_beams)[0]

    def translate(self, captions: Sequence[str], *, num_beams: int = 1) -> list[str]:
        """Captions in the other language; a captioner that wrote nothing leaves nothing to translate."""
        written = [caption for caption in captions if caption.strip()]
        translated = iter(self.translator.translate_all(written, num_beams=num_beams) if written else [])
        return [next(translated) if caption.strip() else "" for caption in captions]

    def evaluate(self, scenes: Scenes) -> dict[str, float]:
        """Score against the true captions in the other language: `exact_match`, `bleu4`, `cider`."""
        written = self.generate_captions(scenes.images)
        return caption_scores(written, [[caption] for caption in scenes.captions], self.language)
