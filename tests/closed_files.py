"""A file that nobody may open, not even whoever runs the tests as a superuser: an audit hook refuses, whoever asks."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_closed: Path | None = None


def _hook(event: str, arguments: tuple) -> None:
    if event == "open" and _closed is not None and isinstance(arguments[0], str) and Path(arguments[0]) == _closed:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), arguments[0])


sys.addaudithook(_hook)


@contextmanager
def closed_to_us(path: Path) -> Iterator[None]:
    """Inside, `path` is there and cannot be opened."""
    global _closed
    _closed = path
    try:
        yield
    finally:
        _closed = None
