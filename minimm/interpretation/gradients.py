"""What the answer would change by, if the input changed: explanations by gradients, for any model and input.

    gradient x input        x_i * df/dx_i          a first guess of what is lost with x_i at zero (Shrikumar et al. 2016)
    integrated gradients    (x_i - b_i) * integral over a from 0 to 1 of df/dx_i at b + a (x - b)
                            (Sundararajan et al. 2017, equation 1); added up they are f(x) - f(b), for any f without jumps

The integral is a sum over the middles of `steps` equal parts of the way from the baseline b to x, the midpoint rule.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minimm.errors import check

Score = Callable[[Tensor], Tensor]  # a batch of inputs (B, ...) -> one number for each, (B,)
STEPS_AT_ONCE = 32


def gradient_times_input(score: Score, x: Tensor) -> Tensor:
    """What each number of the input x (B, ...) contributes to score(x), by the gradient at x; (B, ...)."""
    return x * _gradient(score, x)


def integrated_gradients(score: Score, x: Tensor, baseline: Tensor, steps: int = 64) -> Tensor:
    """The same along the way from `baseline` (broadcastable to x), where f says nothing yet; (B, ...).

    Summed over an input they come to score(x) - score(baseline); how nearly grows with `steps`.
    """
    check(steps >= 1, f"steps={steps} must be at least 1")
    check(len(x) > 0, f"x {tuple(x.shape)} is a batch of no inputs; give at least one")
    baseline = baseline.expand_as(x)
    total = torch.zeros_like(x)
    middles = (torch.arange(steps, device=x.device) + 0.5) / steps
    for shares in middles.split(max(1, STEPS_AT_ONCE // len(x))):
        shares = shares.view(-1, *[1] * x.ndim)  # (S, 1, ..., 1)
        points = (baseline + shares * (x - baseline)).flatten(0, 1)  # (S * B, ...)
        total += _gradient(score, points).unflatten(0, (-1, len(x))).sum(dim=0)
    return (x - baseline) * total / steps


def _gradient(score: Score, x: Tensor) -> Tensor:
    x = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        scores = score(x)
        check(
            scores.shape == x.shape[:1],
            f"the score must be one number for each input, ({len(x)},), but it is {tuple(scores.shape)}",
        )
        (gradient,) = torch.autograd.grad(scores.sum(), x)
    return gradient


def score_of_embeddings(embedding: nn.Embedding, run: Callable[[int], Tensor]) -> Score:
    """A score whose input are a text's embedded tokens (B, T, d_model), for tokens themselves have no gradient.

    Args:
        embedding: of the model. run: called with B; runs the model on B copies of the text and returns their scores (B,).
    """

    def score(embedded: Tensor) -> Tensor:
        hook = embedding.register_forward_hook(lambda *_: embedded)
        try:
            return run(len(embedded))
        finally:
            hook.remove()

    return score
