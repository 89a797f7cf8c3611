"""A text that need not fit into memory: files and folders read piece by piece, as often as somebody asks.

Learning a vocabulary needs the words of a text one after the other, and encoding it too; neither needs the whole text at once.
So a corpus of gigabytes takes the memory of one piece, and of its ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from minimm.datasets.text_files import SUFFIXES, files_of, pieces_of_document, pieces_of_text
from minimm.errors import check
from minimm.tokenizers.splitting import parts_of


class TextStream:
    """The text of files and folders, joined by blank lines; line ends are \\n. Each iteration reads the files anew.

    The pieces of an iteration are some 2^20 characters long and end behind a line, so that the words of each are words of the
    whole. Files that are .html, .md or .gz inside are read one at a time; a line without an end is one piece.

    Args:
        paths: text files (UTF-8, .gz too) or folders, which are searched for .txt, .md, .html and .htm files, .gz too,
            in order of name; hidden and blank files are left out. Markup is taken away.

    Raises:
        MinimmError: a path that is missing or has no text in it; a file that is not UTF-8, or a broken or far too large .gz,
            when it is read so far.
    """

    def __init__(self, *paths: str | Path) -> None:
        check(len(paths) > 0, "no text was given; name a file or a folder")
        self.files: dict[Path, list[Path]] = {}  # those of each path
        for path in map(Path, paths):
            files = files_of(path)
            check(len(files) > 0, f"{path} has no text in it; give a folder with {', '.join(SUFFIXES)} files, .gz too")
            self.files[path] = [file for file in files if not _is_blank(file)]
            check(len(self.files[path]) > 0, f"{path} is empty; give a file or a folder with text")

    def __iter__(self) -> Iterator[str]:
        return parts_of(self._joined())

    def _joined(self) -> Iterator[str]:
        alone = sum(map(len, self.files.values())) == 1  # is given as it is, so that its characters can be counted
        begun = False
        for path, files in self.files.items():
            found = False
            for file in files:
                pieces = pieces_of_document(file)
                for number, piece in enumerate(pieces if alone else without_outer_line_ends(pieces)):
                    if number == 0 and begun:
                        yield "\n\n"
                    yield piece
                    begun, found = True, found or bool(piece.strip())
            check(found, f"{path} is empty; give a file or a folder with text")
        if not alone:
            yield "\n"


def without_outer_line_ends(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces of `"".join(pieces).strip("\\n")`, and none at all where there is nothing but white space.

    >>> list(without_outer_line_ends(["\\n", "\\none\\n", "\\n", "two\\n"]))
    ['one', '\\n\\ntwo']
    """
    blank: list[str] = []  # what is known only later to be inside
    begun = False
    for piece in pieces:
        if not piece.strip():
            blank.append(piece)
            continue
        inside = piece.rstrip("\n")
        joined = "".join([*blank, inside])
        yield joined if begun else joined.lstrip("\n")
        begun, blank = True, [piece[len(inside) :]]
    rest = "".join(blank).rstrip("\n")
    if begun and rest:
        yield rest


def _is_blank(file: Path) -> bool:
    return not any(piece.strip() for piece in pieces_of_text(file))
