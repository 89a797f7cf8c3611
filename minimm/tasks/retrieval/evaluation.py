"""How well a joint space finds what belongs together: recall in every direction, and pointing of words at regions.

recall_at_k_A_to_B is the share of queries A for which one of the k nearest B is right; recall_at_k is the mean over the
directions. An item is right when it has the label of the query: the same caption, the same digit, or the same picture
where a picture has several captions; pictures that share a caption count as one. `_chance` is what nearest neighbours
drawn by lot would reach.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.coco_clips import CocoClips
from minimm.datasets.moving_shapes import Clips
from minimm.datasets.shapes import Scenes
from minimm.datasets.spoken_digits import DIGIT_WORDS
from minimm.datasets.three_way_digits import ThreeWayDigits
from minimm.features.image import augment_images
from minimm.interpretation.grounding import pointing_accuracy
from minimm.metrics import recall_by_label
from minimm.models.dual_encoder import Embedding
from minimm.tasks.caption_language import maps_of_words
from minimm.tasks.retrieval.data import caption_labels

if TYPE_CHECKING:
    from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever

LOOKED_AT = (1, 5)
LANGUAGES = {"en": "english", "zh": "chinese"}
Measured = Scenes | Clips | CocoCaptions | ThreeWayDigits
Gallery = dict[str, tuple[Embedding, list[Any]]]  # name of a collection -> its places in the space, its labels


def retrieval_scores(task: CrossModalRetriever, dataset: Measured, seed: int | None) -> dict[str, float]:
    """Recalls on scenes, on a folder's pictures freshly changed from `seed` (None: as they are), or on a split of digits."""
    scores = recalls(task, gallery_of(task, dataset, seed))
    if isinstance(dataset, Scenes) and task.model.config.fine_grained:
        words = [task.language.words(caption) for caption in dataset.captions]
        pieces = [task.tokenizer.split(task.as_read(caption)) for caption in dataset.captions]
        maps = list(map(maps_of_words, task.align_batch(dataset.images, dataset.captions), pieces, words))
        pointing = pointing_accuracy(maps, words, dataset.objects, dataset.images.shape[-1])
        scores |= {"pointing_accuracy": pointing.accuracy, "pointing_accuracy_chance": pointing.chance}
    return scores


def gallery_of(task: CrossModalRetriever, dataset: Measured, seed: int | None) -> Gallery:
    """What is to be found, by the names that stand in the results."""
    if isinstance(dataset, ThreeWayDigits):
        recordings = dataset.spoken.recordings
        sounds = [(recording.waveform, dataset.spoken.sample_rate) for recording in recordings]
        gallery: Gallery = {
            "written": (task.embed(dataset.written.images, "image"), dataset.written.digits.tolist()),
            "spoken": (task.embed(sounds, "audio"), [recording.digit for recording in recordings]),
        }
        spelled = {LANGUAGES[code]: (task.embed(words, "text"), list(range(10))) for code, words in DIGIT_WORDS.items()}
        return gallery | spelled
    if isinstance(dataset, Clips):
        captions = dataset.captions
        return {
            "video": (task.embed(dataset.clips, "video"), captions),
            "text": (task.embed(captions, "text"), captions),
        }
    if isinstance(dataset, Scenes):
        captions = dataset.captions
        return {
            "image": (task.embed(dataset.images, "image"), captions),
            "text": (task.embed(captions, "text"), captions),
        }
    seen = dataset.batch(range(len(dataset)))
    if seed is not None:
        seen = augment_images(seen, torch.Generator().manual_seed(seed))
    modality = "video" if isinstance(dataset, CocoClips) else "image"
    numbers, captions = caption_labels(dataset.captions), [text for texts in dataset.captions for text in texts]
    return {
        modality: (task.embed(seen, modality), [numbers[texts[0]] for texts in dataset.captions]),
        "text": (task.embed(captions, "text"), [numbers[text] for text in captions]),
    }


def recalls(task: CrossModalRetriever, gallery: Gallery) -> dict[str, float]:
    """Recall at 1 and 5 in every direction but from one language to the other, their means, and chance at 1."""
    scores: dict[str, float] = {}
    chances = []
    for source, target in permutations(gallery, 2):
        (queries, query_labels), (items, item_labels) = gallery[source], gallery[target]
        if queries.modality == items.modality:
            continue
        similarity = task.similarity(queries, items)
        for k in LOOKED_AT:
            scores[f"recall_at_{k}_{source}_to_{target}"] = recall_by_label(similarity, query_labels, item_labels, k)
        chances.append((np.asarray(query_labels)[:, None] == np.asarray(item_labels)).mean())
    means = {
        f"recall_at_{k}": float(
            np.mean([value for name, value in scores.items() if name.startswith(f"recall_at_{k}_")])
        )
        for k in LOOKED_AT
    }
    return means | {"recall_at_1_chance": float(np.mean(chances))} | scores
