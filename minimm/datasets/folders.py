"""A data set is a file, or a folder with one file for each of its parts: train, test and whatever else is measured."""

from __future__ import annotations

from pathlib import Path

from minimm.datasets.bundled import bundled
from minimm.errors import MinimmError, check


def find_folder(name: str | Path) -> Path:
    """A path as it is when something is there, else the data of that name that comes with minimm."""
    path = Path(name)
    if path.exists():
        return path
    try:
        return bundled(str(name))
    except MinimmError:
        raise MinimmError(
            f"{name} does not exist, and no data of that name comes with minimm; give a file or a folder"
        ) from None


def find_splits(name: str | Path, suffix: str) -> dict[str, Path]:
    """The files of a data set by the part they hold: {"train": ..., "test": ...}; a single file is all "train".

    Args:
        name: a file, a folder, or the name of bundled data such as "sentiment".
        suffix: what the names of its files end with, such as ".tsv".
    """
    path = find_folder(name)
    if path.is_file():
        return {"train": path}
    found = {file.name.removesuffix(suffix): file for file in sorted(path.glob(f"*{suffix}"))}
    check(
        "train" in found,
        f"{path} has no train{suffix}; its {suffix} files are {sorted(found) or 'none'}. Name the file "
        f"to learn from train{suffix}",
    )
    return found
