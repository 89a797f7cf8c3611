"""A disk that can be made to fail at any request: what Python asks of it is watched by an audit hook, whoever asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class FaultyDisk:
    """Counts the requests to write below `folder` and refuses number `fails_at`; if it `stays_full`, all behind it as well."""

    def __init__(self, folder: Path, error: int, fails_at: int | None, stays_full: bool) -> None:
        self.folder, self.error, self.fails_at, self.stays_full = folder, error, fails_at, stays_full
        self.requests: list[str] = []

    def ask(self, what: str, path: object) -> None:
        """Count a request and raise `OSError` if it is one to refuse."""
        if not isinstance(path, str | os.PathLike) or self.folder not in Path(path).parents:
            return
        self.requests.append(what)
        number = len(self.requests)
        if self.fails_at is not None and (number == self.fails_at or self.stays_full and number > self.fails_at):
            raise OSError(self.error, os.strerror(self.error), str(path))

    @property
    def refused(self) -> str | None:
        """What the first request was that was refused."""
        return None if self.fails_at is None or self.fails_at > len(self.requests) else self.requests[self.fails_at - 1]


_disk: FaultyDisk | None = None


def _hook(event: str, arguments: tuple) -> None:
    if _disk is None:
        return
    if event == "open" and arguments[2] & WRITES:
        _disk.ask("open", arguments[0])
    elif event in ("os.mkdir", "os.rename"):
        _disk.ask(event, arguments[0])


sys.addaudithook(_hook)


@contextmanager
def faulty_disk(
    folder: Path, error: int, fails_at: int | None = None, stays_full: bool = False
) -> Iterator[FaultyDisk]:
    """Inside, the disk below `folder` is a `FaultyDisk`. A file's contents fail half-way, or when they are flushed."""
    global _disk
    _disk = disk = FaultyDisk(folder, error, fails_at, stays_full)
    write_bytes, fsync = Path.write_bytes, os.fsync

    def write_half(path: Path, data: bytes) -> int:
        try:
            disk.ask("write", path)
        except OSError:
            write_bytes(path, data[: len(data) // 2])
            raise
        return write_bytes(path, data)

    def flush(number: int) -> None:
        disk.ask("fsync", folder / "file")
        fsync(number)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "write_bytes", write_half)
            patch.setattr(os, "fsync", flush)
            yield disk
    finally:
        _disk = None
