"""Late interaction: how well two things fit, from how well each part of one fits its best part of the other.

    c_tr = cosine(part_t of x, part_r of y)
    x to y: mean_t max_r c_tr        every word of a caption is found somewhere in the picture
    y to x: mean_r max_t c_tr        every region of the picture is explained by some word
    similarity(x, y) = 1/2 (x to y + y to x)

Trained on whole pairs alone, it learns which part belongs to which: nobody ever says where a thing is. The map c_t of a
word over the regions of a picture is where the picture shows that word.

Source: Yao et al. 2022, "FILIP: fine-grained interactive language-image pre-training", eq. 3 to 5; for texts Khattab and
Zaharia 2020 (ColBERT). Differs from FILIP: the two directions are averaged into one similarity, so that a search and its
reverse rank by the same numbers. The plain formula is in `first_principles/late_interaction.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def part_cosines(x: Tensor, y: Tensor) -> Tensor:
    """Every part of every x against every part of every y.

    Args:
        x: (N, T, D) and y: (M, R, D), rows of length one.

    Returns: (N, M, T, R).
    """
    check(
        x.ndim == y.ndim == 3 and x.shape[-1] == y.shape[-1],
        f"the parts must be (N, T, D) and (M, R, D) of one width D, but they are {tuple(x.shape)} and {tuple(y.shape)}",
    )
    cosines = x.flatten(0, 1) @ y.flatten(0, 1).T  # (N * T, M * R)
    return cosines.view(len(x), x.shape[1], len(y), y.shape[1]).transpose(1, 2)  # (N, M, T, R)


def late_interaction(x: Tensor, x_mask: Tensor, y: Tensor, y_mask: Tensor) -> Tensor:
    """The similarity of every x and every y, (N, M), from -1 to 1.

    Args:
        x: (N, T, D) and y: (M, R, D), rows of length one.
        x_mask: (N, T) and y_mask: (M, R) bool, True where a part is real; each needs at least one real part.
    """
    cosines = part_cosines(x, y)  # (N, M, T, R)
    x_to_y = _mean_of_best(cosines, x_mask[:, None], y_mask[None, :])
    y_to_x = _mean_of_best(cosines.transpose(2, 3), y_mask[None, :], x_mask[:, None])
    return (x_to_y + y_to_x) / 2


def _mean_of_best(cosines: Tensor, mask: Tensor, other_mask: Tensor) -> Tensor:
    """cosines (N, M, T, R), mask (N or 1, M or 1, T), other_mask (N or 1, M or 1, R) -> (N, M)."""
    if not bool(other_mask.all()):
        cosines = cosines.masked_fill(~other_mask[:, :, None], -torch.inf)
    best = cosines.max(dim=-1).values  # (N, M, T)
    return (best * mask).sum(dim=-1) / mask.sum(dim=-1)
