"""Data that others have published, and that minimm fetches when asked: where it lies, how large it is, its SHA-256.

A data set NAME is a folder of that name in the data folder: `$MINIMM_DATA`, or `~/.cache/minimm` if that is not set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from minimm.datasets.download import download, is_right
from minimm.errors import MinimmError, check
from minimm.one_at_a_time import alone_in

GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set: its name, size and SHA-256, and the addresses where it lies, in the order to try them."""

    name: str
    num_bytes: int
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A data set: its files, what is in it, and under which terms it was published where."""

    name: str
    files: tuple[RemoteFile, ...]
    description: str
    licence: str
    homepage: str


def _multi30k(name: str, num_bytes: int, sha256: str) -> RemoteFile:
    return RemoteFile(name, num_bytes, sha256, (f"{GITHUB}/multi30k/dataset/master/data/task1/raw/{name}",))


_LISTED = (
    Source(
        name="tinyshakespeare",
        files=(
            RemoteFile(
                "input.txt",
                1_115_394,
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                (
                    f"{GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                    f"{GITHUB}/jcjohnson/torch-rnn/master/data/tiny-shakespeare.txt",
                ),
            ),
        ),
        description="plays of Shakespeare, 1,115,394 characters",
        licence="public domain",
        homepage="https://github.com/karpathy/char-rnn",
    ),
    Source(
        name="multi30k",
        files=(
            _multi30k("train.en.gz", 568_929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
            _multi30k("train.de.gz", 637_044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
            _multi30k("train.fr.gz", 604_242, "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"),
            _multi30k("val.en.gz", 21_650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
            _multi30k("val.de.gz", 24_681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
            _multi30k("val.fr.gz", 23_001, "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9"),
            _multi30k(
                "test_2016_flickr.en.gz", 21_077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"
            ),
            _multi30k(
                "test_2016_flickr.de.gz", 22_890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"
            ),
            _multi30k(
                "test_2016_flickr.fr.gz", 22_310, "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"
            ),
        ),
        description="descriptions of photographs in English, German and French; 29,000 / 1,014 / 1,000 lines",
        licence="for research use",
        homepage="https://github.com/multi30k/dataset",
    ),
)
SOURCES = {source.name: source for source in _LISTED}


def data_folder() -> Path:
    """The folder that holds one folder for each data set: `$MINIMM_DATA`, else `~/.cache/minimm`. It may not exist."""
    try:
        return Path(os.environ.get("MINIMM_DATA") or "~/.cache/minimm").expanduser()
    except RuntimeError:  # an account without a home, as in some containers
        raise MinimmError("there is no home folder to keep data in; name a folder in MINIMM_DATA") from None


def get(name: str, folder: str | Path | None = None) -> Path:
    """Fetch those files of a data set that are missing or not as published; returns the folder they are in.

    Args:
        name: one of `SOURCES`. folder: where the data set gets a folder of its own; `data_folder()` if not given.

    Raises `MinimmError` for an unknown name and for what `download` cannot fetch; files that are right stay as they are.
    """
    check(name in SOURCES, f"{name!r} is not among the data that can be fetched: {', '.join(SOURCES)}")
    into = (data_folder() if folder is None else Path(folder)) / name
    for file in SOURCES[name].files:
        if not is_right(into / file.name, sha256=file.sha256, num_bytes=file.num_bytes):
            with alone_in(into):
                download(file.urls, into / file.name, sha256=file.sha256, num_bytes=file.num_bytes)
    return into
