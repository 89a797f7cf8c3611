"""What a trained drawer does: pictures from captions, pictures from their own ids, and scores of both stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.shapes import Scenes
from minimm.errors import check
from minimm.features.image import load_image
from minimm.generation.guidance import generate_likeliest_pictures
from minimm.generation.sampling import Sampling
from minimm.interpretation.scene_checker import check_drawings, drawing_scores
from minimm.models.text_to_image import TextToImage, TextToImageConfig
from minimm.tasks.caption_data import caption_source
from minimm.tasks.drawing.tokenizer_stage import tokenizer_scores
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.task import Task
from minimm.training.description import config_from
from minimm.training.losses import cross_entropy

EVALUATION_PICTURES = 500  # drawn from a folder for `evaluate`
BATCH = 250  # pictures at once where nothing is trained
# Measured on 300 unseen captions of scenes: at temperature 0.7 fewer are right. Below 1 the empty ground, always the likeliest
# patch, is preferred until there is no room left for the shape. One candidate: 0.72 right; the likeliest of four: 0.85.
TEMPERATURE, TOP_K, GUIDANCE = 1.0, 20, 2.0
CANDIDATES = 4


class Drawer(Task):
    """A `TextToImage` with the words it knows; `TextToImageGenerator` is one that can be trained."""

    kind = "text_to_image"

    def architecture(self) -> dict[str, Any]:
        """The config of the model, both parts."""
        return asdict(self.require_model().config)

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `TextToImage`."""
        return TextToImage(config_from(TextToImageConfig, architecture))

    def _text_ids(self, captions: Sequence[str]) -> Tensor:
        """Captions -> (B, T), filled up with <pad> to the longest that the model was built for."""
        length = self.require_model().config.text_length
        ids, mask = self.tokenizer.encode_batch(captions)
        for caption, size in zip(captions, mask.sum(axis=1).tolist(), strict=True):
            check(
                1 <= size <= length,
                f"the caption {caption!r:.80} has {size} words, but this model draws captions of 1 to {length}; "
                "shorten it, or train on longer ones",
            )
        padded = np.pad(ids, ((0, 0), (0, length - ids.shape[1])), constant_values=self.tokenizer.pad_id)
        return torch.from_numpy(padded)

    def _picture_ids(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) -> ids (B, n) on the CPU."""
        return self.require_model().image_tokenizer.eval().to_ids(images.to(self.device)).cpu().clone()

    def _loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        text, picture = (part.to(self.device) for part in batch)
        return cross_entropy(model(text, picture), picture)

    def draw_all(
        self,
        captions: Sequence[str],
        *,
        seed: int = 0,
        temperature: float = TEMPERATURE,
        top_k: int | None = TOP_K,
        guidance: float = GUIDANCE,
        candidates: int = CANDIDATES,
    ) -> Tensor:
        """One picture for each caption, (B, 3, S, S) float32 in [0, 1].

        Args:
            seed: fixes the draws. temperature, top_k: see `generation.sampling`; 0 always takes the likeliest patch.
            guidance: how much the caption counts; see `generation.guidance`. 1 = as learned.
            candidates: how many are drawn for each picture, of which the likeliest is kept.
        """
        check(len(captions) > 0, "there is no caption to draw; give at least one")
        model, sampling = self.require_model().eval(), Sampling(temperature, top_k)
        texts = self._text_ids(captions)
        empty = torch.full((model.config.text_length,), self.tokenizer.pad_id)
        generator = torch.Generator().manual_seed(seed)
        drawn = []
        options = {"guidance": guidance, "sampling": sampling, "generator": generator, "candidates": candidates}
        for part in texts.split(max(BATCH // max(candidates, 1), 1)):
            ids = generate_likeliest_pictures(model, part, empty, **options)
            drawn.append(model.image_tokenizer.to_images(ids).cpu())
        return torch.cat(drawn)

    def draw(self, caption: str, *, num_images: int = 1, **options: Any) -> np.ndarray:
        """Different pictures of one caption, (num_images, 3, S, S) float32 in [0, 1]; options as in `draw_all`."""
        check(num_images >= 1, f"num_images={num_images} is too few; give at least 1")
        return self.draw_all([caption] * num_images, **options).numpy()

    def reconstruct(self, image: Any) -> np.ndarray:
        """A picture, given as `load_image` takes it -> what its ids still say, (3, S, S) float32 in [0, 1]."""
        loaded = load_image(image, size=self.require_model().config.tokenizer.image_size)
        return self.reconstruct_all(torch.from_numpy(loaded)[None])[0].numpy()

    def reconstruct_all(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) of the tokenizer's size -> what their ids still say, (B, 3, S, S)."""
        ids = self._picture_ids(images)
        return self.model.image_tokenizer.to_images(ids.to(self.device)).cpu()

    def count_codes(self, images: Tensor) -> Tensor:
        """How often each code occurs in the ids of pictures (B, 3, S, S): (num_codes,)."""
        return torch.bincount(self._picture_ids(images).flatten(), minlength=self.model.config.tokenizer.num_codes)

    def evaluate(
        self,
        dataset: Scenes | CocoCaptions | str | Path,
        *,
        seed: int = EVALUATION_SEED,
        judged: bool = True,
        **options: Any,
    ) -> dict[str, float]:
        """Scores of both stages on pictures with captions; options are those of `draw_all`.

        `tokenizer_scores`, and `loss` in nats a patch. Of scenes of shapes every caption is drawn, and judged by the rules of
        `interpretation.scene_checker`: `accuracy` and the rest of `drawing_scores`, `accuracy_chance` (the same drawings
        against other captions) and `accuracy_reconstructed` (the true pictures, read from their ids: the best that ids
        can show). `judged` False leaves this out, for scenes of other things. The pictures of a folder are changed from
        `seed`, as in training.
        """
        config = self.require_model().config.tokenizer
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=config.image_size)
        if isinstance(dataset, Scenes):
            images, captions = dataset.images, dataset.captions
        else:
            images, captions = caption_source(dataset)[0](EVALUATION_PICTURES, torch.Generator().manual_seed(seed))
        ids, reconstructed = self._picture_ids(images), self.reconstruct_all(images)
        with torch.inference_mode():
            batches = zip(self._text_ids(captions).split(BATCH), ids.split(BATCH), strict=True)
            losses = [self._loss(self.model.eval(), batch).item() * len(batch[0]) for batch in batches]
        scores = tokenizer_scores(images, reconstructed, ids, config.num_codes)
        scores["loss"] = sum(losses) / len(captions)
        if isinstance(dataset, Scenes) and judged:
            drawn = self.draw_all(captions, seed=seed, **options)
            scores |= drawing_scores(check_drawings(drawn, captions))
            others = [*captions[1:], captions[0]]
            scores["accuracy_chance"] = drawing_scores(check_drawings(drawn, others))["accuracy"]
            scores["accuracy_reconstructed"] = drawing_scores(check_drawings(reconstructed, captions))["accuracy"]
        return scores
