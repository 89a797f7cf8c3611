"""A training run of thousands of steps in a process of its own, which tells as it goes what it holds and what it writes.

`python long_training.py TASK STEPS FOLDER` prints a line of JSON now and then: the step, the memory (bytes that are resident,
and blocks that Python has allocated), the entries of the history, and the bytes of a checkpoint.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.shapes import Shapes
from minimm.tasks import ImageCaptioner, TextGenerator
from minimm.training.trainer import Trainer

TEXT = "A small red circle lies left of a large blue cross. " * 40
SIZES = {"d_model": 8, "num_heads": 1, "num_layers": 1, "batch_size": 2}
SEEN = {"image_size": 16, "channels": (4, 8)}
OFTEN = {"optimizer": "adamw", "save_every_seconds": 5.0}  # saved as often as in ten hours
TASKS: dict[str, Callable[[int, Path], Any]] = {
    "text": lambda steps, folder: TextGenerator(tokenizer="character", context_length=8, **SIZES, **OFTEN).fit(
        TEXT, max_steps=steps, folder=folder
    ),
    "captioner": lambda steps, folder: ImageCaptioner(**SIZES, **SEEN, **OFTEN).fit(
        Shapes(image_size=16), max_steps=steps, folder=folder
    ),
}
SAMPLES_EVERY = 100  # steps


def resident_bytes() -> int:
    """Memory of this process that lies in the machine's."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def report(trainer: Trainer) -> None:
    """One line about the run as it is."""
    gc.collect()
    held = {"resident": resident_bytes(), "blocks": sys.getallocatedblocks(), "entries": len(trainer.result.history)}
    written = {
        name: (trainer.folder / name).stat().st_size for name in ("training_state.safetensors", "model.safetensors")
    }
    print(json.dumps({"step": trainer.result.steps, **held, "bytes": sum(written.values())}), flush=True)


def main(task: str, steps: int, folder: Path) -> None:
    """Train, and report before every so many steps."""
    torch.set_num_threads(1)
    own_step = Trainer.step

    def step(trainer: Trainer) -> tuple[float, float]:
        if trainer.result.steps % SAMPLES_EVERY == 0:
            report(trainer)
        return own_step(trainer)

    Trainer.step = step
    TASKS[task](steps, folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
