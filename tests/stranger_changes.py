"""How a valid file is changed to what a stranger may send: its bytes, its structure, and what kind of thing it is at all."""

from __future__ import annotations

import copy
import gzip
import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

NESTED: Any = []
for _ in range(300):
    NESTED = [NESTED]
NUMBERS = (0, -1, 1, 3, 2**31, 2**63, 10**12, -(10**12), 10**30, 0.5, 1e308, float("nan"), float("inf"), -float("inf"))
TEXTS = (
    "",
    "x",
    "12",
    "../../outside",
    "/etc/passwd",
    "C:\\x",
    "..\\..\\x",
    "a\0b",
    "\ud800",
    "é" * 300,
    "a" * 100_000,
)
ABSURD = (*NUMBERS, *TEXTS, None, True, False, [], {}, [[]], {"a": {}}, [None] * 3, list(range(300)), NESTED)
SIZES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 10**12, 2**62, 2**64 - 1)


def change(data: bytes, suffix: str, rng: random.Random) -> bytes:
    """`data` as a stranger may send it: its structure or its bytes changed once, or a few times."""
    ways = WAYS.get(suffix, [])
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        try:
            data = rng.choice([change_bytes, *ways, *ways])(data, rng)
        except (ValueError, LookupError, TypeError, struct.error, RecursionError, zlib.error, EOFError, OSError):
            data = change_bytes(data, rng)  # it is no longer what this way of changing it needs
    return data


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """Any file: bits flipped, cut off, doubled, a piece lost or moved, a number of some width replaced by an absurd one."""
    place = rng.randrange(len(data) + 1)
    end = min(len(data), place + rng.randrange(1, 40))
    return rng.choice(
        (
            lambda: data[:place] + bytes(b ^ 1 << rng.randrange(8) for b in data[place:end]) + data[end:],
            lambda: data[:place] + rng.randbytes(end - place) + data[end:],
            lambda: data[:place],
            lambda: data[place:],
            lambda: data + data,
            lambda: data[:place] + data[end:],
            lambda: data[:end] + data[place:],
            lambda: data[:place] + rng.choice((b"\0", b"\xff", b"\n", b"\t", b"\r", b'"', b"\xc3")) * 3 + data[place:],
            lambda: data[:place] + rng.choice(SIZES).to_bytes(8, "little")[: rng.choice((2, 4, 8))] + data[place + 4 :],
            lambda: data[:place] + rng.choice(SIZES[:-3]).to_bytes(4, "big") + data[place + 4 :],
            lambda: b"",
        )
    )()


def change_json(data: bytes, rng: random.Random) -> bytes:
    """JSON: one place replaced by a value of another kind, removed, doubled, renamed, or written twice."""
    value = json.loads(data)
    if rng.random() < 0.1 and isinstance(value, dict) and value:  # a key twice: JSON allows it
        key = rng.choice(list(value))
        return data.rstrip()[:-1] + b", " + _dumped({key: rng.choice(ABSURD)})[1:]
    return _dumped(changed(value, rng))


def changed(value: Any, rng: random.Random) -> Any:
    """A parsed JSON value with one place in it changed."""
    value = copy.deepcopy(value)
    places = _places(value)
    if not places:
        return rng.choice(ABSURD)
    inside, key = rng.choice(rng.choice((places, places[:12])))  # those at the top say more
    old = inside[key]
    way = rng.randrange(9)
    if way == 0:
        del inside[key]
    elif way == 1 and isinstance(inside, dict):
        inside[rng.choice(TEXTS)] = inside.pop(key)
    elif way == 2 and isinstance(inside, list):
        inside.insert(key, copy.deepcopy(old))
    elif way == 3:
        inside[key] = copy.deepcopy(rng.choice(rng.choice(places)[:1]))  # the whole inside of another place
    elif way == 4 and isinstance(old, int | float) and not isinstance(old, bool):
        inside[key] = rng.choice((old + 1, old - 1, -old, old * 2, old * 1000, float(old), str(old), bool(old)))
    else:
        inside[key] = rng.choice(ABSURD)
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (list or object, index or key) inside, from the top down."""
    found, level = [], [value]
    while level and len(found) < 5000:
        found += (here := [(one, key) for one in level for key in (one if isinstance(one, dict) else range(len(one)))])
        level = [one[key] for one, key in here if isinstance(one[key], list | dict)]
    return found


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def edited(file: Path, place: str, value: Any) -> Path:
    """Put `value` at "outer/inner" of a JSON file, or take out what is there if it is `...`."""
    whole = json.loads(file.read_text(encoding="utf-8"))
    *outer, last = place.split("/")
    part = whole
    for name in outer:
        part = part[name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    file.write_text(json.dumps(whole), encoding="utf-8")
    return file


def change_tensors(data: bytes, rng: random.Random) -> bytes:
    """Safetensors: the header changed as JSON with its length set right, or its length made absurd."""
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    entry = header[rng.choice(names)]
    way = rng.randrange(8)
    if way == 0:
        return rng.choice(SIZES).to_bytes(8, "little") + data[8:]
    if way == 1:
        entry["data_offsets"] = [rng.choice(NUMBERS), rng.choice(NUMBERS)]
    elif way == 2:
        entry["data_offsets"] = list(header[rng.choice(names)]["data_offsets"])  # over another one's numbers
    elif way == 3:
        entry["shape"] = rng.choice(([10**12], [2**33, 2**33], [-1], [0], [1] * 70, entry["shape"][::-1], [], "x"))
    elif way == 4:
        entry["dtype"] = rng.choice(("F64", "I64", "BOOL", "U8", "F8_E4M3", "C64", "BF16", "F16", "I8", "X", "", 3))
    elif way == 5 and "__metadata__" in header:
        metadata = header["__metadata__"]
        name = rng.choice(list(metadata))
        try:
            metadata[name] = _dumped(changed(json.loads(metadata[name]), rng)).decode()
        except ValueError:
            metadata[name] = rng.choice(ABSURD)
    elif way == 6:  # the numbers themselves: the largest, infinite or none at all
        size = rng.randrange(max(1, len(rest) - 4)) // 4 * 4
        rest = rest[:size] + rng.choice((b"\xff\xff\xff\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f")) + rest[size + 4 :]
    else:
        header = changed(header, rng)
    written = _dumped(header)
    return len(written).to_bytes(8, "little") + written + rest


def change_png(data: bytes, rng: random.Random) -> bytes:
    """PNG: the contents of one chunk changed, or a chunk doubled, lost or moved, and the check sums set right."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    number = rng.randrange(len(chunks))
    name, content = chunks[number]
    way = rng.randrange(4)
    if way == 0:
        chunks.insert(rng.randrange(len(chunks)), chunks[number])
    elif way == 1:
        del chunks[number]
    else:
        chunks[number] = (name, change_bytes(content, rng))
    return data[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_chunk(name: bytes, content: bytes) -> bytes:
    """One chunk with its size and check sum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def change_wav(data: bytes, rng: random.Random) -> bytes:
    """Wav: one number of the header replaced by an absurd one."""
    place, width = rng.choice(((4, 4), (16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4)))
    return data[:place] + rng.choice(SIZES[:-3]).to_bytes(4, "little")[:width] + data[place + width :]


def change_lines(data: bytes, rng: random.Random) -> bytes:
    """Text: a line lost, doubled, emptied, moved, or a column of it replaced by an absurd text."""
    lines = data.decode("utf-8").split("\n")
    number = rng.randrange(len(lines))
    columns = lines[number].split("\t")
    columns[rng.randrange(len(columns))] = rng.choice(TEXTS)
    new = rng.choice(
        (
            ["\t".join(columns)],
            [],
            [lines[number]] * 2,
            [""],
            [lines[number].replace("\t", " ")],
            [lines[number] + "\tx"],
        )
    )
    return "\n".join(lines[:number] + new + lines[number + 1 :]).encode("utf-8", "surrogatepass")


def change_packed(data: bytes, rng: random.Random) -> bytes:
    """A .gz: what is packed changed."""
    return gzip.compress(change_lines(gzip.decompress(data), rng))


WAYS: dict[str, list[Callable[[bytes, random.Random], bytes]]] = {
    **dict.fromkeys((".json", ".ipynb"), [change_json]),
    ".safetensors": [change_tensors],
    ".png": [change_png],
    ".wav": [change_wav],
    ".gz": [change_packed],
    **dict.fromkeys((".tsv", ".txt", ".md", ".html", ".py", ".jsonl", ".en", ".de"), [change_lines]),
}


def spoil(folder: Path, rng: random.Random) -> None:
    """Change one file of the folder, or now and then what kind of thing lies under its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = rng.choice(files)
    if rng.random() < 0.02:
        path.unlink()
        rng.choice(
            (path.mkdir, lambda: None, *(lambda to=to: path.symlink_to(to) for to in ("gone", path, "/dev/zero", "/")))
        )()
    else:
        path.write_bytes(change(path.read_bytes(), path.suffix.lower(), rng))
