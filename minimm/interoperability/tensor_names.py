"""Where each of our parameters lives in another library's file, and how to carry it over without changing a bit.

Two things differ beside the names. GPT-2 keeps its matrices as (in, out), PyTorch's linear layers as (out, in); and where
we have one matrix for queries, keys and values, Llama and BERT have three. Transposing and cutting move numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.errors import check

NAMED = 6  # tensors of an error message; layers lack them by the dozen


@dataclass(frozen=True)
class Place:
    """One of our parameters in their file: one tensor, or several that lie above each other in ours."""

    names: tuple[str, ...]
    rows: tuple[int, ...] = ()  # how many rows of ours each of several tensors has
    transposed: bool = False


def at(name: str, *, transposed: bool = False) -> Place:
    """A parameter that is one tensor of theirs."""
    return Place((name,), transposed=transposed)


def both(ours: str, theirs: str, *, transposed: bool = False) -> dict[str, Place]:
    """The weight and the bias of a layer; only the weight is a matrix that may be transposed."""
    return {
        f"{ours}.weight": at(f"{theirs}.weight", transposed=transposed),
        f"{ours}.bias": at(f"{theirs}.bias"),
    }


def norm(ours: str, theirs: str) -> dict[str, Place]:
    """A layer norm: our gain is their weight."""
    return {f"{ours}.gain": at(f"{theirs}.weight"), f"{ours}.bias": at(f"{theirs}.bias")}


def import_tensors(
    theirs: Mapping[str, Tensor], places: Mapping[str, Place], ignorable: re.Pattern[str], source: object
) -> dict[str, Tensor]:
    """Their tensors under our names. Raises `MinimmError` that names missing tensors, and those nobody asked for.

    `ignorable` matches names that may be there without a use: masks stored as tensors, heads of another task.
    """
    wanted = {name for place in places.values() for name in place.names}
    missing = sorted(wanted - theirs.keys())
    extra = sorted(name for name in theirs.keys() - wanted if not ignorable.search(name))
    wrong = [
        f"{len(names)} {what}: {', '.join(names[:NAMED])}{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''}"
        for what, names in (("tensors are missing", missing), ("tensors are not known", extra))
        if names
    ]
    check(
        not wrong,
        f"{source} does not fit its config.json: {'; '.join(wrong)}. Was the folder saved by another version, or is it a "
        "fine-tuned model with a head of its own?",
    )
    ours = {}
    for name, place in places.items():
        parts = [theirs[part].T if place.transposed else theirs[part] for part in place.names]
        if place.rows:
            found = [part.shape[0] for part in parts]
            check(
                found == list(place.rows) and len({part.shape[1:] for part in parts}) == 1,
                f"{source}: {', '.join(place.names)} have {found} rows, but config.json asks for {list(place.rows)}",
            )
        ours[name] = torch.cat(parts) if place.rows else parts[0]
    return ours


def export_tensors(ours: Mapping[str, Tensor], places: Mapping[str, Place]) -> dict[str, Tensor]:
    """Our tensors under their names: the exact inverse of `import_tensors`."""
    theirs = {}
    for name, place in places.items():
        parts = ours[name].split(list(place.rows)) if place.rows else [ours[name]]
        for part_name, part in zip(place.names, parts, strict=True):
            theirs[part_name] = part.T if place.transposed else part
    return theirs
