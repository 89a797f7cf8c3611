"""Hiding tokens for masked pretraining: 15 % of a text are chosen, and the model must say what stood there.

Of the chosen ones 80 % become [MASK], 10 % a random token and 10 % stay as they are (Devlin et al. 2019, section 3.1): in
later use there is no [MASK], so the model must not rely on it to know which vectors matter.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.datasets.text_corpus import IGNORE
from minimm.errors import check

SHARE_MASKED, SHARE_RANDOM = 0.8, 0.1


def mask_tokens(
    ids: Tensor,
    mask_id: int,
    vocab_size: int,
    special: Tensor,
    generator: torch.Generator,
    probability: float = 0.15,
) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) -> inputs (B, T) with some hidden, and targets (B, T), `IGNORE` where nothing is asked.

    Args:
        mask_id: the id of [MASK]. vocab_size: random tokens are drawn from the ids below it that are not special here.
        special: (B, T) bool, True for padding and the tokens that begin and end a text; these are never chosen.
        generator: a CPU generator; `ids` are on the CPU.
        probability: the share of ordinary tokens that is chosen. Each row with an ordinary token has at least one.
    """
    check(
        special.shape == ids.shape and special.dtype == torch.bool,
        f"special must mark every token with a bool, {tuple(ids.shape)}, but it is {tuple(special.shape)} {special.dtype}",
    )
    check(0.0 < probability < 1.0, f"probability={probability} is no share between 0 and 1; BERT's is 0.15")
    draw = torch.rand(ids.shape, generator=generator).masked_fill(special, 2.0)
    chosen = draw < probability
    smallest = draw == draw.amin(dim=1, keepdim=True)  # a short text would often have nothing to learn from
    chosen |= smallest & ~special & ~chosen.any(dim=1, keepdim=True)
    targets = ids.masked_fill(~chosen, IGNORE)

    fate = torch.rand(ids.shape, generator=generator)
    random_ids = torch.randint(vocab_size, ids.shape, generator=generator)
    forbidden = torch.cat([ids[special].unique(), torch.tensor([mask_id])])
    allowed = ~torch.isin(random_ids, forbidden)  # the few that hit a special token stay as they are
    inputs = ids.masked_fill(chosen & (fate < SHARE_MASKED), mask_id)
    swapped = chosen & (fate >= SHARE_MASKED) & (fate < SHARE_MASKED + SHARE_RANDOM) & allowed
    return torch.where(swapped, random_ids, inputs), targets
