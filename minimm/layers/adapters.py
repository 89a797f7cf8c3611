"""LoRA: learn a small correction beside a frozen matrix (Hu et al. 2021, "LoRA: low-rank adaptation", eq. 3).

    h = W x + (alpha / r) B A x        A (r, in) random, B (out, r) zero at first, W (out, in) frozen

At first B is zero, so nothing changes. r is much smaller than the sides of W, so A and B are a few per cent of its size.
Afterwards the product can be folded into W, and the model is as fast as before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check

TARGETS = ("query_key_value", "query", "key_value", "output", "gate", "up", "down")  # the linear layers of a block


class LoRALinear(nn.Module):
    """A frozen `nn.Linear` with a correction of rank r.

    `merge` folds the correction in. The untouched matrix is kept while it is merged: (W + BA) - BA is not W in floating
    point, so `unmerge` puts W itself back, bit for bit.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        smallest = min(linear.weight.shape)
        check(1 <= rank <= smallest, f"rank={rank} must be from 1 to {smallest}, the smaller side of the matrix")
        self.linear = linear.requires_grad_(False)
        self.scale = alpha / rank
        weight = linear.weight
        self.down = nn.Parameter(weight.new_empty(rank, linear.in_features))
        self.up = nn.Parameter(weight.new_zeros(linear.out_features, rank))
        with torch.no_grad():
            self.down.normal_(0.0, 1.0 / math.sqrt(linear.in_features), generator=generator)
        self.original: Tensor | None = None  # W, while the correction is folded in

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)"""
        if self.original is not None:
            return self.linear(x)
        return self.linear(x) + self.scale * F.linear(F.linear(x, self.down), self.up)

    @torch.no_grad()
    def merge(self) -> None:
        """Fold the correction into the matrix; does nothing when it is already."""
        if self.original is None:
            self.original = self.linear.weight.clone()
            self.linear.weight.add_(self.scale * self.up @ self.down)

    @torch.no_grad()
    def unmerge(self) -> None:
        """Put the untouched matrix back; does nothing when it is there."""
        if self.original is not None:
            self.linear.weight.copy_(self.original)
            self.original = None


def add_lora(
    model: nn.Module, rank: int, alpha: float, *, generator: torch.Generator, targets: Iterable[str] = TARGETS
) -> None:
    """Put a `LoRALinear` in the place of each linear layer of `model` whose own name is in `targets`; freeze all the rest.

    Args:
        generator: a CPU generator; the model must be on the CPU.
    """
    targets = set(targets)
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear) and name in targets
    ]
    check(len(found) > 0, f"the model has no linear layer named {sorted(targets)}, so there is nothing to adapt")
    model.requires_grad_(False)
    for parent, name, child in found:
        setattr(parent, name, LoRALinear(child, rank, alpha, generator))


def merge_lora(model: nn.Module) -> None:
    """Fold all corrections in and put plain linear layers back; the model computes the same and has its old names again."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoRALinear):
                child.merge()
                setattr(parent, name, child.linear)
