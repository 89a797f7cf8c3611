"""Reading and writing small files so that nothing is ever lost half-written.

A file is written beside its destination under a temporary name, flushed to the disk and renamed over the old one:
a reader sees the old contents or the new, never a part (POSIX rename is atomic; `Path.replace` gives the same on Windows).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minimm.errors import MinimmError, check

MAX_BYTES = 2**30  # of a text that is read whole


def write_atomically(path: str | Path, write: Callable[[Path], None]) -> None:
    """Call `write(temporary_path)`, then rename the result to `path`. If anything fails, `path` stays as it was.

    A full disk or a folder that may not be written ends in a `MinimmError`. Of several processes that torchrun has started for
    one training, the first alone writes.
    """
    if os.environ.get("RANK", "0") != "0":
        return
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise MinimmError(
            f"{path} could not be written ({error.strerror or error}); what was there before is untouched. "
            "Free some disk space or choose another folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # it may never have come to be
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as readable JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def check_file(path: Path, wanted: str) -> None:
    """Raise unless a file with something in it is there. `wanted` should have been given instead, such as "a wav file"."""
    check(not path.is_dir(), f"{path} is a folder; give {wanted}")
    check(path.exists(), f"{path} does not exist; check the path")
    check(path.is_file(), f"{path} is a device or a pipe; give {wanted}")
    check(path.stat().st_size > 0, f"{path} is empty (0 bytes); give {wanted}")


def check_inside(path: Path, folder: Path) -> Path:
    """The path again, unless it is a link that leads out of the folder, which a stranger may have made."""
    check(
        leads_into(path, folder),
        f"{path} is a link that leads out of {folder}, or nowhere; put there what it should lead to",
    )
    return path


def check_links(folder: Path) -> None:
    """Raise when anything in a folder is a link that leads out of it.

    A snapshot of huggingface_hub may lead to the blobs of the same model, which is where it keeps what it fetched.
    """
    place = folder.resolve()
    blobs = place.parent.parent / "blobs"
    stored = place.parent.name == "snapshots" and not blobs.is_symlink()
    for path in folder.iterdir() if folder.is_dir() else ():
        if not (stored and leads_into(path, blobs)):
            check_inside(path, folder)


def leads_into(path: Path, folder: Path) -> bool:
    """Whether a path, its links followed, ends in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def read_utf8(path: str | Path) -> str:
    """The text of a file. One that is missing, no file, far too large or not UTF-8 ends in a `MinimmError` that names it."""
    try:
        return _text_of(Path(path))
    except UnicodeDecodeError as error:
        raise MinimmError(f"{path} is not text in UTF-8 ({error}); it may be another kind of file") from None


def _text_of(path: Path) -> str:
    try:
        check(path.exists(), f"{path} does not exist")
        check(path.is_file(), f"{path} could not be read (it is a folder or a device, not a file)")
        size = path.stat().st_size
        check(
            size <= MAX_BYTES, f"{path} has {size:,} bytes, but at most {MAX_BYTES:,} are read; is it the right file?"
        )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MinimmError(f"{path} could not be read ({error.strerror or error})") from error


def read_json(path: str | Path) -> Any:
    """Read a JSON file. A missing or broken one ends in a `MinimmError` that names it."""
    try:
        return json.loads(_text_of(Path(path)))
    except MinimmError:
        raise
    except (ValueError, RecursionError) as error:
        raise MinimmError(
            f"{path} is not readable JSON ({error}); it may be truncated or another kind of file"
        ) from None


def read_sections(path: str | Path) -> dict[str, list[str]]:
    """A text file of word lists by name: `[name]` begins one, its entries end at commas and line ends; # is a comment."""
    sections: dict[str, list[str]] = {}
    for line in read_utf8(path).splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            entries = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            entries += [entry.strip() for entry in line.split(",")]
    return sections
