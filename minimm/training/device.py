"""Where to compute, and in which precision.

"auto" is CUDA when there is one, else the CPU. Apple's MPS must be asked for, and first proves that it computes what
the CPU computes, because it has been silently wrong elsewhere. bfloat16 is used where it is faster, which is found by
measuring and not by the processor's name.
"""

from __future__ import annotations

import os
import time
from statistics import median

import torch

from minimm.errors import MinimmError, check
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.distributed import world_size


def select_device(name: str = "auto") -> torch.device:
    """ "auto", "cpu", "cuda", "cuda:N" or "mps" -> a device that is there and works."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and world_size() > 1:
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"  # each process of this machine has its own
    try:
        device = torch.device(name)
    except RuntimeError:
        raise MinimmError(f"--device {name} is not known; choose auto, cpu, cuda or mps") from None
    check(device.type in ("cpu", "cuda", "mps"), f"--device {name} is not supported; choose auto, cpu, cuda or mps")
    if device.type == "cuda":
        check(
            torch.cuda.is_available(),
            "--device cuda was asked for, but this PyTorch sees no CUDA GPU; use --device cpu, or install a CUDA build",
        )
        count = torch.cuda.device_count()
        check(
            (device.index or 0) < count,
            f"--device {name} was asked for, but there are only {count} GPUs, numbered from 0; torchrun's --nproc-per-node "
            "must not be above their number",
        )
    if device.type == "mps":
        check(
            torch.backends.mps.is_available(), "--device mps was asked for, but this machine has none; use --device cpu"
        )
        _check_parity_with_cpu(device)
    return device


def _check_parity_with_cpu(device: torch.device, tolerance: float = 1e-3) -> None:
    """Run one small model on both and compare, or raise."""
    model = LanguageModel(LanguageModelConfig(vocab_size=50, context_length=16, d_model=32, num_heads=4, num_layers=2))
    initialize(model, torch.Generator().manual_seed(0), num_layers=2)
    ids = torch.randint(50, (2, 16), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = model(ids)
        difference = (model.to(device)(ids.to(device)).cpu() - expected).abs().max().item()
    check(
        difference <= tolerance,
        f"{device} computes something else than the CPU (logits differ by {difference:.2g}, allowed {tolerance}); "
        "use --device cpu, or another version of PyTorch",
    )


LONG_ENOUGH = 0.1  # seconds


def multiplication_rate(device: torch.device, dtype: torch.dtype, size: int = 512, repeats: int = 7) -> float:
    """Operations a second of this device in the product of two (size, size) matrices, measured now; the median.

    Two products are enough where they take long: without instructions for bfloat16 one is a hundred times slower.
    """
    a = torch.ones(size, size, dtype=dtype, device=device)
    times = []
    while len(times) < repeats and (len(times) < 2 or sum(times) < LONG_ENOUGH):
        start = time.perf_counter()
        product = a @ a
        product[0, 0].item()  # waits for the device
        times.append(time.perf_counter() - start)
    return 2 * size**3 / median(times)


def bfloat16_gain(device: torch.device) -> float:
    """How many times faster this device multiplies matrices in bfloat16 than in float32, measured now."""
    return multiplication_rate(device, torch.bfloat16) / multiplication_rate(device, torch.float32)


def select_precision(name: str, device: torch.device) -> torch.dtype:
    """ "float32", "bfloat16", or "auto": bfloat16 where it multiplies at least 1.5 times faster."""
    check(name in ("auto", "float32", "bfloat16"), f"--precision {name} is not known; choose auto, float32 or bfloat16")
    if name == "auto":
        name = "bfloat16" if bfloat16_gain(device) >= 1.5 else "float32"
    return getattr(torch, name)
