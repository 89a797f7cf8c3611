"""Two ways of learning against an opponent.

gradient reversal     forward nothing happens; backward the gradient changes its sign. A classifier of the group learns
                      from features behind it, and the features learn to give it nothing (Ganin & Lempitsky 2015)
fast gradient         the step of length r in embeddings that makes the loss grow most, to first order: r g / |g|; who is
                      right there as well rests less on single words                     (Goodfellow et al. 2015; Miyato et
                      al. 2017, equation 5)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from minimm.errors import check


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """x as it is; what goes back through it is turned round and multiplied by `strength`."""
    check(strength >= 0, f"strength={strength} must not be negative: that would help the opponent")
    return _Reversal.apply(x, strength)


def fast_gradient(embedded: Tensor, loss: Tensor, radius: float) -> Tensor:
    """The perturbation of embedded tokens (B, T, D), of length `radius` for each text as a whole; (B, T, D), no gradient.

    Args:
        loss: a scalar that was computed from `embedded`, whose graph is kept.
    """
    (gradient,) = torch.autograd.grad(loss, embedded, retain_graph=True)
    length = gradient.flatten(1).norm(dim=1).clamp(min=torch.finfo(gradient.dtype).tiny)
    return (radius * gradient / length.view(-1, *[1] * (gradient.ndim - 1))).detach()
