"""A training step that two processes share, beside the same step on one: how much faster it is, and how much it could be.

    two processes         half of the batch each, gradients averaged: what `torchrun -m minimm train` does
    one process           all of the batch, on as many threads as one of the two has
    one on all threads    all of the batch, on as many threads as the two have together
    two apart             half of the batch each and nothing exchanged: no engine can be faster on this machine

Each side is started anew in each round, by torchrun. Two processors that share one core's arithmetic, as hyper-threads do,
gain little, and "two apart" shows it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist

from minimm.benchmarks.comparison import OURS, Comparison
from minimm.benchmarks.language_training import VOCAB_SIZE, gpt2_config, our_trainer
from minimm.errors import MinimmError
from minimm.files import read_json, write_json
from minimm.training.device import select_device, select_precision
from minimm.training.distributed import join, part_of, rank

SHAPE = (6, 384, 6, 256, 8)  # layers, width, heads, context, batch of both together
WARM, TIMED = 2, 6  # steps of a start
PATIENCE = 300  # seconds for one start
SIDES = {OURS: (2, False), "one process": (1, False), "one on all threads": (1, True), "two apart": (2, False)}


def compare_processes(rounds: int, device: torch.device, shape: tuple[int, ...] = SHAPE) -> list[Comparison]:
    """The step of `shape` (as in `SHAPE`) on every side, by turns. With fewer than two GPUs the processes are on the CPU."""
    if device.type != "cuda" or torch.cuda.device_count() < 2:
        device = torch.device("cpu")
    layers, width, _, context, batch = shape
    precision = str(select_precision("auto", device)).removeprefix("torch.")
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for side in SIDES:
                seconds[side].append(_seconds_of(side, Path(folder) / "seconds.json", device, precision, shape))
    work = f"train {layers} x {width}, context {context}, two processes in {precision}"
    return [Comparison(work, batch * context, "token", seconds, precision=precision)]


def _seconds_of(side: str, file: Path, device: torch.device, precision: str, shape: tuple[int, ...]) -> float:
    """Start the processes of a side, and read what a step took them."""
    processes, on_all = SIDES[side]
    threads = torch.get_num_threads() if on_all else max(1, torch.get_num_threads() // 2)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += ["-m", __name__, side, str(file), device.type, precision, *map(str, shape)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            _, said = started.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            started.terminate()  # torchrun ends the processes that it has started
            raise MinimmError(
                f"'{side}' took longer than {PATIENCE} s; close other programs, or leave it out"
            ) from None
    if started.returncode != 0:
        errors = [line for line in said.splitlines() if "Error: " in line] or said.splitlines()[-1:]
        raise MinimmError(f"torchrun could not time '{side}': {' '.join(errors[:1])}")
    return read_json(file)["seconds"]


def time_steps(side: str, file: Path, device_name: str, precision: str, shape: tuple[int, ...]) -> None:
    """One of the processes that torchrun starts: some steps; the first writes into `file` how long one took."""
    layers, width, heads, context, batch = shape
    device = select_device(device_name)
    join(device)
    rows = torch.randint(VOCAB_SIZE, (batch, context + 1), generator=torch.Generator().manual_seed(0)).to(device)
    first = rank() == 0
    if side == "two apart":
        rows = part_of(rows)
        os.environ |= {"WORLD_SIZE": "1", "RANK": "0"}  # from here on it trains as if it were alone
    inputs, targets = rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
    trainer = our_trainer(gpt2_config(VOCAB_SIZE, layers, width, heads, context), inputs, targets, precision)
    trainer.learner.prepare(part_of((inputs, targets)))
    for _ in range(WARM):
        trainer.step()
    _meet()
    started = time.perf_counter()
    for _ in range(TIMED):
        trainer.step()
    _meet()
    if first:
        write_json(file, {"seconds": (time.perf_counter() - started) / TIMED})


def _meet() -> None:
    if dist.is_initialized():
        dist.barrier()


if __name__ == "__main__":
    time_steps(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], tuple(map(int, sys.argv[5:])))
