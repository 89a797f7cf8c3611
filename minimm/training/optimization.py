"""AdamW with two groups (or Muon beside it), and a learning rate that warms up and then falls along a cosine.

AdamW: Loshchilov & Hutter 2019 (PyTorch's, in its fused form where the device has one). Weight decay pulls matrices
towards zero; gains and biases, which only scale and shift, are left alone. The schedule is Loshchilov & Hutter 2017's
cosine behind a linear warm-up (Goyal et al. 2017).
"""

from __future__ import annotations

import math

import torch
from torch import nn

from minimm.errors import check
from minimm.layers.fusion import Fusion
from minimm.layers.transformer_block import TransformerBlock
from minimm.training.fine_tuning import layer_wise_factors
from minimm.training.muon import Muon


def build_optimizer(
    model: nn.Module,
    name: str,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float],
    layer_decay: float = 1.0,
) -> torch.optim.Optimizer:
    """ "adamw" for all parameters, or "muon" for the matrices of Transformer blocks and fusions and AdamW for the rest.

    Parameters with two or more axes decay, vectors do not. Each group's `initial_lr` is what the schedule multiplies.
    `layer_decay` below 1 gives AdamW's layers rates of their own (see `fine_tuning.py`).
    """
    check(name in ("adamw", "muon"), f"optimizer {name!r} is not known; choose adamw or muon")
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = []
    if name == "muon":
        blocks = [module for module in model.modules() if isinstance(module, TransformerBlock | Fusion)]
        found = (p for block in blocks for p in block.parameters() if p.requires_grad and p.ndim == 2)
        matrices = list(dict.fromkeys(found))  # once each: a fusion may be made of blocks
    others = [p for p in parameters if all(p is not matrix for matrix in matrices)]
    check(
        name == "adamw" or layer_decay == 1.0,
        f"layer_decay={layer_decay} is for adamw; choose --optimizer adamw or leave it at 1",
    )
    factors = layer_wise_factors(model, layer_decay)
    groups = [
        {
            "params": [p for p in others if (p.ndim >= 2) == is_matrix and factors[p] == factor],
            "weight_decay": weight_decay if is_matrix else 0.0,
            "lr": learning_rate * factor,
        }
        for factor in sorted(set(factors.values()), reverse=True)
        for is_matrix in (True, False)
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=fused)
    if name == "muon":
        optimizer = Muon(matrices, optimizer, learning_rate, weight_decay)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return optimizer


def learning_rate_factor(step: int, progress: float, warmup_steps: int, final_factor: float) -> float:
    """What the learning rate is multiplied by: up to 1 over `warmup_steps`, then down to `final_factor` at progress 1.

    Args:
        step: steps done so far. progress: share of the run that is over, 0 to 1, by steps or by seconds.
    """
    warmup = min(1.0, (step + 1) / (warmup_steps + 1))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
    return warmup * (final_factor + (1.0 - final_factor) * cosine)
