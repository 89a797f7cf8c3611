"""Softmax: any numbers become weights that sum to one, p_i = exp(x_i) / sum_j exp(x_j); and its logarithm.

The logarithm is taken by hand, x_i - log sum_j exp(x_j): the log of a softmax would be that of a rounded zero.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """exp(x_i) / sum_j exp(x_j) along `dim`. A row that is -inf everywhere (nothing allowed) becomes all zeros.

    Subtracting the largest logit first changes nothing, since it cancels, and keeps exp from overflowing.
    """
    largest = logits.amax(dim=dim, keepdim=True)
    largest = largest.masked_fill(largest == -math.inf, 0.0)  # -inf - (-inf) would be NaN
    exponentials = torch.exp(logits - largest.detach())
    total = exponentials.sum(dim=dim, keepdim=True)
    return exponentials / total.masked_fill(total == 0.0, 1.0)


def log_softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """log(softmax(logits)) along `dim`; differences between logits stay exactly as they are."""
    return logits - torch.logsumexp(logits, dim=dim, keepdim=True)
