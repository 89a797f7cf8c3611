"""Which regions of a picture an answer rests on, found by changing them or by the features that the network has of them.

    occlusion     how much the score falls when a square of the picture is covered    (Zeiler & Fergus 2014, section 4.2)
    RISE          how much higher the score is where the square is seen than where it is not, on average over pictures that
                  are half covered at random                                          (Petsiuk et al. 2018, section 3.1)
    Grad-CAM      relu( sum_k a_k F_k )  with F_k the k-th channel of a feature map, and a_k the mean over its places of
                  the gradient of the score by F_k                                     (Selvaraju et al. 2017, equations 1, 2)

Each gives one number for each cell of a grid over the picture; larger says: the score depends more on this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.interpretation.gradients import Score


def cover(images: Tensor, cells: Tensor, fill: Tensor) -> Tensor:
    """images (B, 3, S, S) where `cells` (B, h, w) bool are replaced by `fill`, broadcastable to the images."""
    height, width = cells.shape[1:]
    size = images.shape[-1]
    check(
        min(height, width) >= 1 and images.shape[-2] % height == 0 and size % width == 0,
        f"a grid of {height} x {width} cells does not divide a picture of {images.shape[-2]} x {size} pixels",
    )
    mask = cells.repeat_interleave(images.shape[-2] // height, dim=1).repeat_interleave(size // width, dim=2)
    return torch.where(mask[:, None], fill, images)


@torch.no_grad()
def occlusion(score: Score, image: Tensor, grid: tuple[int, int], fill: Tensor) -> Tensor:
    """image (3, S, S) -> (h, w): by how much the score falls when a cell alone is covered.

    Args:
        fill: what a covered cell shows, broadcastable to (3, S, S), such as the background's colour (3, 1, 1).
    """
    cells = torch.eye(grid[0] * grid[1], dtype=torch.bool, device=image.device).unflatten(1, grid)  # (h * w, h, w)
    covered = cover(image.expand(len(cells), -1, -1, -1), cells, fill)
    falls = score(image[None]) - score(covered)  # (h * w,)
    return falls.unflatten(0, grid)


@torch.no_grad()
def rise(
    score: Score, image: Tensor, grid: tuple[int, int], fill: Tensor, generator: torch.Generator, masks: int = 512
) -> Tensor:
    """image (3, S, S) -> (h, w): the mean score where a cell is seen, less that where it is covered; more masks, less noise.

    Unlike `occlusion` it also finds what is told twice: one of two cells alone is not missed, but with many others gone it is.

    Args:
        fill: what a covered cell shows, as in `occlusion`. generator: for the masks, in which each cell is covered or not.
    """
    check(
        masks >= 2, f"masks={masks} pictures tell nothing of a cell; choose 2 or more, some hundreds for little noise"
    )
    hidden = (torch.rand(masks, *grid, generator=generator) < 0.5).to(image.device)  # (M, h, w)
    scores = torch.cat(
        [score(cover(image.expand(len(some), -1, -1, -1), some, fill)) for some in hidden.split(128)]
    )  # (M,)
    covered = hidden.to(scores).flatten(1)  # (M, h * w)
    seen = 1 - covered
    difference = scores @ seen / seen.sum(dim=0).clamp(min=1) - scores @ covered / covered.sum(dim=0).clamp(min=1)
    return difference.unflatten(0, grid)


def grad_cam(score: Score, image: Tensor, layer: nn.Module) -> Tensor:
    """image (3, S, S) -> (h, w), not negative, of the feature map (1, h, w, C) that `layer` gives when score(image) is run."""
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, features: kept.append(features))
    try:
        with torch.enable_grad():
            (value,) = score(image[None])
    finally:
        hook.remove()
    check(len(kept) == 1, f"the layer must be run once for a picture, but it was run {len(kept)} times")
    features = kept[0]
    check(features.ndim == 4, f"Grad-CAM reads a feature map (1, h, w, C), but the layer gives {tuple(features.shape)}")
    (gradient,) = torch.autograd.grad(value, features)
    importance = gradient.mean(dim=(1, 2), keepdim=True)  # (1, 1, 1, C)
    return (importance * features).sum(dim=-1).clamp(min=0)[0].detach()
