"""Fetching a file from the network so that it is the right one, whole or not there at all.

NAME.part  grows as bytes arrive and survives a dropped connection; the next call asks only for the rest
           (RFC 9110, section 14: `Range: bytes=n-` is answered with 206 and the rest, or with 200 and everything)
NAME       comes to be by renaming, once the size and the SHA-256 are the expected ones
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from minimm.errors import MinimmError, check

TIMEOUT = 30.0  # seconds without a byte after which a server counts as gone
CHUNK = 2**16  # bytes


def download(urls: Sequence[str], path: str | Path, *, sha256: str, num_bytes: int) -> Path:
    """Fetch a file into `path`, from the first of `urls` that gives the right one.

    Args:
        urls: where the same file lies, in the order to try; https only (http from this machine itself).
        sha256: the file's digest, 64 hexadecimal digits. num_bytes: its size.

    Returns `path`. Raises `MinimmError` when no address gives the file, with the reason for each. A file with another
    digest is deleted; what has arrived before a connection broke is kept in `NAME.part` and continued by the next call.
    """
    check(not isinstance(urls, str) and len(urls) > 0, f"urls={urls!r} must be a list of at least one address")
    check(num_bytes > 0, f"num_bytes={num_bytes} is not the size of a file; give the number of bytes to expect")
    for url in urls:
        _check_address(url)
    path = Path(path).absolute()
    part = path.with_name(f"{path.name}.part")
    reasons = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            try:
                _receive(url, part, num_bytes)
                _check_digest(part, sha256)
            except MinimmError as reason:
                reasons.append(f"{url}: {reason}")
            else:
                return part.replace(path)
    except (OSError, ValueError) as error:  # the disk's or an impossible name's; the network's have become reasons
        raise MinimmError(
            f"{path} could not be written ({error}); free some disk space or choose another folder"
        ) from error
    raise MinimmError(
        f"{path.name} could not be downloaded from {'; nor from '.join(reasons)}. Check the connection and try again, or "
        f"put the file by hand into a folder {path.parent.name} and name the folder around that one in MINIMM_DATA"
    )


def is_right(path: Path, *, sha256: str, num_bytes: int) -> bool:
    """Whether a file of this size and digest is there."""
    try:
        return path.is_file() and path.stat().st_size == num_bytes and _digest(path) == sha256.lower()
    except OSError as error:
        raise MinimmError(
            f"{path} could not be read ({error.strerror or error}); make it readable or remove it"
        ) from error


def _receive(url: str, part: Path, num_bytes: int) -> None:
    """Let `part` grow to `num_bytes`: go on where it ends, or begin again if it is too long or the server cannot."""
    start = part.stat().st_size if part.exists() else 0
    if start == num_bytes:
        return
    with _network_errors():
        response = _open(url, start if start < num_bytes else 0)
    with response:
        if response.status == 206:
            given = response.headers.get("Content-Range", "")
            check(given.startswith(f"bytes {start}-"), f"the server sent {given!r} when asked for bytes {start}-")
        else:
            start = 0
        if response.length is not None:
            promised = start + response.length
            check(promised == num_bytes, f"the file there has {promised:,} bytes, but {num_bytes:,} are expected")
        name = part.name.removesuffix(".part")
        with (
            part.open("ab" if start else "wb") as file,
            # disable=None: drawn only in a terminal
            tqdm(total=num_bytes, initial=start, desc=name, unit="B", unit_scale=True, disable=None) as bar,
        ):
            while start < num_bytes and (chunk := _read(response, num_bytes - start)):
                file.write(chunk)
                bar.update(len(chunk))
                start += len(chunk)
    check(start == num_bytes, f"the connection ended after {start:,} of {num_bytes:,} bytes, which are kept")


def _open(url: str, start: int) -> HTTPResponse:
    """The answer to a request for everything from byte `start` on; whoever cannot give that is asked for everything."""
    opener = build_opener(_CheckedRedirects)
    headers = {"User-Agent": "minimm"}
    try:
        return opener.open(
            Request(url, headers=headers | ({"Range": f"bytes={start}-"} if start else {})), timeout=TIMEOUT
        )
    except HTTPError as error:
        error.close()
        if error.code != 416 or start == 0:  # 416: the file there ends before `start`
            raise
    return opener.open(Request(url, headers=headers), timeout=TIMEOUT)


def _read(response: HTTPResponse, most: int) -> bytes:
    with _network_errors():
        return response.read1(min(CHUNK, most))  # what has arrived, so that a break loses nothing


@contextmanager
def _network_errors() -> Iterator[None]:
    """Everything that can go wrong between here and the server becomes a `MinimmError` with the reason alone."""
    try:
        yield
    except HTTPError as error:
        raise MinimmError(f"the server answered {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise MinimmError(str(getattr(error, "reason", error)) or type(error).__name__) from error


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        scheme, host = "", None
    local = scheme == "http" and host in ("localhost", "127.0.0.1")
    check(
        bool(host) and (scheme == "https" or local),
        f"{url} is refused: data are fetched by https only, where nobody on the way can change them; "
        "give an address that begins with https://",
    )


class _CheckedRedirects(HTTPRedirectHandler):
    """A server may send us on, but only to addresses that we would have taken ourselves."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_digest(part: Path, sha256: str) -> None:
    found = _digest(part)
    if found != sha256.lower():
        part.unlink()
        raise MinimmError(
            f"the file that came has the SHA-256 {found}, but {sha256} is expected; it was damaged on the way or has "
            "changed at its source, and is deleted"
        )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()
