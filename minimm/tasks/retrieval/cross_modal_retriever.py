"""A model that finds what belongs together: `CrossModalRetriever().fit(images, captions).search("a red apple", k=5)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.coco_clips import CocoClips
from minimm.errors import check
from minimm.features.audio_augmentation import mask_spans
from minimm.features.image import load_image
from minimm.layers.initialization import initialize
from minimm.models.dual_encoder import Embedding
from minimm.tasks.retrieval.aligned import AlignedImage
from minimm.tasks.retrieval.data import Batch, retrieval_source
from minimm.tasks.retrieval.joint_space import JointSpace
from minimm.tasks.seeds import EVALUATION_SEED, VALIDATION_SEED
from minimm.training.contrastive import labelled_contrastive_loss
from minimm.training.distributed import rows_of_all

DEFAULT_K = 5
VALIDATION_BATCHES = 2  # as large as those of training, so that the losses can be compared
# In the order in which collections are searched when none is named.
WORD = {"image": "pictures", "text": "texts", "audio": "recordings", "video": "clips"}


@dataclass(frozen=True)
class Found:
    """One of the k best: what was indexed, its similarity to the query (-1 to 1), and its place in the collection."""

    item: Any
    score: float
    place: int


class CrossModalRetriever(JointSpace):
    """Pictures, recordings, clips and texts in one space, where what belongs together lies close together.

    Args:
        preset: "tiny" (32 x 32 pixels), "digits" or "small" (64 x 64); see `tasks.retrieval.presets`.
        options: any field of `RetrievalPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "cross_modal_retriever"

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(preset, seed=seed, device=device, **options)
        self.collections: dict[str, tuple[Sequence[Any], Embedding]] = {}

    def _after_load(self, architecture: dict[str, Any]) -> None:
        super()._after_load(architecture)
        self.collections = {}

    def fit(
        self,
        dataset: Any,
        captions: Sequence[str] | None = None,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> CrossModalRetriever:
        """Learn from things that belong together, and keep pictures and captions as collections to be searched.

        Args:
            dataset: pictures, with `captions`; or the path of a COCO-captions folder, `CocoCaptions`, `CocoClips`,
                `ThreeWayDigits`, or scenes or clips drawn on the fly (`Shapes`, `EmojiScenes`, `MovingShapes`), of which
                nothing is kept.
            captions: one for each picture.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset, items = self.preset, None
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=preset.image_size)
        elif captions is not None:
            items = list(dataset)
            dataset = CocoCaptions.from_arrays([load_image(item, preset.image_size) for item in items], list(captions))
        source = retrieval_source(dataset)
        self._learn_words(source.texts)
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        validation = [source.draw(preset.batch_size, generator) for _ in range(VALIDATION_BATCHES)]
        self.model = self.build(self._planned(validation[0].things, source.texts))
        initialize(self.model, torch.Generator().manual_seed(self.seed), preset.num_layers)
        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: (source.draw(preset.batch_size, generator), generator),
            loss=lambda model, batch: self._loss(model, *batch),
            validate=lambda model: float(np.mean([self._loss(model, batch).item() for batch in validation])),
            batch_items=preset.batch_size,
            unit="pair",
        )
        if isinstance(dataset, CocoCaptions):
            modality = "video" if isinstance(dataset, CocoClips) else "image"
            self._keep(modality, items or dataset.file_names, self.embed(dataset.images, modality))
            self.index([caption for texts in dataset.captions for caption in texts], "text")
        return self

    def _loss(self, model: nn.Module, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """The mean over all pairs of modalities; `generator` blanks out bands and moments of recordings, in training."""
        inputs = {name: self._inputs(name, things) for name, things in batch.things.items()}
        if generator is not None and "audio" in inputs:
            log_mels, mask = inputs["audio"]
            inputs["audio"] = (mask_spans(log_mels, mask.sum(dim=1), generator), mask)
        embedded = model({name: tuple(part.to(self.device) for part in given) for name, given in inputs.items()})
        embedded = {
            name: embedding.of_all(rows_of_all) for name, embedding in embedded.items()
        }  # all are wrong answers
        labels = rows_of_all(batch.labels.to(self.device))
        with torch.autocast(self.device.type, enabled=False):  # scale multiplies what bfloat16 would round away
            losses = [
                labelled_contrastive_loss(model.scale * model.similarity(embedded[a], embedded[b]), labels)
                for a, b in combinations(embedded, 2)
            ]
        return torch.stack(losses).mean()

    def _keep(self, modality: str, items: Sequence[Any], embedding: Embedding) -> None:
        # A list may be changed by its owner. Another sequence may make its things when asked, and is asked for what is found.
        kept = list(items) if isinstance(items, list) else items
        self.collections[modality] = (kept, embedding)

    def index(self, things: Sequence[Any], modality: str | None = None) -> CrossModalRetriever:
        """Make `things` of one modality the collection that is searched; it replaces the one of that modality before.

        Of files the vectors alone are kept in memory, and so of any sequence that makes its things when it is asked for them.
        """
        embedding = self.embed(things, modality)
        self._keep(embedding.modality, things, embedding)
        return self

    def search(
        self, query: Any, k: int | None = None, among: str | None = None, *, modality: str | None = None
    ) -> list[Found]:
        """The k things that fit a text, picture, recording or clip best, the best first.

        Args:
            query: a text, a file, an array; what it is is told by `modality_of` where `modality` does not say it.
            k: how many; None = 5, or all of a collection that has fewer.
            among: the modality of the collection to search; None = pictures first, then texts, recordings and clips,
                but not the query's own where there is another.
        """
        embedded = self.embed([query], modality)
        items, collection = self._collection(among, embedded.modality)
        k = min(DEFAULT_K, len(items)) if k is None else k
        check(
            1 <= k <= len(items),
            f"k={k}, but the collection has {len(items)} {WORD[collection.modality]}; choose k from 1 to {len(items)}",
        )
        (scores,) = self.similarity(embedded, collection)
        best = np.argsort(-scores, kind="stable")[:k]
        return [Found(items[place], float(scores[place]), int(place)) for place in best.tolist()]

    def _collection(self, among: str | None, asked: str) -> tuple[Sequence[Any], Embedding]:
        if among is not None:
            self.require_model().require(among)
        wanted = (
            [among] if among else sorted(self.collections, key=lambda name: (name == asked, list(WORD).index(name)))
        )
        check(
            len(wanted) > 0 and wanted[0] in self.collections,
            f"no {WORD[among] if among else 'collection'} to search: call index(...) with what should be found",
        )
        return self.collections[wanted[0]]

    def describe(self, thing: Any, k: int | None = None) -> list[Found]:
        """The k texts of the collection that fit a picture, recording or clip best."""
        return self.search(thing, k, among="text")

    def classify(self, thing: Any, labels: Sequence[str], template: str = "{}") -> dict[str, float]:
        """Zero-shot: how likely each label is, the likeliest first; nothing is learned for it (Radford et al. 2021, 3.1).

        Args:
            template: the sentence that a label is put into, such as "a {}".
        """
        check(
            "{}" in template, f"template={template!r} has no place for the label; write it with {{}}, such as 'a {{}}'"
        )
        check(len(labels) >= 2, f"{len(labels)} labels were given, but there is nothing to decide with fewer than 2")
        texts = self.embed([template.format(label) for label in labels], "text")
        logits = self.model.scale.item() * torch.from_numpy(self.similarity(self.embed([thing]), texts)[0])
        ranked = sorted(zip(labels, logits.softmax(dim=0).tolist(), strict=True), key=lambda pair: -pair[1])
        return dict(ranked)

    @torch.inference_mode()
    def align(self, image: Any, caption: str) -> AlignedImage:
        """Which regions of the picture each word of the caption fits, learned without a single box; `.plot()` draws it."""
        loaded = self._load("image", [image])
        (cosines,) = self.align_batch(loaded, [caption])
        ids = self.tokenizer.encode(self.as_read(caption), unknown="replace")
        words = [self.tokenizer.decode([token]).strip() for token in ids][: len(cosines)]
        return AlignedImage(loaded[0].numpy(), words, cosines, self.model.scale.item())

    @torch.inference_mode()
    def align_batch(self, images: Tensor, captions: Sequence[str]) -> list[np.ndarray]:
        """Cosines of words and regions, one (T, h, w) for each picture (B, 3, S, S) and its caption."""
        check(
            self.require_model().config.fine_grained,
            "this model never compared words with regions; train it with fine_grained=True",
        )
        seen, read = self.embed(images, "image"), self.embed(captions, "text")
        maps = []
        for words, mask, regions in zip(read.parts, read.mask, seen.parts, strict=True):
            maps.append((words[mask] @ regions.T).unflatten(-1, seen.grid).cpu().numpy())  # (T, h, w)
        return maps

    def evaluate(self, dataset: Any, *, seed: int | None = EVALUATION_SEED) -> dict[str, float]:
        """Recall at 1 and at 5 in every direction, `_chance` beside it; scenes give `pointing_accuracy`, too.

        Args:
            dataset: `Scenes`, `Clips`, `ThreeWayDigits` (all pictures and recordings of its split), or a `CocoCaptions` or its
                path, or a `CocoClips`, which are freshly shifted, scaled and recoloured from `seed`, or shown as they are
                when it is None.
        """
        from minimm.tasks.retrieval.evaluation import retrieval_scores

        if isinstance(dataset, str | Path):
            self.require_model().require("image")
            dataset = CocoCaptions(dataset, image_size=self.model.encoders["image"].config.image_size)
        return retrieval_scores(self, dataset, seed)
