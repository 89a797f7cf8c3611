"""A disk that is full or may not be written, at each single request that training and saving make of it: nothing is lost."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from faulty_disk import faulty_disk
from PIL import Image

from minimm.datasets.bundled import bundled
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.tasks import ImageCaptioner, TextGenerator
from minimm.training.checkpoint import load_tensors

TEXT = "the quick brown fox jumps over the lazy dog and runs home before the rain comes down. " * 10
SIZES = {"d_model": 8, "num_heads": 2, "num_layers": 1, "batch_size": 2, "precision": "float32"}
ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "not permitted": errno.EACCES}


def train(folder: Path, resume: bool = False) -> None:
    """Four steps, saved after each."""
    options = {"tokenizer": "character", "vocab_size": None, "context_length": 8, "dropout": 0.2}
    task = TextGenerator("tiny", **SIZES, **options, save_every_seconds=1e-9, validate_every=2)
    task.fit(TEXT, max_steps=4, folder=folder, resume=resume)


def assert_whole(folder: Path) -> None:
    """Every file below the folder can be read to its end, and there are no scraps."""
    for path in folder.rglob("*"):
        assert not path.name.endswith(".tmp") and path.name != ".in_use"
        if path.suffix == ".safetensors":
            load_tensors(path)
        elif path.suffix in (".json", ".ipynb"):
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".png", ".gif"):
            with Image.open(path) as picture:
                picture.load()
        elif path.suffix == ".html":
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> tuple[int, bytes]:
    """Of a run on a disk with room: how many requests it makes, and the weights it ends with."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    with faulty_disk(folder.parent, errno.ENOSPC) as disk:
        train(folder)
    assert {"open", "write", "fsync", "os.rename", "os.mkdir"} == set(disk.requests)
    return len(disk.requests), (folder / "training_state.safetensors").read_bytes()


some_or_every = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "every"]
)


def requests_to_refuse(last: int, every: bool) -> list[int]:
    """All numbers from 1 to `last`, or the first, the last and a few between."""
    if every:
        return list(range(1, last + 1))
    return sorted({1, last, *np.random.default_rng(last).integers(2, last, size=2).tolist()})


@some_or_every
@pytest.mark.parametrize("stays_full", [False, True], ids=["once", "from then on"])
def test_wherever_the_disk_fills_up_training_ends_with_a_sentence_and_goes_on_later(
    tmp_path, expected, stays_full, every
):
    number_of_requests, weights = expected
    told = 0
    numbers = requests_to_refuse(number_of_requests, every)
    for fails_at in numbers:
        folder = tmp_path / str(fails_at) / "model"
        folder.parent.mkdir()
        with faulty_disk(folder.parent, errno.ENOSPC, fails_at, stays_full) as disk:
            try:
                train(folder)
            except MinimmError as error:
                assert "No space left on device" in str(error) and str(folder) in str(error)
                told += 1
            else:  # a folder that is there already needs no room
                assert disk.refused == "os.mkdir"
        assert_whole(folder.parent)
        train(folder, resume=True)
        assert same_weights(folder, weights), f"refused was request {fails_at}, {disk.refused}"
    assert told > 0.6 * len(numbers)


def same_weights(folder: Path, expected: bytes) -> bool:
    """Whether the training state is the expected one but for its seconds."""
    (folder / "expected.safetensors").write_bytes(expected)
    (found, _), (wanted, _) = (
        load_tensors(folder / name) for name in ("training_state.safetensors", "expected.safetensors")
    )
    return found.keys() == wanted.keys() and all(found[name].equal(value) for name, value in wanted.items())


@pytest.mark.parametrize("error", ["read-only", "not permitted"])
def test_a_folder_that_may_not_be_written_is_named_and_what_it_holds_stays(tmp_path, error):
    folder = tmp_path / "model"
    train(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for resume in (False, True):
        with faulty_disk(tmp_path, ERRORS[error], 1, stays_full=True), pytest.raises(MinimmError) as caught:
            train(folder, resume)
        assert os.strerror(ERRORS[error]) in str(caught.value) and "choose another folder" in str(caught.value)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may do everything is refused nowhere")
def test_a_folder_without_the_right_to_write_is_named(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(MinimmError, match="Permission denied"):
        train(tmp_path / "locked" / "model")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """Models that have hardly learned anything, a text and a notebook's worth of files."""
    folder = tmp_path_factory.mktemp("models")
    train(folder / "writer")
    sizes = SIZES | {"d_model": 16}
    ImageCaptioner(**sizes, channels=(4, 8)).fit(Shapes(), max_steps=1).save(folder / "captioner")
    byte_pairs = {"vocab_size": 280, "context_length": 8}
    TextGenerator("tiny", **SIZES, **byte_pairs).fit(TEXT, max_steps=1).save(folder / "pairs")
    (folder / "book.txt").write_text(TEXT, encoding="utf-8")
    return folder


PICTURE = bundled("scenes") / "images" / "0000.png"
SMALL = ["--d-model", 8, "--num-layers", 1, "--num-heads", 2, "--batch-size", 2, "--max-steps", 1]
COMMANDS: dict[str, Callable[[Path, Path], list]] = {  # by name: models, where to write -> arguments
    "train language-model": lambda models, out: ["--text", models / "book.txt", *SMALL, "--context-length", 8, "--out", out],
    "explore": lambda models, out: ["--model", models / "writer", "--text", "the fox", "--out", out / "page.html"],
    "explain": lambda models, out: [
        PICTURE, "--model", models / "captioner", "--method", "gradient x input", "--caption", "a red circle",
        "--figure", out / "why.png", "--animation", out / "why.gif",
    ],
    "quantize": lambda models, out: ["--model", models / "writer", "--out", out],
    "export": lambda models, out: ["--model", models / "pairs", "--out", out],
    "plan": lambda models, out: ["--num-layers", 1, "--d-model", 8, "--num-heads", 2, "--vocab-size", 9, "--out", out],
    "guide": lambda models, out: ["--task", "captioner", "--page", out / "guide.html"],
    "data clean": lambda models, out: [models / "book.txt", "--unit", "line", "--out", out],
    "data card": lambda models, out: [models / "book.txt", "--out", out],
    "release": lambda models, out: ["--lessons", "04", "--out", out],
}  # fmt: skip


@some_or_every
@pytest.mark.parametrize("command", COMMANDS)
def test_wherever_the_disk_fills_up_a_command_ends_with_a_sentence(models, tmp_path, capsys, command, every):
    def attempt(folder: Path) -> int:
        return run(*command.split(), *COMMANDS[command](models, folder / "out"))

    (tmp_path / "whole").mkdir()
    with faulty_disk(tmp_path / "whole", errno.ENOSPC) as disk:
        assert attempt(tmp_path / "whole") == 0
    last = len(disk.requests)
    assert last >= 5  # a folder is made, a file opened, flushed and renamed
    for fails_at in requests_to_refuse(last, every):
        capsys.readouterr()
        folder = tmp_path / str(fails_at)
        folder.mkdir()
        with faulty_disk(folder, errno.ENOSPC, fails_at) as disk:
            code = attempt(folder)
        told = capsys.readouterr().err
        if code == 0:
            assert disk.refused == "os.mkdir"
        else:
            assert code == 2 and "error: " in told and "No space left on device" in told and "Traceback" not in told
        assert_whole(folder)
