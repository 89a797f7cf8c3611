"""The joint space as a map: pictures, texts, recordings and clips, where they lie to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from minimm.errors import check
from minimm.features.image import load_image
from minimm.interpretation.embedding_map import principal_components
from minimm.tasks.retrieval.joint_space import JointSpace
from minimm.tasks.seen_inside import SeenSpace

THUMBNAIL = 64  # pixels


def space(task: JointSpace, things: Mapping[str, Sequence[Any]]) -> SeenSpace:
    """Where `things`, by modality, lie along the two directions in which their vectors differ most; `.plot()` draws it.

    Pictures are shown as they are, everything else by its text or file name.
    """
    check(
        sum(map(len, things.values())) >= 2,
        "a map needs at least two things; give {'image': [...], 'text': [...]} or the like",
    )
    whole = torch.cat([task.embed(list(some), modality).whole for modality, some in things.items() if len(some)])
    places, shares = principal_components(whole)
    shown, modalities = [], []
    for modality, some in things.items():
        shown += [load_image(thing, size=THUMBNAIL) if modality == "image" else _name(thing) for thing in some]
        modalities += [modality] * len(some)
    return SeenSpace(shown, modalities, places.numpy(), shares.tolist())


def _name(thing: Any) -> Any:
    """What is written on the map for a text or a file."""
    return thing.name if isinstance(thing, Path) else thing
