"""A run that was killed and continued ends in the same weights, bit for bit, as one that was never stopped.

The run is a process of its own. A hook in it sends it a real SIGINT or SIGKILL at a chosen step, or in the middle of the n-th
file it writes, between writing the temporary file and renaming it; or SIGKILL comes from outside, whatever the run is doing.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.training.checkpoint import load_tensors

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGINT for one child nor SIGKILL")

# Imports once, then answers each line of JSON with the exit code of a child that was forked for it: nothing is shared between
# two runs but the code that was loaded, and nobody waits for PyTorch fifty times.
SERVER = """
import json, os, pathlib, sys, time
import torch
import torch._dynamo  # what an optimizer loads at its first step
from minimm.tasks import TextGenerator
from minimm.training.trainer import Trainer

torch.set_num_threads(1)


def run(folder, optimizer, resume, kind, place, number):
    counts = {"step": 0, "write": 0}

    def counted(place_now, function):
        def wrapper(*arguments):
            counts[place_now] += 1
            if place_now == place and counts[place] == number:
                os.kill(os.getpid(), kind)
            return function(*arguments)

        return wrapper

    Trainer.step = counted("step", Trainer.step)
    pathlib.Path.replace = counted("write", pathlib.Path.replace)
    task = TextGenerator(
        "tiny", tokenizer="character", vocab_size=None, context_length=16, d_model=16, num_layers=1, num_heads=2,
        batch_size=4, dropout=0.2, accumulation=2, validate_every=7, save_every_seconds=0.02, precision="float32", seed=5,
        optimizer=optimizer,
    )
    text = "the quick brown fox jumps over the lazy dog and runs home before the rain comes down. " * 20
    task.fit(text, max_steps=40, folder=folder, resume=resume)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.stdout = open(os.devnull, "w")
        code = 1
        try:
            run(*json.loads(line))
            code = 0
        except KeyboardInterrupt:
            code = 130
        finally:
            os._exit(code)
    *_, kind, place, moment = json.loads(line)
    if place == "moment":
        time.sleep(moment)
        os.kill(child, kind)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Train = Callable[..., int]


@pytest.fixture(scope="module")
def train() -> Iterator[Train]:
    """A function that runs one training to its end, or to the signal that stops it."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )

    def run(folder: Path, optimizer: str, resume: bool = False, stop: tuple[int, str, float] = (0, "never", 0)) -> int:
        """`stop` is (signal, "step" or "write", which one), or (signal, "moment", seconds). Returns the run's exit code."""
        server.stdin.write(json.dumps([str(folder), optimizer, resume, *stop]) + "\n")
        server.stdin.flush()
        return int(server.stdout.readline())

    yield run
    server.stdin.close()
    server.wait()


@pytest.fixture(scope="module", params=["adamw", "muon"])
def uninterrupted(request, train, tmp_path_factory) -> tuple[str, Path]:
    """The optimizer and the folder of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp(request.param)
    assert train(folder, request.param) == 0
    return request.param, folder


def assert_same_run(folder: Path, expected: Path) -> None:
    assert (folder / "model.safetensors").read_bytes() == (expected / "model.safetensors").read_bytes()
    states = [load_tensors(path / "training_state.safetensors") for path in (folder, expected)]
    assert states[0][0].keys() == states[1][0].keys()
    assert all(value.equal(states[1][0][name]) for name, value in states[0][0].items())
    histories = [json.loads(metadata["state"]) for _, metadata in states]
    assert [{**history, "seconds": 0} for history in histories] == [{**histories[1], "seconds": 0}] * 2
    assert not list(folder.glob(".*.tmp"))  # nothing half-written stays behind


@settings(max_examples=3)
@given(st.sampled_from([signal.SIGINT, signal.SIGKILL]), st.lists(st.integers(1, 30), min_size=1, max_size=3))
def test_stopped_at_any_steps_a_resumed_run_ends_the_same(train, uninterrupted, tmp_path_factory, kind, steps):
    optimizer, expected = uninterrupted
    folder = tmp_path_factory.mktemp("stopped")
    resume = False
    for step in steps:
        code = train(folder, optimizer, resume, (int(kind), "step", step))
        assert code in ((130,) if kind == signal.SIGINT else (-signal.SIGKILL,)) or (code == 0 and resume)
        resume = True
    assert train(folder, optimizer, resume=True) == 0
    assert_same_run(folder, expected)


@settings(max_examples=6)
@given(st.integers(1, 12))
def test_killed_in_the_middle_of_any_write_a_resumed_run_ends_the_same(train, uninterrupted, tmp_path_factory, write):
    optimizer, expected = uninterrupted
    folder = tmp_path_factory.mktemp("killed")
    assert train(folder, optimizer, stop=(int(signal.SIGKILL), "write", write)) == -signal.SIGKILL
    assert train(folder, optimizer, resume=True) == 0
    assert_same_run(folder, expected)


def assert_nothing_passes_for_a_checkpoint(folder: Path) -> None:
    """What has a checkpoint's name is whole; what is half-written has a name that nothing asks for."""
    for path in folder.iterdir():
        if path.suffix == ".safetensors":
            load_tensors(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        else:
            assert path.name == ".in_use" or re.fullmatch(r"\..+\.\d+\.tmp", path.name)


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moments_a_resumed_run_ends_the_same(train, uninterrupted, tmp_path_factory, kills):
    optimizer, expected = uninterrupted
    started = time.perf_counter()
    assert train(tmp_path_factory.mktemp("timed"), optimizer) == 0
    longest, chance, killed = time.perf_counter() - started, random.Random(kills), 0
    while killed < kills:
        folder, resume = tmp_path_factory.mktemp("killed"), False
        while train(folder, optimizer, resume, (int(signal.SIGKILL), "moment", chance.uniform(0, longest))) != 0:
            assert_nothing_passes_for_a_checkpoint(folder)
            killed, resume = killed + 1, True
        assert_same_run(folder, expected)
