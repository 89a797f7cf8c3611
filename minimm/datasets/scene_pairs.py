"""Sentences about scenes of shapes in two languages: what a translator of captions learns from, without any picture.

Both sentences of a pair describe one scene. In "held_out" colours and shapes stand together that no training pair shows
together, as in the scenes themselves.
"""

from __future__ import annotations

import torch

from minimm.datasets.chinese_scenes import describe_in_chinese
from minimm.datasets.shapes import Shapes
from minimm.errors import check

PARTS = {
    "train": ("train", 12_000),
    "val": ("validation", 500),
    "test": ("validation", 500),
    "held_out": ("held_out", 500),
}
SEED = 2_468  # part number i is drawn from SEED + i
SMALLEST_SIZE = 16  # pictures are drawn along with the sentences and thrown away


def scene_pairs(source: str = "en", target: str = "zh") -> dict[str, list[tuple[str, str]]]:
    """(source, target) pairs by part: train, val, test and held_out; no pair of a later part is in an earlier one."""
    check(
        {source, target} == {"en", "zh"},
        f"scenes are described in English and Chinese, so their pairs are from en to zh or from zh to en, not from "
        f"{source!r} to {target!r}",
    )
    parts, seen = {}, set()
    for number, (part, (split, count)) in enumerate(PARTS.items()):
        scenes = Shapes(split, SMALLEST_SIZE).draw(count, torch.Generator().manual_seed(SEED + number))
        both = dict.fromkeys(
            (caption, describe_in_chinese(objects))
            for caption, objects in zip(scenes.captions, scenes.objects, strict=True)
        )
        pairs = [pair for pair in both if pair not in seen]
        seen.update(pairs)
        parts[part] = pairs if source == "en" else [(chinese, english) for english, chinese in pairs]
    return parts
