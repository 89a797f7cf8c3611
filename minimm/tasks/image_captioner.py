"""A model that describes a picture: `ImageCaptioner().fit(dataset).generate_caption(picture)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.shapes import Scenes, Shapes
from minimm.datasets.text_corpus import IGNORE
from minimm.errors import MinimmError, check
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
from minimm.tasks.attended import AttendedImage
from minimm.tasks.presets import CAPTION_PRESETS, find_preset
from minimm.tasks.task import Task
from minimm.tokenizers import WordTokenizer
from minimm.training.losses import cross_entropy

VALIDATION_PICTURES = 512  # looked at during training
VALIDATION_SEED = 1_234_567  # pictures for validation are drawn and augmented from a seed that training never uses
EVALUATION_SEED = VALIDATION_SEED + 2  # changes to a folder's pictures that no validation used to choose a model
VOCABULARY_SCENES = 2_000  # how many scenes' captions are read to learn the words
BATCH = 256  # pictures at once in evaluation
Picture = str | Path | np.ndarray | Any  # a path, a PIL image or an array (3, H, W) in [0, 1]


class ImageCaptioner(Task):
    """A tiny CNN looks, a small Transformer decoder writes, and cross-attention shows which region each word came from.

    Args:
        preset: "tiny" (32 x 32 pixels) or "small" (64 x 64); see `tasks.presets`.
        options: any field of `CaptionPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "image_captioner"

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = find_preset(CAPTION_PRESETS, preset)
        fields = {name: options.pop(name) for name in list(options) if hasattr(self.preset, name)}
        self.preset = replace(self.preset, **fields, training=replace(self.preset.training, **options))

    def architecture(self) -> dict[str, Any]:
        """The configs of the encoder and of the decoder."""
        model = self.require_model()
        return {"encoder": asdict(model.encoder.config), "decoder": asdict(model.decoder.config)}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder` of an `ImageEncoder` and a `LanguageModel`."""
        encoder = ImageEncoder(ImageEncoderConfig(**architecture["encoder"]))
        return EncoderDecoder(encoder, LanguageModel(LanguageModelConfig(**architecture["decoder"])))

    def fit(
        self,
        dataset: Shapes | CocoCaptions | str | Path,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> ImageCaptioner:
        """Learn from pictures with captions.

        Args:
            dataset: scenes drawn on the fly (`Shapes`), a `CocoCaptions`, or the path of a COCO-captions folder, whose
                pictures are shifted, scaled and recoloured anew each time they are shown.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset = self.preset
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=preset.image_size)
        draw, captions = caption_source(dataset)
        self.tokenizer = WordTokenizer.train(captions)
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
        encoder = ImageEncoderConfig(preset.image_size, preset.channels, preset.d_model)
        self.model = self.build({"encoder": asdict(encoder), "decoder": asdict(decoder)})
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
        (weights,) = self.attend_batch(loaded[None], [caption])
        words = [self.tokenizer.decode([token]).strip() for token in self.tokenizer.encode(caption, unknown="replace")]
        check(len(words) > 0, "the caption is empty, so there is no word whose attention could be shown")
        return AttendedImage(loaded.numpy(), words, weights)

    def attend_batch(self, images: Tensor, captions: list[str]) -> list[np.ndarray]:
        """Cross-attention while each caption is written: one (L, H, T, h, w) for each picture, T its number of words."""
        inputs, targets = self._teacher_forcing(captions)
        model = self.require_model()
        maps = attention_maps(model, lambda: model(images.to(self.device), inputs), CrossAttention)  # (L, B, H, T, N)
        grid = (model.encoder.config.grid_size,) * 2
        lengths = (targets != IGNORE).sum(dim=1).tolist()  # words and <eos>
        # The attention that chose word t is that of the position before it, which is where it was predicted.
        return [maps[:, row, :, : length - 1].unflatten(-1, grid).numpy() for row, length in enumerate(lengths)]

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
        scores = {
            "exact_match": exact_match(written, references),
            "bleu4": bleu(written, references),
            "cider": cider(written, references),
        }
        if isinstance(dataset, Scenes):
            maps = [weights.mean(axis=(0, 1)) for weights in self.attend_batch(images, dataset.captions)]
            words = [caption.split() for caption in dataset.captions]
            pointing = pointing_accuracy(maps, words, dataset.objects, images.shape[-1])
            scores |= {"pointing_accuracy": pointing.accuracy, "pointing_chance": pointing.chance}
        return scores


def caption_source(
    dataset: Shapes | CocoCaptions,
) -> tuple[Callable[[int, torch.Generator], tuple[Tensor, list[str]]], list[str]]:
    """A function that draws (images (B, 3, S, S), captions) of a data set, and captions to learn the words from."""
    if isinstance(dataset, Shapes):

        def draw_scenes(count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
            scenes = dataset.draw(count, generator)
            return scenes.images, scenes.captions

        examples = dataset.draw(VOCABULARY_SCENES, torch.Generator().manual_seed(VALIDATION_SEED + 1))
        return draw_scenes, examples.captions
    if isinstance(dataset, CocoCaptions):

        def draw_pictures(count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
            chosen = torch.randint(len(dataset), (count,), generator=generator)
            images = augment_images(dataset.batch(chosen.tolist()), generator)
            which = torch.rand(count, generator=generator).tolist()  # one of each picture's captions
            captions = [dataset.captions[i] for i in chosen.tolist()]
            return images, [names[int(share * len(names))] for names, share in zip(captions, which, strict=True)]

        return draw_pictures, [caption for captions in dataset.captions for caption in captions]
    raise MinimmError(
        f"cannot learn captions from {type(dataset).__name__}; give Shapes, CocoCaptions or a folder's path"
    )
