"""Softmax: any numbers become weights that sum to one, p_i = exp(x_i) / sum_j exp(x_j); and its logarithm.

The logarithm is taken by hand, x_i - log sum_j exp(x_j): the log of a softmax would be that of a rounded zero.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Softmax(torch.autograd.Function):
    """With its gradient by hand: p_i moves with x_j by p_i (1[i = j] - p_j), so

        dx_i = sum_j dp_j p_j (1[i = j] - p_i) = p_i (dp_i - sum_j dp_j p_j)

    which needs p alone. Autograd would keep every step on the way to p, and attention's weights are its largest tensors.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, dim: int) -> Tensor:
        largest = logits.amax(dim=dim, keepdim=True)
        largest.masked_fill_(largest == -math.inf, 0.0)  # -inf - (-inf) would be NaN
        weights = (logits - largest).exp_()
        total = weights.sum(dim=dim, keepdim=True)
        weights.div_(total.masked_fill_(total == 0.0, 1.0))
        ctx.save_for_backward(weights)
        ctx.dim = dim
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        (weights,) = ctx.saved_tensors
        weighted = gradient * weights
        return weighted.addcmul_(weights, weighted.sum(dim=ctx.dim, keepdim=True), value=-1), None


def softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """exp(x_i) / sum_j exp(x_j) along `dim`. A row that is -inf everywhere (nothing allowed) becomes all zeros.

    Subtracting the largest logit first changes nothing, since it cancels, and keeps exp from overflowing.
    """
    return _Softmax.apply(logits, dim)


def log_softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """log(softmax(logits)) along `dim`; differences between logits stay exactly as they are."""
    return logits - torch.logsumexp(logits, dim=dim, keepdim=True)
