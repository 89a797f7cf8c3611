"""One process at a time works in a folder: two that train into one, or fetch one file, would mix what they write.

The operating system keeps the lock on a file in the folder and lets it go when its holder ends, however it ends, so a run that
was killed bars nobody (flock: advisory, POSIX; LockFile on Windows). The file tells the holder's number, for the sentence
that refuses the second one.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from minimm.errors import MinimmError

NAME = ".in_use"
FAR = 2**30  # the byte that Windows locks: behind the number, which others may then read

_held: set[tuple[Path, int]] = set()  # with the thread that holds it, which may enter again


@contextlib.contextmanager
def alone_in(folder: str | Path | None) -> Iterator[None]:
    """Inside, this thread alone works in `folder`, which is created; whoever else tries is refused with a `MinimmError`.

    May be nested; None is nowhere. Of several processes that torchrun has started for one training, the first stands for all.
    """
    if folder is None or os.environ.get("RANK", "0") != "0":
        yield
        return
    path = Path(folder).absolute() / NAME
    mine = (path, threading.get_ident())
    if mine in _held:
        yield
        return
    file = _open_locked(path)
    _held.add(mine)
    try:
        yield
    finally:
        _held.discard(mine)
        _let_go(path, file)


def _open_locked(path: Path) -> IO[bytes]:
    """The file, locked by us, with our number in it."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab", buffering=0)
        except OSError as error:
            raise MinimmError(
                f"{path.parent} cannot be written ({error.strerror or error}); free some disk space or choose another folder"
            ) from error
        if not _lock(file):
            file.close()
            raise MinimmError(
                f"{path.parent} is in use: {_holder(path)} works in it now; wait until that ends, or choose another folder"
            )
        if _is_still_there(path, file):
            break
        file.close()  # who held it has removed it meanwhile, and somebody else may lock a new one
    with contextlib.suppress(OSError):  # on a full disk the lock holds as well without a number
        file.truncate(0)
        file.write(str(os.getpid()).encode())
    return file


def _lock(file: IO[bytes]) -> bool:
    """False if somebody else has it. Where the file system knows no locks, nobody can be kept out."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(file.fileno(), FAR, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _is_still_there(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def _let_go(path: Path, file: IO[bytes]) -> None:
    """Remove the file while it is still locked, as far as the system allows; Windows removes closed files only."""
    with contextlib.suppress(OSError):
        if os.name != "nt":
            path.unlink()
    file.close()
    with contextlib.suppress(OSError):
        if os.name == "nt":
            path.unlink()


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return f"process {int(path.read_text(encoding='ascii'))}"
    return "another process"
