"""Reads a picture of coloured shapes back into objects, by rule and without learning: a judge that no model taught.

1. The ground is the median colour. Each pixel is compared with the straight line from the ground to every paint p of
   `COLOURS`: how far along it lies, a = (x - g)(p - g) / |p - g|^2, and how far beside it. The nearest line names the
   colour; a is the share of the pixel that is covered, at least 1/2 where there is an object.
2. Pixels of one colour that touch along a side are one object (connected components).
3. The object's cover a is compared with every shape's signed distance, drawn as `datasets.shapes` draws it, in many sizes
   and at many places half a pixel apart; the best by Dice's coefficient 2 a.t / (|a|^2 + |t|^2) names shape, size and box.

What fits no shape, or has no known colour, is called "unknown". So is what else is on the picture: specks far smaller than
any shape, faint things, and a ground that is no light grey.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, SceneObject, signed_distance
from minimm.errors import check

UNKNOWN = "unknown"
DARKEST_GROUND, STRONGEST_TINT = 0.7, 0.1  # of the ground's channels: the least, and how much they may differ
LEAST_COVER = 0.35  # what covers a pixel by more and belongs to no object is one too many; 99 % of scenes have none
SMALLEST_AREA = 0.006  # share of the picture; a quarter of the smallest shape's
WORST_FIT = 0.85  # the coefficient below which a blob is no shape; the objects of 4,000 scenes all fit better than 0.9
WORST_PIXEL = 0.75  # how far an object's cover may be off; more pixels than one for each step of a side are too many
WORST_COLOUR = 0.25  # distance to the nearest paint above which a colour is unknown; scenes vary by 0.07
STEPS = 32.0  # places are tried half a step apart and radii a quarter, a step being this part of the side


def read_scenes(images: Tensor) -> list[list[SceneObject]]:
    """The objects of each picture (B, 3, S, S) in [0, 1], from the upper left to the lower right, as captions name them."""
    check(
        images.ndim == 4 and images.shape[1] == 3 and images.shape[2] == images.shape[3] >= 16,
        f"a reader of scenes needs square pictures (B, 3, S, S) of at least 16 pixels, but got {tuple(images.shape)}",
    )
    images = images.detach().float().cpu()
    ground = images.flatten(2).median(dim=2).values  # (B, 3)
    colour, cover = _segment(images, ground)
    component = _connect(torch.where(cover >= 0.5, colour, -1))  # (B, S, S)
    pixels = images.shape[-1]
    blobs = []  # (which picture, its colour or UNKNOWN, cover (S, S))
    extra = cover >= LEAST_COVER  # (B, S, S)
    for index, numbers in enumerate(component):
        for number in numbers.unique().tolist():
            blob = numbers == number
            if number >= 0 and blob.sum() >= SMALLEST_AREA * pixels**2:
                blobs.append((index, *_look(images[index], ground[index], blob)))
                around = torch.nn.functional.max_pool2d(blob[None].float(), kernel_size=3, stride=1, padding=1)[0]
                extra[index] &= around == 0.0  # its soft edge is no extra
    found = [_find_extra(*picture) for picture in zip(ground, extra, strict=True)]
    for (index, name, _), (size, shape, box) in zip(blobs, _fit([cover for *_, cover in blobs], pixels), strict=True):
        found[index].append(SceneObject(size, name, shape, box))
    return [sorted(objects, key=lambda item: sum(item.box)) for objects in found]  # by the centre's x + y


def _segment(images: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest paint's index (B, S, S), and how much of the pixel it covers (B, S, S)."""
    paint = torch.tensor(list(COLOURS.values()))
    line = paint - ground[:, None]  # (B, colours, 3)
    away = (images - ground[:, :, None, None]).flatten(2)  # (B, 3, S * S)
    along = (line @ away / line.square().sum(dim=-1, keepdim=True)).clamp(0.0, 1.0)  # (B, colours, S * S)
    beside = (away[:, None] - along[:, :, None] * line[..., None]).square().sum(dim=2)  # (B, colours, S * S)
    colour = beside.argmin(dim=1)
    cover = along.gather(1, colour[:, None]).squeeze(1)
    return colour.unflatten(1, images.shape[2:]), cover.unflatten(1, images.shape[2:])


def _find_extra(ground: Tensor, extra: Tensor) -> list[SceneObject]:
    """What is neither ground (3,) nor object, as at most one object; extra (S, S) bool are the pixels without one."""
    is_grey = ground.min() >= DARKEST_GROUND and ground.max() - ground.min() <= STRONGEST_TINT
    if is_grey and not extra.any():
        return []
    rows, columns = (torch.where(is_grey, extra, True).sum(dim=axis).nonzero() for axis in (1, 0))
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    box = (float(left), float(top), float(right), float(bottom))
    return [SceneObject(UNKNOWN, UNKNOWN, UNKNOWN, box)]


def _connect(colour: Tensor) -> Tensor:
    """Numbers (B, S, S), the same for pixels of one colour that are connected along sides; -1 where colour is -1.

    Every pixel starts with a number of its own and takes its neighbours' largest until nothing changes.
    """
    number = torch.arange(colour[0].numel()).view_as(colour[0]).expand_as(colour)
    number = torch.where(colour >= 0, number, -1)
    while True:
        before = number.clone()
        for axis in (1, 2):
            length = colour.shape[axis] - 1
            first, second = number.narrow(axis, 0, length), number.narrow(axis, 1, length)  # neighbours; views
            same = (colour.narrow(axis, 0, length) == colour.narrow(axis, 1, length)) & (first >= 0)
            largest = first.maximum(second)
            for side in (first, second):
                side.copy_(torch.where(same, side.maximum(largest), side))
        if number.equal(before):
            return number


def _look(image: Tensor, ground: Tensor, blob: Tensor) -> tuple[str, Tensor]:
    """The name of a blob's colour, and the cover (S, S) of its pixels and of those that touch it."""
    away = image - ground[:, None, None]
    strength = away.square().sum(dim=0)  # (S, S)
    core = blob & (strength >= strength[blob].quantile(0.9))  # its middle, not the soft edge
    colour = image[:, core].mean(dim=1)  # (3,)
    distance = (torch.tensor(list(COLOURS.values())) - colour).norm(dim=1)
    name = list(COLOURS)[distance.argmin()] if distance.min() <= WORST_COLOUR else UNKNOWN
    padded = torch.nn.functional.pad(blob, (1, 1, 1, 1))
    near = blob | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]  # and its soft edge
    line = colour - ground
    cover = (torch.einsum("chw,c->hw", away, line) / line.square().sum()).clamp(0.0, 1.0)
    return name, cover * near


@lru_cache(maxsize=2)
def _templates(pixels: int) -> tuple[Tensor, list[tuple[str, float, float, float]]]:
    """Shapes in a window of odd side K: covers (N, K * K), and for each (shape, radius, x, y), x and y from the middle."""
    step = pixels / STEPS
    low, high = min(map(min, SIZES.values())) * pixels - step / 2, max(map(max, SIZES.values())) * pixels + step / 2
    radii = torch.arange(low, high, step / 4)
    shifts = torch.arange(-4, 5) * step / 2
    half = int(high + 3 * step)
    axis = torch.arange(-half, half + 1.0)
    covers, meanings = [], []
    radius, y, x = (part.flatten()[:, None, None] for part in torch.meshgrid(radii, shifts, shifts, indexing="ij"))
    for shape in SHAPES:
        distance = signed_distance(shape, axis - x, axis[:, None] - y, radius)  # (n, K, K)
        covers.append((0.5 - distance).clamp(0.0, 1.0).flatten(1))
        meanings += [(shape, *place) for place in torch.cat([radius, x, y], dim=1).squeeze(-1).tolist()]
    return torch.cat(covers), meanings


def _fit(covers: list[Tensor], pixels: int) -> list[tuple[str, str, tuple[float, float, float, float]]]:
    """For each cover (S, S) its size, shape and box; all are compared with all templates by one matrix product."""
    if not covers:
        return []
    templates, meanings = _templates(pixels)
    side = int(templates.shape[1] ** 0.5)
    half = side // 2
    windows, middles = [], []
    for cover in covers:
        rows, columns = (cover.sum(dim=axis).nonzero() for axis in (1, 0))
        y, x = (int((span.min() + span.max()) // 2) for span in (rows, columns))
        padded = torch.nn.functional.pad(cover, (half,) * 4)
        windows.append(padded[y : y + side, x : x + side].flatten())
        middles.append((x + 0.5, y + 0.5))
    window = torch.stack(windows)  # (n, K * K)
    outside = torch.stack([cover.square().sum() for cover in covers]) - window.square().sum(dim=1)  # of large blobs
    energy = window.square().sum(dim=1) + outside
    dice = 2.0 * (window @ templates.T) / (energy[:, None] + templates.square().sum(dim=1))  # (n, N)
    best = dice.max(dim=1)
    off = (window - templates[best.indices]).abs() > WORST_PIXEL  # (n, K * K)
    is_shape = (best.values >= WORST_FIT) & (off.sum(dim=1) <= pixels / STEPS)
    boundary = (SIZES["small"][1] + SIZES["large"][0]) / 2 * pixels
    fitted = []
    for (middle_x, middle_y), fits, which in zip(middles, is_shape.tolist(), best.indices.tolist(), strict=True):
        shape, radius, x, y = meanings[which]
        x, y = middle_x + x, middle_y + y
        size = "small" if radius < boundary else "large"
        box = (x - radius, y - radius, x + radius, y + radius)
        fitted.append((size, shape if fits else UNKNOWN, box))
    return fitted
