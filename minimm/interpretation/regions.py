"""Which regions of a picture an answer rests on, found by changing them or by the features that the network has of them.

    occlusion     how much the score falls when a square of the picture is covered    (Zeiler & Fergus 2014, section 4.2)
    Grad-CAM      relu( sum_k a_k F_k )  with F_k the k-th channel of a feature map, and a_k the mean over its places of
                  the gradient of the score by F_k                                     (Selvaraju et al. 2017, equations 1, 2)

Both give one number for each cell of a grid over the picture; larger says: the score depends more on this.
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
        images.shape[-2] % height == 0 and size % width == 0,
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
