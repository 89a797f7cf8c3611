"""What captioners learn from: any data set as a function that draws pictures, or clips, with captions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.emoji_scenes import EmojiScenes
from minimm.datasets.moving_shapes import Clips, MovingShapes
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.features.image import augment_images
from minimm.tasks.seeds import VALIDATION_SEED

VOCABULARY_SCENES = 2_000  # how many scenes' captions are read to learn the words
# How many -> (what is shown (B, ...), captions).
DrawCaptioned = Callable[[int, torch.Generator], tuple[Tensor, list[str]]]
DrawnOnTheFly = Shapes | EmojiScenes | MovingShapes


def caption_source(dataset: DrawnOnTheFly | CocoCaptions) -> tuple[DrawCaptioned, list[str]]:
    """A function that draws (images (B, 3, S, S), captions) of a data set, and captions to learn the words from.

    Of `MovingShapes` and `CocoClips` it draws clips (B, T, 3, S, S).
    """
    if isinstance(dataset, DrawnOnTheFly):

        def draw_scenes(count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
            drawn = dataset.draw(count, generator)
            return drawn.clips if isinstance(drawn, Clips) else drawn.images, drawn.captions

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
        f"cannot learn captions from {type(dataset).__name__}; give Shapes, EmojiScenes, CocoCaptions, or MovingShapes or "
        "CocoClips for clips, or a folder's path"
    )
