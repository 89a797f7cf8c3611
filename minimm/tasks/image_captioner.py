"""A model that describes a picture: `ImageCaptioner().fit(dataset).generate_caption(picture)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.emoji_scenes import EmojiScenes
from minimm.datasets.shapes import Scenes, Shapes
from minimm.datasets.text_corpus import IGNORE
from minimm.errors import check
from minimm.features.image import augment_images, load_image
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import generate
from minimm.interpretation.grounding import pointing_accuracy
from minimm.interpretation.recorder import attention_maps
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import CrossAttention
from minimm.metrics import bleu, cider, exact_match
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.memory import Memory
from minimm.models.patch_image_encoder import PatchImageEncoder, PatchImageEncoderConfig
from minimm.tasks.attended import AttendedImage
from minimm.tasks.caption_data import VALIDATION_SEED, caption_source
from minimm.tasks.caption_language import CAPTION_LANGUAGES, CaptionLanguage, check_language, maps_of_words
from minimm.tasks.presets import CAPTION_PRESETS, find_preset
from minimm.tasks.task import Task
from minimm.training.losses import cross_entropy

VALIDATION_PICTURES = 512  # looked at during training
EVALUATION_SEED = VALIDATION_SEED + 2  # changes to a folder's pictures that no validation used to choose a model
BATCH = 256  # pictures at once in evaluation
Picture = str | Path | np.ndarray | Any  # a path, a PIL image or an array (3, H, W) in [0, 1]
ENCODERS = {
    "cnn": (ImageEncoder, ImageEncoderConfig),
    "patches": (PatchImageEncoder, PatchImageEncoderConfig),
}


class ImageCaptioner(Task):
    """A small encoder looks, a small Transformer decoder writes, and cross-attention shows which region each word came from.

    From a folder of pictures with captions to a caption of one's own picture:

        dataset = CocoCaptions("coco", split="train")            # from minimm.datasets.coco_captions
        captioner = ImageCaptioner().fit(dataset, max_seconds=600)
        captioner.generate_caption("my_cat.jpg")

    Args:
        preset: "tiny" (32 x 32 pixels), "scenes" or "small" (64 x 64); see `tasks.presets`.
        options: any field of `CaptionPreset` or `TrainerConfig`, to replace the preset's: among them language="en" or "zh"
            (of the captions it learns and writes) and encoder="cnn" or "patches" (what looks).
        seed, device: see `Task`.
    """

    kind = "image_captioner"

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = find_preset(CAPTION_PRESETS, preset)
        fields = {name: options.pop(name) for name in list(options) if hasattr(self.preset, name)}
        self.preset = replace(self.preset, **fields, training=replace(self.preset.training, **options))
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
        configs = {"encoder": asdict(model.encoder.config), "decoder": asdict(model.decoder.config)}
        return {"encoder_kind": encoder, "language": self.language, **configs}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder`; of a CNN where nothing is said, as in captioners saved before there was a choice."""
        encoder, config = ENCODERS[architecture.get("encoder_kind", "cnn")]
        decoder = LanguageModel(LanguageModelConfig(**architecture["decoder"]))
        return EncoderDecoder(encoder(config(**architecture["encoder"])), decoder)

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
        draw, captions = caption_source(dataset)
        check_language(captions, self.language)
        self.tokenizer = self._language.tokenizer.train(captions)
        longest = max(len(self.tokenizer.encode(caption)) for caption in captions)
        decoder = LanguageModelConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=longest + 8,  # <bos> in front, and room for a few words more than ever seen
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
            dropout=preset.dropout,
            d_memory=preset.d_model,
        )
        encoder = preset.encoder_config(dataset.image_size)
        architecture = {"encoder_kind": preset.encoder, "encoder": encoder, "decoder": asdict(decoder)}
        self.model = self.build(architecture)
        initialize(self.model, torch.Generator().manual_seed(self.seed), preset.num_layers)
        validation = draw(VALIDATION_PICTURES, torch.Generator().manual_seed(VALIDATION_SEED))
        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: draw(preset.batch_size, generator),
            loss=self._loss,
            validate=lambda model: self._loss(model, validation).item(),
            batch_items=preset.batch_size,
            unit="picture",
        )
        return self

    def _loss(self, model: nn.Module, batch: tuple[Tensor, list[str]]) -> Tensor:
        images, captions = batch
        inputs, targets = self._teacher_forcing(captions)
        return cross_entropy(model(images.to(self.device), inputs), targets)

    def _teacher_forcing(self, captions: list[str]) -> tuple[Tensor, Tensor]:
        """Captions -> what the decoder reads, <bos> w_1 .. w_n, and what it must say, w_1 .. w_n <eos>; (B, T) each."""
        ids, mask = self.tokenizer.encode_batch(captions, add_bos=True, add_eos=True, unknown="replace")
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        targets = ids[:, 1:].masked_fill(~mask[:, 1:], IGNORE)
        return ids[:, :-1].to(self.device), targets.to(self.device)

    def _load(self, picture: Picture) -> Tensor:
        """Any picture -> (3, S, S) of the size that the encoder was built for."""
        size = self.require_model().encoder.config.image_size
        return torch.from_numpy(load_image(picture, size=size))

    @torch.inference_mode()
    def _encode(self, images: Tensor) -> Memory:
        return self.require_model().eval().encode(images.to(self.device))

    def generate_captions(self, images: Sequence[Picture] | Tensor, *, num_beams: int = 1) -> list[str]:
        """One caption for each picture; a tensor (B, 3, S, S) of the encoder's size is taken as it is."""
        if not isinstance(images, Tensor):
            images = torch.stack([self._load(image) for image in images])
        captions = []
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            captions += [self.tokenizer.decode(ids) for ids in self._write(batch, num_beams)]
        return captions

    def _write(self, images: Tensor, num_beams: int) -> list[list[int]]:
        memory = self._encode(images)
        prompts = [[self.tokenizer.bos_id]] * len(images)
        longest = self.model.decoder.config.context_length - 1
        end = self.tokenizer.eos_id
        if num_beams == 1:
            return generate(self.model.decoder, prompts, longest, end_id=end, memory=memory)
        found = beam_search(self.model.decoder, prompts, longest, num_beams=num_beams, end_id=end, memory=memory)
        return [hypotheses[0][1] for hypotheses in found]

    def generate_caption(self, image: Picture, *, num_beams: int = 1) -> str:
        """What is in the picture: a path, a PIL image or an array (3, H, W) in [0, 1]."""
        return self.generate_captions([image], num_beams=num_beams)[0]

    def attend(self, image: Picture, caption: str | None = None) -> AttendedImage:
        """Where the model looks for each word of its caption (or of the one given); `.plot()` draws it."""
        loaded = self._load(image)
        caption = self.generate_caption(image) if caption is None else caption
        words = self._language.words(caption)
        check(len(words) > 0, "the caption is empty, so there is no word whose attention could be shown")
        (weights,) = self.attend_batch(loaded[None], [caption])
        return AttendedImage(loaded.numpy(), words, weights)

    def attend_batch(self, images: Tensor, captions: list[str]) -> list[np.ndarray]:
        """Cross-attention while each caption is written: one (L, H, T, h, w) for each picture, T its number of words."""
        inputs, targets = self._teacher_forcing(captions)
        model = self.require_model()
        maps = attention_maps(model, lambda: model(images.to(self.device), inputs), CrossAttention)  # (L, B, H, T, N)
        grid = (model.encoder.config.grid_size,) * 2
        lengths = (targets != IGNORE).sum(dim=1).tolist()  # tokens and <eos>
        # The attention that chose token t is that of the position before it, which is where it was predicted.
        tokens = [maps[:, row, :, : length - 1].unflatten(-1, grid).numpy() for row, length in enumerate(lengths)]
        return [
            maps_of_words(found, self.tokenizer.split(caption), self._language.words(caption))
            for found, caption in zip(tokens, captions, strict=True)
        ]

    def evaluate(self, dataset: Scenes | CocoCaptions | str | Path, *, seed: int = EVALUATION_SEED) -> dict[str, float]:
        """Score captions against the truth: `exact_match` (0 to 1), `bleu4` (0 to 100) and `cider` (0 to 10).

        Scenes also give `pointing_accuracy` and `pointing_chance`. The pictures of a folder are shown once each,
        freshly shifted, scaled and recoloured from `seed`.
        """
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=self.require_model().encoder.config.image_size)
        if isinstance(dataset, Scenes):
            images, references = dataset.images, [[caption] for caption in dataset.captions]
        else:
            generator = torch.Generator().manual_seed(seed)
            images = augment_images(dataset.batch(range(len(dataset))), generator)
            references = dataset.captions
        written = self.generate_captions(images)
        counted = self._language.counted
        scores = {
            "exact_match": exact_match(written, references),
            "bleu4": bleu(written, references, tokenize=self._language.bleu_tokens),
            "cider": cider(list(map(counted, written)), [list(map(counted, texts)) for texts in references]),
        }
        if isinstance(dataset, Scenes):
            maps = [weights.mean(axis=(0, 1)) for weights in self.attend_batch(images, dataset.captions)]
            words = [self._language.words(caption) for caption in dataset.captions]
            pointing = pointing_accuracy(maps, words, dataset.objects, images.shape[-1])
            scores |= {"pointing_accuracy": pointing.accuracy, "pointing_chance": pointing.chance}
        return scores
