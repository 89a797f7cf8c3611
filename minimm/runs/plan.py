"""`minimm plan`: what a language model of some size will need, before any of it is built."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from minimm.models.cost import cache_bytes, count_parameters, training_operations
from minimm.models.language_model import LanguageModelConfig
from minimm.runs.report import finish
from minimm.training.device import multiplication_rate, select_device, select_precision
from minimm.training.memory import training_bytes

TOKENS_FOR_A_PARAMETER = 20  # that a model should read for its size to be well spent: Hoffmann et al. 2022, table 3


def plan_language_model(
    config: LanguageModelConfig,
    batch_size: int,
    out: str | Path,
    *,
    precision: str = "auto",
    recompute: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """Print and write to results.json: parameters by part, operations, memory by part, and the least time on this machine.

    The times are those of the matrix products alone at the rate that is measured here: no training is faster.
    """
    started, where = time.monotonic(), select_device(device)
    dtype = select_precision(precision, where)
    context = config.context_length
    parameters = count_parameters(config)
    operations = training_operations(config, batch_size, context)
    held = training_bytes(config, batch_size, context, dtype, recompute)
    rate = multiplication_rate(where, dtype)
    total, step_seconds = sum(parameters.values()), operations / rate
    tokens = TOKENS_FOR_A_PARAMETER * total
    results: dict[str, Any] = {
        "parameters": total,
        "parameters_of": parameters,
        "operations_per_token": operations // (batch_size * context),
        "training_bytes": sum(held.values()),
        "bytes_of": held,
        "cache_bytes_of_a_full_context": cache_bytes(config, 1, context),
        "precision": str(dtype).removeprefix("torch."),
        "machine_operations_per_second": rate,
        "least_seconds_per_step": step_seconds,
        "tokens_to_spend_the_size_well": tokens,
        "least_hours_for_them": tokens / (batch_size * context) * step_seconds / 3600,
    }
    held_in_all = results["training_bytes"]
    print(
        f"{total / 1e6:.2f} million parameters; training on {batch_size} texts of {context} tokens holds "
        f"{_size(held_in_all)}, {_size(held['activations'])} of it for the way back"
    )
    if where.type == "cuda":
        free = torch.cuda.get_device_properties(where).total_memory
        print(f"the GPU has {_size(free)}" + ("; lower --batch-size or a size" if held_in_all > free else ""))
    return finish(results, started, Path(out))


def _size(num_bytes: float) -> str:
    """
    >>> _size(2_500_000)
    '2.5 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"
