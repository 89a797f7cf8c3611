"""Reading texts from the disk: which files a folder offers, what is in a file, and the text without its markup.

Of an .html file the article is kept and menus are dropped, of an .md file the marks are taken away; .gz of any is unpacked.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from minimm.errors import MinimmError, check
from minimm.features.markup import html_to_text, markdown_to_text
from minimm.files import MAX_BYTES, check_inside

EXTRACTORS = {".html": html_to_text, ".htm": html_to_text, ".md": markdown_to_text}
SUFFIXES = (".txt", *EXTRACTORS)  # what is read from a folder; a file given by name may be called anything
MAX_RATIO, ANY_RATIO = 100, 2**26  # no text shrinks to a hundredth, so what does, beyond so many bytes, is a trap
PIECE = 2**20  # bytes


def files_of(path: Path) -> list[Path]:
    """The file itself, or the text files under a folder in order of name; hidden ones are left out."""
    try:
        check(path.exists(), f"{path} does not exist; give a text file or a folder of them")
        if not path.is_dir():
            return [path]
        inside = (file for file in sorted(path.rglob("*")) if file.is_file() and _kind(file) in SUFFIXES)
        return [
            check_inside(file, path)
            for file in inside
            if not any(part.startswith(".") for part in file.relative_to(path).parts)
        ]
    except OSError as error:
        raise MinimmError(f"{path} could not be read ({error.strerror or error})") from error


def read_text(path: Path) -> str:
    """One UTF-8 file, .gz too, with line ends as \\n. What cannot be read so raises a `MinimmError` that says why."""
    return "".join(pieces_of_text(path))


def pieces_of_text(path: Path) -> Iterator[str]:
    """The same in pieces of at most `PIECE` characters, so that a long text is never in memory as a whole."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with_line_ends = io.IncrementalNewlineDecoder(decoder, translate=True)
    offset, begun = 0, False  # bytes read before this piece
    try:
        check(not path.is_char_device(), f"{path} could not be read (it is a device, not a file)")  # and may never end
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            # A small .gz can unpack to any size.
            most = min(MAX_BYTES, max(ANY_RATIO, MAX_RATIO * path.stat().st_size))
            while True:
                kept, data = len(decoder.getstate()[0]), file.read(PIECE)  # kept: the beginning of a character
                text = with_line_ends.decode(data, final=not data)
                yield text if begun else text.removeprefix("\ufeff")  # not "utf-8-sig": it would not count the mark
                begun = begun or bool(text)
                if not data:
                    return
                offset += len(data)
                check(
                    path.suffix != ".gz" or offset <= most,
                    f"{path} unpacks to more than {most:,} bytes, too many for a text; split it",
                )
    except UnicodeDecodeError as error:
        raise MinimmError(
            f"{path} is not UTF-8 text: byte {offset - kept + error.start} is 0x{error.object[error.start]:02x}; "
            "convert it to UTF-8 in an editor"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MinimmError(f"{path} is not a complete gzip file ({error}); fetch or pack it again") from None
    except OSError as error:
        raise MinimmError(f"{path} could not be read ({error.strerror or error})") from error


def read_document(path: Path) -> str:
    """The text of one file, taken out of its markup when its name says that it has some."""
    return "".join(pieces_of_document(path))


def pieces_of_document(path: Path) -> Iterator[str]:
    """The same in pieces; what has markup is one, for it is read as a whole."""
    extract = EXTRACTORS.get(_kind(path))
    return iter([extract(read_text(path))]) if extract else pieces_of_text(path)


def _kind(path: Path) -> str:
    """The suffix that counts: ".md" of README.md and of README.md.gz."""
    return Path(path.name.lower().removesuffix(".gz")).suffix
