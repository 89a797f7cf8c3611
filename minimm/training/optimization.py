"""AdamW with two groups, and a learning rate that warms up and then falls along a cosine.

AdamW: Loshchilov & Hutter 2019 (PyTorch's, in its fused form where the device has one). Weight decay pulls matrices
towards zero; gains and biases, which only scale and shift, are left alone. The schedule is Loshchilov & Hutter 2017's
cosine behind a linear warm-up (Goyal et al. 2017).
"""

from __future__ import annotations

import math

import torch
from torch import nn


def build_optimizer(
    model: nn.Module, learning_rate: float, weight_decay: float, betas: tuple[float, float]
) -> torch.optim.AdamW:
    """AdamW over all parameters of `model`; those with two or more axes decay, vectors do not."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=fused)


def learning_rate_factor(step: int, progress: float, warmup_steps: int, final_factor: float) -> float:
    """What the learning rate is multiplied by: up to 1 over `warmup_steps`, then down to `final_factor` at progress 1.

    Args:
        step: steps done so far. progress: share of the run that is over, 0 to 1, by steps or by seconds.
    """
    warmup = min(1.0, (step + 1) / (warmup_steps + 1))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
    return warmup * (final_factor + (1.0 - final_factor) * cosine)
