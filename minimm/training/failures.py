"""What ends a run before its time, in a sentence: numbers that are none, a GPU that is gone, a process that died."""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch

from minimm.errors import check
from minimm.training.distributed import is_lost, rank
from minimm.training.memory import is_shortage
from minimm.training.trainer_config import TrainerConfig

GONE = re.compile(r"(CUDA|CUDA driver|cuDNN|HIP) error|MPS backend", re.IGNORECASE)  # what messages about a device say


def refuse_nonfinite(step: int, config: TrainerConfig, folder: Path | None, **numbers: float) -> None:
    """Raise `MinimmError` if one of the named `numbers` of this step is infinite or not a number."""
    name = next((name for name, number in numbers.items() if not math.isfinite(number)), None)
    kept = "" if folder is None else f"; the last good checkpoint is kept in {folder}"
    check(
        name is None,
        f"the {str(name).replace('_', ' ')} stopped being a finite number at step {step}{kept}. "
        f"Try a smaller learning rate (now {config.learning_rate}), a longer warm-up or --precision float32",
    )


def explain_failure(
    error: RuntimeError, device: torch.device, step: int, folder: Path | None, saved_step: int | None
) -> str | None:
    """A sentence about an error that comes from outside of a run, and how the run goes on; None if it is of another kind."""
    if is_lost(error):
        saved = "" if folder is None else f"; what {folder} holds goes on with --resume"
        return f"process {rank()} lost the others, one of which has ended ({error}){saved}"
    if is_shortage(error) or not GONE.search(str(error)):
        return None
    first_line = str(error).splitlines()[0]
    if folder is None or saved_step is None:
        saved = "nothing was saved; train again"
    else:
        saved = f"{folder} holds the run as it was after step {saved_step}; the same command with --resume goes on from there"
    return f"{device} failed at step {step} ({first_line}); {saved}, with --device cpu if it does not come back"
