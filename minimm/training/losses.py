"""The loss of next-token prediction: how surprised the model was by what came.

    cross_entropy = -1/N sum_n log softmax(logits_n)[target_n],   log softmax(z)_i = z_i - log sum_j exp(z_j)

A model that knows nothing gives every one of V tokens the same probability, so its loss is ln V.

Label smoothing asks for a little less certainty: the target gets 1 - e and all V tokens share e (Szegedy et al. 2016,
"Rethinking the Inception architecture", section 7). Translations get better by it, their probabilities worse.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.datasets.text_corpus import IGNORE
from minimm.errors import check
from minimm.training.distributed import mean_of_all


def cross_entropy(
    logits: Tensor, targets: Tensor, ignore_index: int = IGNORE, *, label_smoothing: float = 0.0
) -> Tensor:
    """Mean over the targets that count, a scalar in nats; in a step that several processes share, over those of all.

    Args:
        logits: (..., V), any float type; the sum of exponentials is taken in float32 or better.
        targets: (...) int64 in [0, V), or `ignore_index`.
        label_smoothing: e, the share of certainty given away, 0 to 1.
    """
    check(
        logits.shape[:-1] == targets.shape,
        f"there must be one target for each row of logits, but logits are {tuple(logits.shape)} "
        f"and targets {tuple(targets.shape)}",
    )
    check(
        0.0 <= label_smoothing < 1.0, f"label_smoothing={label_smoothing} is no share; choose 0 <= label_smoothing < 1"
    )
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    counts = targets != ignore_index
    safe_targets = targets.masked_fill(~counts, 0)
    log_total = torch.logsumexp(logits, dim=-1)  # (...)
    picked = logits.gather(-1, safe_targets.unsqueeze(-1)).squeeze(-1)  # (...)
    if label_smoothing > 0.0:
        picked = (1.0 - label_smoothing) * picked + label_smoothing * logits.mean(dim=-1)
    surprise = (log_total - picked).masked_fill(~counts, 0.0)
    return mean_of_all(surprise.sum(), counts.sum())
