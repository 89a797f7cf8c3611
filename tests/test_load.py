"""Much of everything: a run of very many steps, a collection of very many pictures, very many files to check at once.

What is held in memory, and what is written at every checkpoint, does not depend on how long a run has lasted; of a collection
vectors are kept and nothing else; a thousand checks wait for one another and leave nothing behind.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from long_training import resident_bytes
from PIL import Image

from minimm.classroom import child_process
from minimm.classroom.child_process import Child
from minimm.classroom.supervisor import check_file
from minimm.datasets.coco_captions import write_coco_captions
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.features.image import load_image
from minimm.first_principles.late_interaction import late_interaction
from minimm.specs import grading
from minimm.tasks.retrieval import joint_space
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever
from minimm.training import history
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

TESTS = Path(__file__).parent
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory and processes are counted in /proc")

# Training


@given(
    st.lists(st.floats(-8, 8), min_size=1, max_size=120), st.integers(1, 20), st.integers(1, 12), st.integers(0, 120)
)
def test_a_history_is_short_and_loses_no_loss(losses, validate_every, most, interrupted):
    """Each entry stands for the steps since the one before: together they have the sum of all losses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "MOST", most)
        entries = []
        history.record(entries, 0, validation_loss=9.0)
        for step, loss in enumerate(losses, start=1):
            if step == interrupted:
                entries = json.loads(json.dumps(entries))  # as a checkpoint keeps it
            history.record(entries, step, train_loss=loss)
            if step % validate_every == 0:
                history.record(entries, step, validation_loss=float(step))
    steps = [entry["step"] for entry in entries]
    trained = [entry["train_loss"] for entry in entries[1:]]
    assert steps == sorted(set(steps)) and steps[-1] == len(losses)
    np.testing.assert_allclose(np.dot(trained, np.diff(steps)), np.sum(losses), atol=1e-9)
    validated = {entry["step"]: entry["validation_loss"] for entry in entries if "validation_loss" in entry}
    assert validated == {0: 9.0, **{step: step for step in range(validate_every, len(losses) + 1, validate_every)}}
    assert len(entries) <= most + 2 * len(validated)
    if len(losses) <= most:
        assert trained == losses


def test_a_checkpoint_does_not_grow_with_the_steps_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "MOST", 16)
    sizes = []

    def draw(generator):
        sizes.append(sum((tmp_path / f"training_state.{kind}").stat().st_size for kind in ("safetensors", "json")))
        return torch.randn(2, 3, generator=generator)

    config = TrainerConfig(max_steps=120, save_every_seconds=1e-9)  # at every step
    trainer = Trainer(
        torch.nn.Linear(3, 1), config, draw_batch=draw, loss=lambda m, x: m(x).square().mean(), folder=tmp_path
    )
    result = trainer.run()
    assert result.steps == 120 and len(result.history) <= 16
    assert max(sizes[60:]) < 1.01 * max(sizes[20:60])


def trained_at_length(task: str, steps: int, folder: Path) -> list[dict]:
    """What `long_training.py` tells of a run."""
    command = [sys.executable, str(TESTS / "long_training.py"), task, str(steps), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@linux
@pytest.mark.slow
@pytest.mark.parametrize("task", ["text", "captioner"])
def test_twenty_thousand_steps_take_no_more_memory_than_two_thousand(task, tmp_path):
    told = trained_at_length(task, 20_000, tmp_path)
    early, late = [one for one in told if 2_000 <= one["step"] < 4_000], told[-20:]
    assert late[0]["step"] >= 18_000
    for what in ("resident", "blocks", "bytes"):
        before, after = (statistics.median(one[what] for one in some) for some in (early, late))
        assert after < 1.01 * before, f"{what}: {before} -> {after}"
    assert max(one["entries"] for one in told) <= history.MOST + 2 * 20_000 // 250


# Retrieval

SIZES = {"d_model": 16, "num_heads": 2, "num_layers": 1, "d_joint": 8, "channels": (4, 8), "batch_size": 8}
QUERIES = ["a small red circle", "a large blue cross", "a green ring"]


@pytest.fixture(scope="module", params=[True, False], ids=["words and regions", "wholes"])
def retriever(request) -> CrossModalRetriever:
    """Has looked at a few scenes."""
    task = CrossModalRetriever(image_size=16, fine_grained=request.param, **SIZES)
    return task.fit(Shapes(image_size=16), max_steps=3)


def noise(place: int) -> np.ndarray:
    """A picture (16, 16, 3) in bytes, another for each place."""
    return np.random.default_rng(place).integers(0, 256, (16, 16, 3), np.uint8)


class Drawn(Sequence):
    """Pictures that are made when they are asked for; knows how many there were at the same time."""

    def __init__(self, count: int) -> None:
        self.count, self.alive, self.most_alive = count, 0, 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> np.ndarray:
        picture = noise(place).transpose(2, 0, 1).astype(np.float32) / 255.0
        self.alive += 1
        self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(picture, self.forget)
        return picture

    def forget(self) -> None:
        self.alive -= 1


def brute_force(task: CrossModalRetriever, query: str) -> np.ndarray:
    """The similarity of a text and everything in the collection of pictures, one by one."""
    asked, (_, seen) = task.embed([query]), task.collections["image"]
    scores = seen.whole.numpy() @ asked.whole[0].numpy()
    if task.model.config.fine_grained:
        words = asked.parts[0][asked.mask[0]].numpy()
        scores = (scores + np.array([late_interaction(words, regions) for regions in seen.parts.numpy()])) / 2
    return scores


def hold_the_best(task: CrossModalRetriever, k: int) -> None:
    """The law: what is found are the best by brute force; those that differ by rounding alone may come in any order."""
    for query in QUERIES:
        scores, found = brute_force(task, query), task.search(query, k)
        best = np.sort(scores)[::-1][:k]
        np.testing.assert_allclose([hit.score for hit in found], best, atol=1e-5)
        np.testing.assert_allclose(scores[[hit.place for hit in found]], best, atol=1e-5)
        assert len({hit.place for hit in found}) == k


def test_pictures_are_asked_for_batch_by_batch_and_their_vectors_alone_are_kept(retriever, monkeypatch):
    monkeypatch.setattr(joint_space, "PIECE", 500)  # as for a large collection, compared in many pieces
    pictures = Drawn(5 * joint_space.BATCH + 3)
    retriever.index(pictures, "image")
    gc.collect()
    assert pictures.most_alive <= 2 * joint_space.BATCH and pictures.alive == 0
    _, kept = retriever.collections["image"]
    assert kept.parts.numel() == (len(pictures) * 16 * 8 if retriever.model.config.fine_grained else 0)
    hold_the_best(retriever, 20)
    (hit,) = retriever.search(QUERIES[0], 1)
    assert np.array_equal(hit.item, pictures[hit.place])


def test_a_damaged_picture_among_many_is_named(retriever, tmp_path):
    files = [tmp_path / f"{place:03d}.png" for place in range(100)]
    for place, file in enumerate(files):
        Image.fromarray(noise(place)).save(file)
    files[70].write_bytes(files[70].read_bytes()[:90])
    with pytest.raises(MinimmError, match=r"070\.png is damaged or cut off") as error:
        retriever.index(files)
    assert "\n" not in str(error.value)
    files[70].write_bytes(files[0].read_bytes())
    assert len(retriever.index(files).collections["image"][0]) == 100


def test_of_a_folder_each_picture_is_opened_once(retriever, tmp_path, monkeypatch, capsys):
    folder, opened = tmp_path / "pictures", []
    write_coco_captions(folder, [noise(place).transpose(2, 0, 1) / 255.0 for place in range(9)], ["a red ring"] * 9)
    retriever.save(tmp_path / "model")
    really = Image.open
    monkeypatch.setattr(
        Image, "open", lambda path, **options: opened.append(Path(path).name) or really(path, **options)
    )
    command = ("retrieve", "a red ring", "--model", tmp_path / "model", "--among", folder)
    assert run(*command) == 0
    assert sorted(opened) == [f"{place:04d}.png" for place in range(9)]
    opened.clear()
    assert run(*command, "--find", "text") == 0 and opened == []
    assert capsys.readouterr().out.splitlines()[-1].endswith("a red ring")


@linux
@pytest.mark.slow
def test_a_hundred_thousand_pictures_take_the_memory_of_their_vectors(retriever, tmp_path):
    files = [tmp_path / f"{place:06d}.png" for place in range(100_000)]
    for place, file in enumerate(files):
        Image.fromarray(noise(place)).save(file, compress_level=1)
    retriever.index(files[:1_000])
    before = resident_bytes()
    retriever.index(files)
    grown = resident_bytes() - before
    items, kept = retriever.collections["image"]
    vectors = sum(tensor.numel() * tensor.element_size() for tensor in (kept.whole, kept.parts, kept.mask))
    assert len(items) == 100_000 and grown < 1.1 * vectors + 2**24
    hold_the_best(retriever, 50)
    assert load_image(retriever.search(QUERIES[0], 1)[0].item).shape == (3, 16, 16)
    files[77_777].write_bytes(b"no picture")
    with pytest.raises(MinimmError, match="077777.png is not a picture"):
        retriever.index(files)


# Checking

MASK = "import os, sys\nimport numpy as np\n\ndef causal_mask(length):\n"
SOFTMAX = "import numpy as np\n\ndef softmax(logits, axis=-1):\n"
FILES = {
    "right": MASK + "    return np.tri(length, dtype=bool)\n",
    "wrong": MASK + "    return ~np.tri(length, dtype=bool)\n",
    "unfinished": MASK + "    ...\n",
    "leaves": MASK + "    os._exit(3)\n",
    "forks": MASK + "    os.fork()\n",
    "deletes": MASK + "    os.remove(__file__)\n",
    "floods": MASK + "    print('x' * 3_000_000)\n",
    "eats": MASK + "    return bytearray(10**11)\n",
    "answers": MASK + "    os.write(3, b'[1]\\n'), os.write(4, b'[1]\\n'), os.write(5, b'[1]\\n')\n",
    "nothing": "x = 1\n",
    "ends": "import sys\nsys.exit()\n",
    "no python": "def causal_mask(:\n",
    # Its counterexample is searched among smaller and smaller inputs, while others draw theirs of any size.
    "overflows": SOFTMAX + "    return np.exp(logits) / np.exp(logits).sum(axis, keepdims=True)\n",
    "positive": "import numpy as np\n\ndef gelu(x):\n    return np.maximum(x, 0)\n",
}
ENDLESS = MASK + "    while True: pass\n"


def write_files(folder: Path, files: dict[str, str]) -> dict[str, Path]:
    """Each as a Python file in a folder of its own."""
    written = {}
    for name, source in files.items():
        written[name] = folder / name / "solution.py"
        written[name].parent.mkdir()
        written[name].write_text(source, encoding="utf-8")
    return written


def verdict(path: Path) -> list | str:
    """The reports on a file, or the sentence that says why there are none."""
    try:
        return check_file(path)
    except MinimmError as error:
        return str(error)


def held() -> dict[str, object]:
    """What a check could leave behind."""
    gc.collect()
    return {
        "processes": sum(_is_a_child_of_ours(place) for place in Path("/proc").iterdir() if place.name.isdigit()),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "folders": sorted(Path(tempfile.gettempdir()).iterdir()),
    }


def _is_a_child_of_ours(place: Path) -> bool:
    try:
        return int((place / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
    except OSError:  # it has just ended
        return False


def hold_at_once(written: dict[str, Path], calls: int, threads: int, monkeypatch) -> None:
    """The law: of so many calls from so many threads each gives what it gives alone, few at a time, and nothing is left."""
    alone = {name: verdict(path) for name, path in written.items()}
    running, most_running, lock = 0, 0, threading.Lock()
    own_start, own_end = Child._start, Child._end

    def start(child):
        nonlocal running, most_running
        own_start(child)
        with lock:
            running += 1
            most_running = max(most_running, running)

    def end(child):
        nonlocal running
        with lock:
            running -= 1
        own_end(child)

    monkeypatch.setattr(Child, "_start", start)
    monkeypatch.setattr(Child, "_end", end)
    before = held()
    asked = [list(written)[number % len(written)] for number in range(calls)]
    with ThreadPoolExecutor(threads) as pool:
        verdicts = list(pool.map(lambda name: verdict(written[name]), asked))
    assert [name for name, given in zip(asked, verdicts, strict=True) if given != alone[name]] == []
    assert running == 0 and most_running <= 4
    assert held() == before


@linux
def test_checks_at_once_give_what_they_give_alone_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    some = ("right", "wrong", "leaves", "nothing", "overflows")
    hold_at_once(write_files(tmp_path, {name: FILES[name] for name in some}), 15, 15, monkeypatch)


@linux
@pytest.mark.slow
def test_a_thousand_checks_at_once_give_what_they_give_alone_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written = write_files(tmp_path, FILES)
    hold_at_once(written, 1_000, 64, monkeypatch)
    before = resident_bytes()
    hold_at_once(written, 1_000, 64, monkeypatch)
    assert resident_bytes() < before + 2**23
    hold_at_once(write_files(tmp_path, {"endless": ENDLESS}), 8, 8, monkeypatch)


def test_a_child_that_cannot_be_used_gives_its_place_to_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(child_process, "AT_ONCE", threading.BoundedSemaphore(1))
    written = write_files(tmp_path, {name: FILES[name] for name in ("ends", "nothing", "right")})
    sentences = [verdict(written[name]) for name in ("ends", "nothing")]
    assert "sys.exit" in sentences[0] and "no function of the contract" in sentences[1]
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(TypeError):
        verdict(written["right"])
    monkeypatch.undo()
    assert all(verdict(written["right"]))


def test_what_was_drawn_for_other_seeds_is_forgotten(monkeypatch):
    monkeypatch.setattr(grading, "MOST_KEPT", 7)
    monkeypatch.setattr(grading, "_drawn", type(grading._drawn)())
    spec = grading.spec_of("causal_mask")
    for seed in range(5):
        assert grading.grade(spec, lambda length: np.tri(length, dtype=bool), seed=seed)
        assert len(grading._drawn) <= 7
