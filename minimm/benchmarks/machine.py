"""What the machine itself can do: the limits against which a model's speed is held.

A matrix product of two large square matrices is what processors are built for, so its rate is as good as the largest that any
model can reach. Writing one token at a time reads every weight once and does two operations with it: there the memory is
the limit.
"""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable
from typing import Any

import torch

from minimm.benchmarks.comparison import take_turns
from minimm.training.device import multiplication_rate

SIDE = 1024  # of the matrices
COPIED = 2**26  # numbers of float32 that are copied, 256 MB: more than any cache holds
REPEATS = 9
# Dense products in bfloat16 a second, by what stands in the name of the card; from NVIDIA's data sheets.
PEAKS = {
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}


def measure_machine(device: torch.device) -> dict[str, Any]:
    """Operations a second in float32 and bfloat16 (a product of two numbers and its addition are two), bytes a second that
    can be read and written, what the machine is called, and what its maker promises where that is known."""
    return {
        "processor": _processor(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "operations_per_second": {
            name: multiplication_rate(device, getattr(torch, name), SIDE, REPEATS) for name in ("float32", "bfloat16")
        },
        "data_sheet": _data_sheet(device),
        "bytes_per_second": 8 * COPIED / _median_seconds(_copy(device), device),  # 4 read and 4 written for each number
    }


def _data_sheet(device: torch.device) -> dict[str, float]:
    """Operations a second by precision, as far as they are known."""
    name = _processor(device) if device.type == "cuda" else ""
    return next(({"bfloat16": peak} for known, peak in PEAKS.items() if known in name), {})


def _copy(device: torch.device) -> Callable[[], object]:
    source, target = (torch.zeros(COPIED, device=device) for _ in range(2))
    return lambda: target.copy_(source)


def _median_seconds(run: Callable[[], object], device: torch.device) -> float:
    return statistics.median(take_turns({"run": run}, REPEATS, device)["run"])


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
