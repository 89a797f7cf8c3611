"""Is an explanation true? Take away what it calls important, and see whether the answer goes.

    deletion      cells are covered one after the other, the most important first: a true explanation lets the score fall early
    insertion     the same cells are shown on a covered picture: a true explanation lets it rise early
    steepness     how far the score has fallen, on average over the whole way: score(0) - mean(score); random is the yardstick

Source: Petsiuk et al. 2018, "RISE", section 3; covering with the background keeps pictures like those that the model knows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check
from minimm.interpretation.gradients import Score
from minimm.interpretation.regions import cover


@torch.no_grad()
def deletion_curve(score: Score, image: Tensor, importance: Tensor, fill: Tensor, steps: int = 16) -> Tensor:
    """Scores (steps + 1,) of image (3, S, S) while the cells of `importance` (h, w) are covered, the largest first."""
    return _curve(score, image, importance, fill, steps, shown=False)


@torch.no_grad()
def insertion_curve(score: Score, image: Tensor, importance: Tensor, fill: Tensor, steps: int = 16) -> Tensor:
    """Scores (steps + 1,) while the cells are shown on a picture that is covered as a whole, the largest first."""
    return _curve(score, image, importance, fill, steps, shown=True)


def _curve(score: Score, image: Tensor, importance: Tensor, fill: Tensor, steps: int, shown: bool) -> Tensor:
    cells = importance.numel()
    check(
        1 <= steps <= cells,
        f"steps={steps}, but there are {cells} cells to take away one after the other; choose 1 to {cells}",
    )
    ranks = importance.flatten().argsort(descending=True, stable=True).argsort()  # 0 = the most important
    counts = torch.linspace(0, cells, steps + 1, device=image.device).round()  # how many are gone at each step
    gone = (ranks < counts[:, None]).unflatten(1, importance.shape)  # (steps + 1, h, w)
    return score(cover(image.expand(steps + 1, -1, -1, -1), ~gone if shown else gone, fill))


def steepness(curve: Tensor) -> float:
    """How far the curve lies below its beginning (deletion), or, negative, above it (insertion), on average (trapezoids)."""
    return (curve[0] - torch.trapezoid(curve, dx=1 / (len(curve) - 1))).item()
