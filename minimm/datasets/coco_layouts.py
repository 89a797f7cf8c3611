"""How folders of pictures with captions are laid out: our own, COCO's as it is published, and Karpathy's splits.

    ours       captions.json                             pictures beside it or in images/
    official   annotations/captions_train2017.json       pictures in train2017/ (or images/train2017/); val, 2014 likewise
    Karpathy   dataset_coco.json                         pictures in its `filepath` folders, or in images/ (Flickr)

The first two hold what Chen et al. 2015, "Microsoft COCO captions", section 2 describes; the third is the file with which
Karpathy and Fei-Fei 2015 split COCO and Flickr, by which captioners are compared since; its "restval" belongs to "train".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minimm.errors import MinimmError, check
from minimm.files import check_inside, read_json

_OFFICIAL = re.compile(r"captions_(\w+?)(\d{4})?\.json")


@dataclass(frozen=True)
class Layout:
    """The file with the captions, its content (`images` and `annotations` as in COCO), and where pictures may lie."""

    folder: Path  # that the others lie in
    file: Path
    content: Any
    folders: tuple[Path, ...]
    lists_all: bool  # whether every picture of these folders should be in the file


def find_layout(folder: Path, split: str | None) -> Layout:
    """Recognise the layout of a folder and read its captions.

    Args:
        split: such as "train" or "val"; None = everything of our layout, "train" of the others.
    """
    own = folder / "captions.json"
    if own.is_file():
        check(split is None, f"{own} is one list of captions without a split; leave split={split!r} away")
        return Layout(folder, own, read_json(check_inside(own, folder)), (folder, folder / "images"), lists_all=True)
    split = split or "train"
    official, karpathy = _official_files(folder), sorted(folder.glob("dataset*.json"))
    check(
        bool(official or karpathy),
        f"{folder} has no captions.json, no annotations/captions_train2017.json and no dataset_coco.json; give a folder in "
        "COCO captions layout",
    )
    if karpathy:
        return _karpathy(folder, karpathy[0], split)
    check(split in official, f"{folder} has no captions for split={split!r}; choose from {sorted(official)}")
    file, pictures = official[split]
    folders = (folder / pictures, folder / "images" / pictures, folder / split, folder)
    return Layout(folder, file, read_json(check_inside(file, folder)), folders, lists_all=False)


def splits_of(folder: Path) -> list[str]:
    """The splits that a folder has; none in our layout."""
    karpathy = sorted(folder.glob("dataset*.json"))
    if (folder / "captions.json").is_file():
        return []
    return sorted({_karpathy_split(entry) for entry in _entries(karpathy[0])} if karpathy else _official_files(folder))


def _official_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Split -> (file with captions, name of the folder with its pictures); of several years the last."""
    found = {}
    for file in sorted((folder / "annotations").glob("captions_*.json")):
        match = _OFFICIAL.fullmatch(file.name)
        if match:
            found[match[1]] = (file, match[1] + (match[2] or ""))
    return found


def _karpathy(folder: Path, file: Path, split: str) -> Layout:
    """One split of Karpathy's file, as COCO's lists."""
    images, annotations, splits = [], [], set()
    for number, entry in enumerate(_entries(file)):
        splits.add(_karpathy_split(entry))
        if _karpathy_split(entry) != split:
            continue
        try:
            name = "/".join(part for part in (entry.get("filepath"), entry["filename"]) if part)
            captions = [sentence["raw"] for sentence in entry["sentences"]]
        except (KeyError, TypeError):
            raise MinimmError(
                f"{file}: every entry of 'images' needs filename, split and sentences with raw texts, but one is {entry!r:.80}"
            ) from None
        images.append({"id": number, "file_name": name})
        annotations += [{"image_id": number, "caption": caption} for caption in captions]
    check(bool(images), f"{file} has no pictures for split={split!r}; choose from {sorted(splits)}")
    folders = (folder, folder / "images", folder / "Images")
    return Layout(folder, file, {"images": images, "annotations": annotations}, folders, lists_all=False)


def _entries(file: Path) -> list[dict[str, Any]]:
    content = read_json(check_inside(file, file.parent))
    entries = content.get("images") if isinstance(content, dict) else None
    check(
        isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries),
        f"{file} is not one of Karpathy's split files: it needs a list of objects under 'images'",
    )
    return entries


def _karpathy_split(entry: dict[str, Any]) -> str:
    split = str(entry.get("split"))
    return "train" if split == "restval" else split
