"""A data set is a file, or a folder with one file for each of its parts: train, test and whatever else is measured."""

from __future__ import annotations

from pathlib import Path

from minimm.datasets.bundled import bundled
from minimm.datasets.sources import SOURCES, data_folder
from minimm.errors import MinimmError, check
from minimm.files import check_inside


def find_folder(name: str | Path) -> Path:
    """A path as it is when something is there, else the data of that name in the data folder, else what is bundled.

    The data folder is `$MINIMM_DATA` or `~/.cache/minimm`; a name with a slash in it is a path and is not sought there.
    """
    path = Path(name)
    if _exists(path):
        return path
    sought = [path]
    if str(name) == path.name and "\\" not in path.name:
        sought.append(data_folder() / name)
        if _exists(sought[-1]):
            return sought[-1]
    try:
        return bundled(str(name))
    except (MinimmError, OSError):
        get = f", or fetch it with `minimm data get {name}`" if name in SOURCES else ""
        raise MinimmError(
            f"{name} does not exist: nothing is at {' or at '.join(map(str, sought))}, and no data of that name comes "
            f"with minimm; give a file or a folder{get}"
        ) from None


def find_splits(name: str | Path, suffix: str) -> dict[str, Path]:
    """The files of a data set by the part they hold: {"train": ..., "test": ...}; a single file is all "train".

    Args:
        name: a file, a folder, or a name that `find_folder` knows, such as "sentiment".
        suffix: what the names of its files end with, such as ".tsv".
    """
    path = find_folder(name)
    if path.is_file():
        return {"train": path}
    found = {file.name.removesuffix(suffix): check_inside(file, path) for file in sorted(path.glob(f"*{suffix}"))}
    check(
        "train" in found,
        f"{path} has no train{suffix}; its {suffix} files are {sorted(found) or 'none'}. Name the file "
        f"to learn from train{suffix}",
    )
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a folder closed to us, or a name that no file can have
        raise MinimmError(f"{path} could not be looked up ({error.strerror or error}); give another path") from error
