"""A model that describes a picture: `ImageCaptioner().fit(dataset).generate_caption(picture)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.coco_clips import CocoClips
from minimm.datasets.emoji_scenes import EmojiScenes
from minimm.datasets.moving_shapes import MovingShapes
from minimm.datasets.shapes import Scenes, Shapes
from minimm.errors import check
from minimm.features.image import augment_images, load_image
from minimm.interpretation.caption_explanations import EXPLANATIONS, CaptionWord, explain
from minimm.interpretation.grounding import pointing_accuracy
from minimm.interpretation.recorder import attention_maps
from minimm.layers.multi_head_attention import SelfAttention
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.patch_image_encoder import PatchImageEncoder, PatchImageEncoderConfig
from minimm.tasks.attended import AttendedImage, ExplainedImage
from minimm.tasks.caption_data import caption_source
from minimm.tasks.caption_language import (
    CAPTION_LANGUAGES,
    CaptionLanguage,
    caption_scores,
    check_language,
    first_tokens,
    maps_of_words,
)
from minimm.tasks.presets import find_preset
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.writing.captioner import Captioner
from minimm.tasks.writing.presets import CAPTION_PRESETS
from minimm.training.description import config_from

Picture = str | Path | np.ndarray | Any  # a path, a PIL image or an array (3, H, W) in [0, 1]
ENCODERS = {
    "cnn": (ImageEncoder, ImageEncoderConfig),
    "patches": (PatchImageEncoder, PatchImageEncoderConfig),
}


class ImageCaptioner(Captioner):
    """A small encoder looks, a small Transformer decoder writes, and cross-attention shows which region each word came from.

    From a folder of pictures with captions to a caption of one's own picture:

        dataset = CocoCaptions("coco", split="train")            # from minimm.datasets.coco_captions
        captioner = ImageCaptioner().fit(dataset, max_seconds=600)
        captioner.generate_caption("my_cat.jpg")

    Args:
        preset: "tiny" (32 x 32 pixels), "scenes" or "small" (64 x 64); see `tasks.writing.presets`.
        options: any field of `CaptionPreset` or `TrainerConfig`, to replace the preset's: among them language="en" or "zh"
            (of the captions it learns and writes) and encoder="cnn" or "patches" (what looks).
        seed, device: see `Task`.
    """

    kind = "image_captioner"
    presets = CAPTION_PRESETS
    unit = "picture"
    validation_count = 512

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(preset, seed=seed, device=device, **options)
        self.language = self.preset.language
        find_preset(CAPTION_LANGUAGES, self.language, "language")
        find_preset(ENCODERS, self.preset.encoder, "encoder")

    @property
    def _language(self) -> CaptionLanguage:
        return CAPTION_LANGUAGES[self.language]

    def architecture(self) -> dict[str, Any]:
        """Which encoder, its config and the decoder's, and the language of the captions."""
        model = self.require_model()
        encoder = next(name for name, (kind, _) in ENCODERS.items() if isinstance(model.encoder, kind))
        return {"encoder_kind": encoder, "language": self.language, **super().architecture()}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder`; of a CNN where nothing is said, as in captioners saved before there was a choice."""
        encoder, config = ENCODERS[architecture.get("encoder_kind", "cnn")]
        decoder = LanguageModel(config_from(LanguageModelConfig, architecture["decoder"]))
        return EncoderDecoder(encoder(config_from(config, architecture["encoder"])), decoder)

    def _after_load(self, architecture: dict[str, Any]) -> None:
        self.language = architecture.get("language", "en")  # all captioners were English before there was a choice
        find_preset(CAPTION_LANGUAGES, self.language, "language")

    def fit(
        self,
        dataset: Shapes | EmojiScenes | CocoCaptions | str | Path,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> ImageCaptioner:
        """Learn from pictures with captions.

        Args:
            dataset: scenes drawn on the fly (`Shapes`, `EmojiScenes`), a `CocoCaptions`, or the path of a COCO-captions
                folder, whose pictures are shifted, scaled and recoloured anew each time they are shown. The encoder is
                built for the size of its pictures.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset = self.preset
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=preset.image_size)
        check(
            not isinstance(dataset, MovingShapes | CocoClips),
            f"{type(dataset).__name__} holds clips, and an ImageCaptioner learns from pictures; use VideoCaptioner",
        )
        draw, captions = caption_source(dataset)
        check_language(captions, self.language)
        encoder = {"encoder_kind": preset.encoder, "encoder": preset.encoder_config(dataset.image_size)}
        limits = {"max_steps": max_steps, "max_seconds": max_seconds}
        self._fit(draw, captions, self._language.tokenizer, encoder, **limits, folder=folder, resume=resume)
        return self

    def _load(self, picture: Picture) -> Tensor:
        """Any picture -> (3, S, S) of the size that the encoder was built for."""
        size = self.require_model().encoder.config.image_size
        return torch.from_numpy(load_image(picture, size=size))

    def attend(self, image: Picture, caption: str | None = None) -> AttendedImage:
        """Where the model looks for each word of its caption (or of the one given); `.plot()` draws it."""
        loaded = self._load(image)
        caption = self.generate_caption(image) if caption is None else caption
        words = self._language.words(caption)
        check(len(words) > 0, "the caption is empty, so there is no word whose attention could be shown")
        (weights,) = self.attend_batch(loaded[None], [caption])
        return AttendedImage(loaded.numpy(), words, weights)

    def attend_text(self, image: Picture, caption: str) -> tuple[list[str], np.ndarray]:
        """Where the decoder looks in its own text while it writes the caption: the T tokens it has read before the last word,
        <bos> first, and weights (L, H, W, T), a row for each word that is written.
        """
        loaded, words = self._load(image), self._language.words(caption)
        ids, _ = self._teacher_forcing([caption])
        model = self.require_model().eval()
        memory = model.encode(*self._on_device(loaded[None]))
        maps = attention_maps(model, lambda: model.decode(ids, memory), SelfAttention)[:, 0].numpy()  # (L, H, T, T)
        places = first_tokens(self.tokenizer.split(caption), words)
        read = [self.tokenizer.token_text(token) for token in ids[0].tolist()]
        last = int(places[-1]) + 1
        return read[:last], maps[:, :, places][..., :last]

    def attend_batch(self, images: Tensor, captions: list[str]) -> list[np.ndarray]:
        """Cross-attention while each caption is written: one (L, H, T, h, w) for each picture, T its number of words."""
        tokens = self._attend_tokens(images, captions)
        return [
            maps_of_words(found, self.tokenizer.split(caption), self._language.words(caption))
            for found, caption in zip(tokens, captions, strict=True)
        ]

    def explain(self, image: Picture, method: str, caption: str | None = None, *, seed: int = 0) -> ExplainedImage:
        """Why each word of the caption stands there, by a `method` of `caption_explanations.EXPLANATIONS`; `.plot()` draws it.

        What speaks against a word is left out of its map, and the rest is scaled to a sum of one.
        """
        check(
            method in EXPLANATIONS, f"method={method!r} is not known; choose from {', '.join(map(repr, EXPLANATIONS))}"
        )
        loaded = self._load(image)
        caption = self.generate_caption(image) if caption is None else caption
        generator = torch.Generator().manual_seed(seed)
        maps = torch.stack([explain(word, method, generator) for word in self.caption_words(loaded, caption)])
        maps = maps.clamp(min=0)  # (T, h, w)
        maps = maps / maps.sum(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
        return ExplainedImage(loaded.numpy(), self._language.words(caption), maps[None, None].numpy(), method)

    def caption_words(self, image: Tensor, caption: str) -> list[CaptionWord]:
        """The words of a caption of one picture (3, S, S), each ready to be explained."""
        words = self._language.words(caption)
        check(len(words) > 0, "the caption is empty, so there is no word to be explained")
        model = self.require_model().eval()
        (ids,), _ = self._teacher_forcing([caption])  # <bos> and the tokens
        places = first_tokens(self.tokenizer.split(caption), words).tolist()
        for place, word in zip(places, words, strict=True):
            check(
                int(ids[place + 1]) != self.tokenizer.unk_id,
                f"{word!r} is no word that this captioner has learned, so there is nothing to explain; use words of its own "
                "captions",
            )
        image = image.to(self.device)
        return [
            CaptionWord(model, image, ids[: place + 1], int(ids[place + 1]), word)
            for place, word in zip(places, words, strict=True)
        ]

    def evaluate(
        self, dataset: Scenes | CocoCaptions | str | Path, *, seed: int | None = EVALUATION_SEED
    ) -> dict[str, float]:
        """Score captions against the truth: `exact_match` (0 to 1), `bleu4` (0 to 100) and `cider` (0 to 10).

        Scenes also give `pointing_accuracy` and `pointing_accuracy_chance`. The pictures of a folder are shown once each,
        freshly shifted, scaled and recoloured from `seed`, or as they are when it is None.
        """
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=self.require_model().encoder.config.image_size)
        if isinstance(dataset, Scenes):
            images, references = dataset.images, [[caption] for caption in dataset.captions]
        else:
            images = dataset.batch(range(len(dataset)))
            if seed is not None:
                images = augment_images(images, torch.Generator().manual_seed(seed))
            references = dataset.captions
        written = self.generate_captions(images)
        scores = caption_scores(written, references, self.language)
        if isinstance(dataset, Scenes):
            maps = [weights.mean(axis=(0, 1)) for weights in self.attend_batch(images, dataset.captions)]
            words = [self._language.words(caption) for caption in dataset.captions]
            pointing = pointing_accuracy(maps, words, dataset.objects, images.shape[-1])
            scores |= {"pointing_accuracy": pointing.accuracy, "pointing_accuracy_chance": pointing.chance}
        return scores
