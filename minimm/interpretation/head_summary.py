"""What each head does, in a few numbers, from its weights over one or more texts.

    previous      the mean weight on the token before                      (Clark et al. 2019, section 3)
    first         the mean weight on the first token, where heads rest that find nothing      (Xiao et al. 2024)
    entropy       -sum_j w_j log w_j, as a share of the most that is possible: 0 = one token, 1 = all alike
    distance      how many tokens back it looks, the mean
    induction     in a text that is repeated after `period` tokens: the mean weight on the token that came after the same token
                  the time before, period - 1 tokens back; heads that have it continue what they have seen
                  (Elhage et al. 2021; Olsson et al. 2022, "In-context learning and induction heads")

Only positions count for which there is a choice: the first token can look at nothing but itself.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def head_summary(weights: Tensor, period: int | None = None) -> dict[str, Tensor]:
    """Causal self-attention (L, B, H, T, T) -> numbers by name, (L, H) each; `induction` where `period` is given."""
    check(
        weights.ndim == 5 and weights.shape[-1] == weights.shape[-2] and weights.shape[-1] >= 2,
        f"heads are summed up from self-attention (L, B, H, T, T) over at least two tokens, but got {tuple(weights.shape)}",
    )
    weights = weights.float()
    length = weights.shape[-1]
    places = torch.arange(length, device=weights.device)
    back = (places[:, None] - places[None]).clamp(min=0).float()  # (T, T): how far each key lies behind each query
    most = torch.log(places[1:] + 1.0)  # query i chooses among i + 1 keys
    surprise = torch.special.entr(weights).sum(dim=-1)[..., 1:]  # (L, B, H, T - 1)
    found = {
        "previous": weights.diagonal(-1, dim1=-2, dim2=-1).mean(dim=-1),
        "first": weights[..., 1:, 0].mean(dim=-1),
        "entropy": (surprise / most).mean(dim=-1),
        "distance": (weights * back).sum(dim=-1)[..., 1:].mean(dim=-1),
    }
    if period is not None:
        check(
            2 <= period < length,
            f"period={period} must be at least 2 and smaller than the text of {length} tokens, which is repeated after it",
        )
        # the query at i >= period has seen its token at i - period, and what came then stands one place further
        found["induction"] = weights.diagonal(-(period - 1), dim1=-2, dim2=-1)[..., 1:].mean(dim=-1)
    return {name: value.mean(dim=1) for name, value in found.items()}
