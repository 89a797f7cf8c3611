"""Collecting documents: every text under some files and folders, each with the place it came from, to be cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minimm.datasets.text_files import SUFFIXES, files_of, read_document
from minimm.errors import check


@dataclass(frozen=True)
class Document:
    """A text and where it came from."""

    text: str
    source: str


def collect(paths: Sequence[str | Path]) -> list[Document]:
    """The documents of files and folders, in the order of their names; empty ones are left out.

    Folders are searched for .txt, .md, .html and .htm files, .gz too; a file given by name may be called anything.
    Raises `MinimmError` for what cannot be read or holds no text.
    """
    documents = []
    for path in map(Path, paths):
        for file in files_of(path):
            text = read_document(file)
            if text.strip():
                source = file.relative_to(path).as_posix() if path.is_dir() else str(file)
                documents.append(Document(text, source))
    check(
        len(documents) > 0,
        f"there is no text in {', '.join(map(str, paths)) or 'no path at all'}; give files, whatever they are "
        f"called, or folders with {', '.join(SUFFIXES)} files, .gz too",
    )
    return documents
