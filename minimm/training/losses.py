"""The loss of next-token prediction: how surprised the model was by what came.

    cross_entropy = -1/N sum_n log softmax(logits_n)[target_n],   log softmax(z)_i = z_i - log sum_j exp(z_j)

A model that knows nothing gives every one of V tokens the same probability, so its loss is ln V.

Label smoothing asks for a little less certainty: the target gets 1 - e and all V tokens share e (Szegedy et al. 2016,
"Rethinking the Inception architecture", section 7). Translations get better by it, their probabilities worse.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from minimm.datasets.text_corpus import IGNORE
from minimm.errors import check
from minimm.training.distributed import mean_of_all


class _Surprise(torch.autograd.Function):
    """log sum_j exp z_j - (1 - e) z_t - e mean_j z_j of each row, with its gradient by hand:

        d/dz_j = softmax(z)_j - (1 - e) 1[j = t] - e / V

    The softmax is there already when the loss is. Autograd would keep the logits and take every exponential again, and the
    logits are a small model's largest tensor.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        z = logits if logits.dtype == torch.float64 else logits.float()
        largest = z.amax(dim=-1, keepdim=True)
        exponentials = (z - largest).exp_()
        total = exponentials.sum(dim=-1, keepdim=True)
        wanted = z.gather(-1, targets.unsqueeze(-1))
        if smoothing > 0.0:
            wanted = (1.0 - smoothing) * wanted + smoothing * z.mean(dim=-1, keepdim=True)
        ctx.save_for_backward(exponentials.div_(total).to(logits.dtype), targets)
        ctx.smoothing = smoothing
        return (largest + total.log() - wanted).squeeze(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        probabilities, targets = ctx.saved_tensors
        gradient = gradient.unsqueeze(-1).to(probabilities.dtype)  # (..., 1)
        result = probabilities * gradient
        if ctx.smoothing > 0.0:
            result.sub_(gradient, alpha=ctx.smoothing / probabilities.shape[-1])
        return result.scatter_add_(-1, targets.unsqueeze(-1), (ctx.smoothing - 1.0) * gradient), None, None


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
    counts = targets != ignore_index
    safe_targets = targets.masked_fill(~counts, 0)
    surprise = _Surprise.apply(logits, safe_targets, label_smoothing).masked_fill(~counts, 0.0)  # (...)
    return mean_of_all(surprise.sum(), counts.sum())
