"""Whatever a stranger sends, a reader opens it or says in a sentence what is wrong: nothing else, in a second and 500 MB."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from stranger_readers import READERS
from strangers import TIMERS, attempt

from minimm.errors import MinimmError, check

TESTS = Path(__file__).parent
QUICK, THOROUGH = 2_000, 110_000  # inputs in all, more of them for readers that are quick


def shares(total: int) -> dict[str, int]:
    """How many inputs each reader gets."""
    weights = {name: reader.cost**-0.5 for name, reader in READERS.items()}
    return {name: 1 + int(total * weight / sum(weights.values())) for name, weight in weights.items()}


def tried(counts: dict[str, int], seed: int, seconds: float) -> list[dict]:
    """What `strangers.py` counted in a process of its own, so that its memory can be limited."""
    command = [sys.executable, str(TESTS / "strangers.py"), str(seed), *(f"{n}={c}" for n, c in counts.items())]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def hold(found: list[dict], counts: dict[str, int]) -> None:
    """The law: every input was read or refused."""
    assert {one["reader"]: one["tried"] for one in found} == counts
    assert {one["reader"]: one["else"] for one in found if one["else"]} == {}
    assert all(one["read"] > 0 and one["refused"] > 0 for one in found if one["tried"] >= 1000)


def test_two_thousand_files_of_strangers_are_read_or_refused():
    counts = shares(QUICK)
    assert sum(counts.values()) >= QUICK
    hold(tried(counts, 0, 3600), counts)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_hundred_thousand_files_of_strangers_are_read_or_refused(name):
    assert sum(shares(THOROUGH).values()) >= 100_000
    counts = {name: shares(THOROUGH)[name]}
    hold(tried(counts, 1, 3600), counts)


def too_slow(_: Path) -> None:
    while True:
        pass


def too_large(_: Path) -> None:
    try:
        raise MemoryError
    except MemoryError:
        raise MinimmError("the file is damaged") from None


def with_a_warning(_: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("something is odd", stacklevel=1)


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        (lambda folder: {}["key"], "KeyError"),
        (lambda folder: check(False, "what is wrong"), "refused"),
        (lambda folder: check(False, ""), "refused without a word"),
        (lambda folder: 1, "read"),
        (too_large, "took too much memory"),
        (with_a_warning, "UserWarning"),
        pytest.param(too_slow, "Hangs", marks=pytest.mark.skipif(not TIMERS, reason="the system has no timers")),
    ],
)
def test_a_reader_that_breaks_the_law_is_found_out(tmp_path, read, outcome):
    assert attempt(read, tmp_path)[0].startswith(outcome)


class Payload:
    """Whoever unpickles it writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


NAMES = (
    *(
        "model.bin",
        "pytorch_model.bin",
        "model.pt",
        "optimizer.pt",
        "training_state.pt",
        "vocab.pkl",
        "cache.npy",
        "data.npz",
    ),
    *("model.safetensors", "training_state.safetensors", "tokenizer.json", "config.json", "captions.json", "vocab.txt"),
)


@pytest.mark.parametrize("name", READERS)
def test_nothing_that_a_reader_finds_is_unpickled(tmp_path, name):
    """First a payload beside the valid files and under every name that other libraries unpickle, then in their place."""
    marker, folder = tmp_path / "unpickled", tmp_path / "folder"
    folder.mkdir()
    READERS[name].write(folder)
    contents = pickle.dumps(Payload(marker))
    own = [path for path in folder.rglob("*") if path.is_file()]
    for file in NAMES:
        if not (folder / file).exists():
            (folder / file).write_bytes(contents)
    np.save(folder / "objects.npy", np.array([Payload(marker)], dtype=object), allow_pickle=True)
    attempt(READERS[name].read, folder)
    for path in own:
        path.write_bytes(contents)
        assert attempt(READERS[name].read, folder)[0] in ("read", "refused")
    assert not marker.exists()
    pickle.loads(contents)
    assert marker.exists()
