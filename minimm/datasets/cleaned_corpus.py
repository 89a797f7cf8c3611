"""From files to a corpus that one may train on: collected, cleaned, without near-duplicates, split without leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minimm.datasets.collection import Document, collect
from minimm.datasets.folders import find_folder
from minimm.datasets.splits import leak_free_split
from minimm.errors import check
from minimm.features.cleaning import clean_text
from minimm.features.near_duplicates import near_duplicate_groups

UNITS = ("document", "paragraph", "line")


@dataclass(frozen=True)
class CleanedCorpus:
    """The documents that were kept, and what became of the others."""

    documents: list[Document]
    collected: int
    too_short: int
    duplicates: int

    def split(self) -> dict[str, list[Document]]:
        """ "train", "validation" and "test" (90, 5 and 5 %), no text of one resembling a text of another."""
        parts = leak_free_split([document.text for document in self.documents])
        return {part: [self.documents[number] for number in numbers] for part, numbers in parts.items()}


def clean_corpus(
    paths: Sequence[str | Path],
    *,
    unit: str = "document",
    form: str = "NFC",
    min_characters: int = 1,
    threshold: float = 0.8,
) -> CleanedCorpus:
    """Collect and clean; of texts that resemble each other the first is kept.

    Args:
        paths: files and folders, as for `collect`.
        unit: what is kept or dropped as a whole: a "document" (a file), a "paragraph" (blank lines between) or a "line".
        form: "NFC" or "NFKC", see `features.cleaning`.
        min_characters: shorter texts are dropped.
        threshold: resemblance, 0.5 to 1, from which two texts count as the same.
    """
    documents = collect_parts(paths, unit, form)
    long_enough = [document for document in documents if len(document.text) >= min_characters]
    check(
        len(long_enough) > 0, f"none of {len(documents)} texts has {min_characters} characters; nothing would be left"
    )
    groups = near_duplicate_groups([document.text for document in long_enough], threshold)
    kept = [long_enough[number] for number in sorted(group[0] for group in groups)]
    return CleanedCorpus(kept, len(documents), len(documents) - len(long_enough), len(long_enough) - len(kept))


def collect_parts(paths: Sequence[str | Path], unit: str, form: str | None = None) -> list[Document]:
    """The documents, paragraphs or lines of files, folders and named data; cleaned when a `form` is given."""
    check(unit in UNITS, f"unit={unit!r} is not known; choose from {', '.join(UNITS)}")
    found = []
    for document in collect([find_folder(path) for path in paths]):
        text = document.text if form is None else clean_text(document.text, form)
        parts = {"document": [text], "paragraph": text.split("\n\n"), "line": text.split("\n")}[unit]
        found += [Document(part.strip("\n"), document.source) for part in parts if part.strip()]
    return found
