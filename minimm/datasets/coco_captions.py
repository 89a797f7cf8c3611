"""Pictures with captions in the layout of COCO captions (Chen et al. 2015): a folder with `captions.json` and pictures.

    {"images": [{"id": 1, "file_name": "cat.png"}, ...],
     "annotations": [{"image_id": 1, "caption": "a cat asleep"}, ...]}

A picture may have several captions. The pictures lie beside the file or in `images/`. Folders as COCO is published, with
`annotations/captions_train2017.json` and `train2017/`, and Karpathy's splits are read as well (`coco_layouts.py`). From a
folder to a caption:

    dataset = CocoCaptions("coco", split="train")
    captioner = ImageCaptioner().fit(dataset, max_seconds=600)      # from minimm.tasks
    captioner.generate_caption("my_cat.jpg")
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from minimm.datasets.coco_layouts import Layout, find_layout
from minimm.datasets.folders import find_folder
from minimm.errors import MinimmError, check
from minimm.features.image import PICTURE_SUFFIXES, load_image, to_pil
from minimm.files import check_inside, write_atomically, write_json

Item = TypeVar("Item")


@dataclass
class Report:
    """What was found in a folder and what had to be left out; `str(report)` says it in a sentence or a few."""

    what: str = "picture"  # what the folder holds
    texts: str = "caption"  # what belongs to each
    num_pictures: int = 0
    num_captions: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)  # reason -> names

    def leave_out(self, reason: str, name: str) -> None:
        """Note that `name` is not used."""
        printable = name.encode("utf-8", "backslashreplace").decode("utf-8")  # JSON may hold half a surrogate pair
        self.left_out.setdefault(reason, []).append(printable)

    def __str__(self) -> str:
        lines = [f"{self.num_pictures} {self.what}s with {self.num_captions} {self.texts}s"]
        for reason, names in self.left_out.items():
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            lines.append(f"left out because {reason}: {len(names)} ({', '.join(names[:3])}{more})")
        return "; ".join(lines)


class CocoCaptions:
    """All pictures of a folder, in memory as bytes, with their captions.

    Args:
        folder: in one of the layouts above, or the name of bundled data, "scenes".
        image_size: side in pixels that pictures are brought to.
        split: "train", "val", ... of folders that have them; None = all of `captions.json`, or "train".
        max_pictures: read only so many, spread evenly over the list: COCO's 118,287 take minutes to read, and at 64 x 64
            pixels 1.5 GB of memory.

    Attributes: `images` (N, 3, S, S) uint8, `captions` a list for each picture, `file_names`, `report`.

    Pictures without a caption, and captions without a readable picture, are counted and named in `report` and left out;
    a folder that is not in this layout, or in which nothing is left, is refused.
    """

    what: ClassVar[str] = "picture"
    unreadable: ClassVar[str] = "the picture cannot be read"

    def __init__(
        self, folder: str | Path, image_size: int = 64, *, split: str | None = None, max_pictures: int | None = None
    ) -> None:
        check(image_size >= 2, f"image_size={image_size} is too small; give at least 2 pixels, such as 64")
        check(max_pictures is None or max_pictures >= 1, f"max_pictures={max_pictures} must be at least 1")
        folder = find_folder(folder)
        check(folder.is_dir(), f"{folder} is not a folder; give one with captions.json and {self.what}s")
        layout, report = find_layout(folder, split), Report(self.what)
        images, file_names, captions = [], [], []
        for file_name, texts in evenly(list(_captions_by_file(layout, report).items()), max_pictures):
            path = find_picture(layout.folder, layout.folders, file_name)
            if path is None:
                report.leave_out(f"the {self.what} is missing", file_name)
                continue
            try:
                images.append(to_bytes(self._load(path, image_size)))
            except MinimmError:
                report.leave_out(self.unreadable, file_name)
                continue
            file_names.append(file_name)
            captions.append(texts)
        check(len(images) > 0, f"{folder} has no {self.what} with a caption: {report}")
        self._keep(images, file_names, captions, report)

    def _load(self, path: Path, image_size: int) -> np.ndarray:
        return load_image(path, size=image_size)

    @classmethod
    def from_arrays(cls, images: Sequence[np.ndarray], captions: Sequence[str]) -> CocoCaptions:
        """The same from pictures (3, S, S) in [0, 1] of one size, with one caption each."""
        check_pairs(images, captions)
        self = cls.__new__(cls)
        names = [f"{index:04d}.png" for index in range(len(captions))]
        self._keep([to_bytes(image) for image in images], names, [[caption] for caption in captions], Report(cls.what))
        return self

    def _keep(self, images: list[Tensor], file_names: list[str], captions: list[list[str]], report: Report) -> None:
        self.images = torch.stack(images)  # (N, 3, S, S) uint8
        self.image_size = self.images.shape[-1]
        self.file_names, self.captions, self.report = file_names, captions, report
        report.num_pictures, report.num_captions = len(images), sum(map(len, captions))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, list[str]]:
        """Picture (3, S, S) float32 in [0, 1] and its captions."""
        return self.images[index].float() / 255.0, self.captions[index]

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Pictures (B, 3, S, S) float32 in [0, 1]."""
        return self.images[torch.as_tensor(list(indices))].float() / 255.0


def check_pairs(images: Sequence[np.ndarray], captions: Sequence[str], what: str = "picture") -> None:
    """Raise unless there is one caption for each picture, or whatever `what` says."""
    check(
        len(images) == len(captions) > 0,
        f"{len(images)} {what}s and {len(captions)} captions were given; give one caption for each {what}",
    )


def to_bytes(image: np.ndarray) -> Tensor:
    """(3, H, W) in [0, 1] -> uint8, a quarter of the memory."""
    return torch.from_numpy((image * 255.0).round().astype(np.uint8))


def evenly(items: list[Item], most: int | None) -> list[Item]:
    """At most so many of the items, spread over all of them; None = all.

    >>> evenly(["a", "b", "c", "d", "e"], 2)
    ['a', 'c']
    """
    most = len(items) if most is None else min(most, len(items))
    return [items[index * len(items) // most] for index in range(most)]


def captions_in(folder: Path) -> list[str]:
    """The captions of a folder in one of the layouts above, each once; no picture is opened."""
    texts = _captions_by_file(find_layout(folder, None), Report()).values()
    return list(dict.fromkeys(text for several in texts for text in several))


def find_picture(folder: Path, places: Sequence[Path], file_name: str) -> Path | None:
    """The picture in the first of the places that has it, or None. A link that leads out of the folder is refused."""
    with suppress(OSError):  # of a name that no file can have
        for place in places:
            if (place / file_name).is_file():
                return check_inside(place / file_name, folder)
    return None


def leads_out(name: str) -> bool:
    """Whether a file name leads out of the folder it is looked up in, on any operating system."""
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    return ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor != ""


def _captions_by_file(layout: Layout, report: Report) -> dict[str, list[str]]:
    """File name -> captions, in the file's order; what cannot be used goes into the report."""
    path, content = layout.file, layout.content
    files: dict[Any, str] = {}
    for entry in _entries(content, "images", path):
        number, name = entry.get("id"), entry.get("file_name")
        check(
            isinstance(number, int | str) and isinstance(name, str) and name != "",
            f"{path}: every entry of 'images' needs an id and a file_name, but one is {entry!r:.80}",
        )
        check(number not in files, f"{path}: two pictures have the id {number!r}; ids must differ")
        check(
            not leads_out(name),
            f"{path}: the file name {name!r} leads out of the folder; pictures must lie inside it",
        )
        files[number] = name
    captions: dict[str, list[str]] = {name: [] for name in files.values()}
    for entry in _entries(content, "annotations", path):
        number, caption = entry.get("image_id"), entry.get("caption")
        check(
            isinstance(number, int | str) and isinstance(caption, str),
            f"{path}: every entry of 'annotations' needs an image_id and a caption, but one is {entry!r:.80}",
        )
        caption = " ".join(caption.encode("utf-8", "ignore").decode("utf-8").split())  # half a surrogate is no text
        if number not in files:
            report.leave_out(f"the caption belongs to no listed {report.what}", f"image_id {number}")
        elif not caption:
            report.leave_out("the caption is empty", files[number])
        else:
            captions[files[number]].append(caption)
    for name in [name for name, texts in captions.items() if not texts]:
        report.leave_out(f"the {report.what} has no caption", name)
        del captions[name]
    if layout.lists_all:
        listed = {PurePosixPath(name).name for name in files.values()}
        places = (place for place in layout.folders if place.is_dir())
        lying = {file.name for place in places for file in place.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES}
        for name in sorted(lying - listed):
            report.leave_out(f"captions.json does not list the {report.what}", name)
    return captions


def _entries(content: Any, key: str, path: Path) -> list[dict[str, Any]]:
    """The list of objects under `key`, or an error that says what is there instead."""
    entries = content.get(key) if isinstance(content, dict) else None
    check(
        isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries),
        f"{path} is not in COCO captions layout: it needs a list of objects under {key!r}",
    )
    return entries


def write_coco_captions(folder: str | Path, images: Sequence[np.ndarray], captions: Sequence[str]) -> None:
    """Write pictures (3, H, W) in [0, 1], one caption each, as a folder that `CocoCaptions` reads."""
    check_pairs(images, captions)
    folder = Path(folder)
    names = [f"{index:04d}.png" for index in range(len(images))]
    for name, image in zip(names, images, strict=True):
        write_atomically(folder / "images" / name, lambda path, image=image: to_pil(image).save(path, format="PNG"))
    write_listing(folder, names, captions)


def write_listing(folder: Path, names: Sequence[str], captions: Sequence[str]) -> None:
    """Write `captions.json`: the files `names` with one caption each."""
    listed = [{"id": index, "file_name": name} for index, name in enumerate(names)]
    annotations = [{"id": index, "image_id": index, "caption": caption} for index, caption in enumerate(captions)]
    write_json(folder / "captions.json", {"images": listed, "annotations": annotations})
