"""Dropout: while training, each number is set to zero with probability p and the rest are divided by 1 - p
(Srivastava et al. 2014, in the "inverted" form), so that no unit can rely on another and the mean stays as it was.

The random numbers come from a generator that the trainer hands in and seeds by the step: a resumed run drops exactly
what the uninterrupted one would have dropped.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import check


class Dropout(nn.Module):
    """x (...) -> x (...); does nothing in evaluation mode or with p = 0."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        check(0.0 <= probability < 1.0, f"dropout={probability} is not a probability; choose 0 <= dropout < 1")
        self.probability = probability
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...)"""
        if not self.training or self.probability == 0.0:
            return x
        check(
            self.generator is not None,
            "dropout has no random generator; call seed_dropout(model, seed) before training",
        )
        keep = torch.rand(x.shape, generator=self.generator, dtype=torch.float32) >= self.probability
        return x * keep.to(x.device) / (1.0 - self.probability)


def seed_dropout(model: nn.Module, seed: int) -> None:
    """Give all `Dropout` layers of `model` one common CPU generator that starts at `seed`."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator
