"""Several processes that share every batch learn what one process learns; and when one dies, all end and nothing is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from together import TEXT, language_model, losses
from together import run as run_alone

from minimm.benchmarks import processes
from minimm.datasets.token_pairs import PairBatch
from minimm.errors import MinimmError
from minimm.tasks import MultimodalAssistant
from minimm.training.distributed import part_of
from minimm.training.trainer import TrainerConfig

SCRIPT = Path(__file__).with_name("together.py")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
CLOSE = 1e-5  # nats

by_torchrun = pytest.mark.skipif(os.name == "nt", reason="torchrun has no gloo of its own on Windows")


def start(*arguments: str | Path, seconds: float) -> subprocess.CompletedProcess:
    """Two processes, one thread each."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*TORCHRUN, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)


@dataclass
class Nested:
    images: torch.Tensor
    texts: list[str]
    by_name: Mapping[str, tuple]
    generator: torch.Generator


@given(st.integers(1, 5), st.integers(1, 4), st.data())
def test_parts_have_every_row_once(size, rows, data):
    count = size * rows
    numbers = torch.arange(count)
    batch = Nested(numbers, [str(i) for i in range(count)], {"a": (numbers.numpy(), 7)}, torch.Generator())
    seen: list[list] = [[], [], []]
    for process in range(size):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WORLD_SIZE", str(size))
            patch.setenv("RANK", str(process))
            part = part_of(batch)
        for found, own in zip(seen, (part.images.tolist(), part.texts, part.by_name["a"][0].tolist()), strict=True):
            found += own
        assert part.generator is batch.generator and part.by_name["a"][1] == 7
        assert len(part.images) == rows
    assert seen == [list(range(count)), batch.texts, list(range(count))]


def test_a_part_of_a_batch_is_of_its_kind(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    ids = torch.arange(8).reshape(4, 2)
    part = part_of((PairBatch(ids, ids > 0, ids, ids), np.arange(4)))
    assert isinstance(part[0], PairBatch) and part[0].source.equal(ids[2:]) and part[1].tolist() == [2, 3]


def test_what_cannot_be_shared_is_refused_with_one_sentence(monkeypatch):
    with pytest.raises(MinimmError, match="one process only, so there is nothing to shard"):
        TrainerConfig(max_steps=1, sharded=True)
    monkeypatch.setenv("WORLD_SIZE", "8")
    for rows in (4, 12):
        with pytest.raises(MinimmError, match=f"a batch of {rows} cannot be shared evenly among 8 processes"):
            part_of(torch.zeros(rows))
    with pytest.raises(MinimmError, match="no process has a whole matrix, as muon needs"):
        TrainerConfig(max_steps=1, sharded=True, optimizer="muon")
    with pytest.raises(MinimmError, match="an assistant learns in one process, but torchrun has started 8"):
        MultimodalAssistant().fit(None)


@by_torchrun
def test_two_processes_learn_what_one_learns(tmp_path):
    ended = start(SCRIPT, tmp_path / "two.json", seconds=300)
    assert ended.returncode == 0, ended.stderr
    together = json.loads((tmp_path / "two.json").read_text(encoding="utf-8"))
    alone = run_alone(tmp_path / "one")
    assert "process 1 has other data than process 0" in together.pop("sentence")
    alone["sharded"] = alone["sharded, recomputed"] = alone["language model"]  # a sharded model learns the same, too
    used, loaded = together.pop("sharded, used afterwards"), together.pop("sharded, from its folder")
    assert used == pytest.approx(loaded, abs=CLOSE)
    assert together.keys() == alone.keys()
    for name, expected in alone.items():
        assert together[name] == pytest.approx(expected, abs=CLOSE), name
    assert (
        ended.stdout.count("step     20") == 3
    )  # one process speaks for both: a line for each of three runs of 20 steps


@pytest.mark.slow
@by_torchrun
def test_a_killed_process_ends_all_of_them_and_one_process_goes_on(tmp_path):
    expected = losses(language_model().fit(TEXT, max_steps=20))
    killed = start(SCRIPT, tmp_path / "two.json", 12, seconds=60)
    assert killed.returncode != 0
    assert "process 0 lost the others, one of which has ended" in killed.stderr or "SIGKILL" in killed.stderr
    folder = tmp_path / "two" / "language_model"
    assert 0 < json.loads((folder / "training_state.json").read_text(encoding="utf-8"))["steps"] <= 12
    task = language_model().fit(TEXT, max_steps=20, folder=folder, resume=True)
    assert losses(task) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.slow
@by_torchrun
def test_the_command_runs_under_torchrun_and_writes_once(tmp_path):
    (tmp_path / "book.txt").write_text(TEXT * 20, encoding="utf-8")
    command = ["-m", "minimm", "train", "language-model", "--text", tmp_path / "book.txt", "--max-steps", 3]
    ended = start(*command, "--out", tmp_path / "book", seconds=200)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("validation_perplexity") == 1
    assert json.loads((tmp_path / "book" / "results.json").read_text(encoding="utf-8"))["steps"] == 3
    refused = start(*command, "--batch-size", 3, "--out", tmp_path / "odd", seconds=200)
    assert refused.returncode != 0 and "a batch of 3 cannot be shared evenly among 2 processes" in refused.stderr
    assert "Traceback" not in refused.stderr.split("ChildFailedError")[0].split("torch/distributed")[0]


@by_torchrun
@pytest.mark.slow
def test_the_speed_of_two_processes_is_measured_beside_one():
    (found,) = processes.compare_processes(1, torch.device("cpu"), (1, 16, 2, 8, 2))
    assert found.peers == ["one process", "one on all threads", "two apart"] and found.amount == 16
    assert all(len(seconds) == 1 and seconds[0] > 0 for seconds in found.seconds.values())
    with pytest.raises(MinimmError, match="torchrun could not time 'minimm'.*cannot be shared evenly"):
        processes.compare_processes(1, torch.device("cpu"), (1, 16, 2, 8, 3))
