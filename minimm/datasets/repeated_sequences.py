"""Random tokens, said twice: x_1 .. x_n x_1 .. x_n. The first half cannot be guessed; the second only by looking back.

Nothing is to be learned about single tokens or pairs, for both are new in every sequence. What a model gains in the second
half, it gains from its context alone (Olsson et al. 2022, "In-context learning and induction heads").
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def repeated_sequences(count: int, period: int, vocab_size: int, generator: torch.Generator) -> Tensor:
    """(count, 2 * period) int64, each row a sequence of `period` different tokens and the same once more.

    Different, so that what comes next is never in doubt.
    """
    check(
        2 <= period <= vocab_size,
        f"period={period} different tokens cannot be drawn from a vocabulary of {vocab_size}; choose 2 to {vocab_size}",
    )
    drawn = torch.rand(count, vocab_size, generator=generator).argsort(dim=1)[:, :period]
    return torch.cat([drawn, drawn], dim=1)
