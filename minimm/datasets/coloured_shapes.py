"""Pictures of one circle or cross, in which circles are mostly red and crosses mostly blue.

The label is the shape. The truth is known: a circle is red, and a cross blue, with probability (1 + association) / 2, and
nothing else in a picture depends on either. Shapes are small and the pictures noisy, so that colour is the easier thing to
see: who learns from few pictures sorts by it, and is wrong about the blue circle. Each picture has a counterfactual,
recoloured as any picture can be (`features.image.recolour`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.datasets.grouped import Grouped, associated_groups, balanced_cells, check_association
from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, Shapes
from minimm.errors import check
from minimm.features.image import recolour

LABELS = ("circle", "cross")
GROUPS = ("red", "blue")


class ColouredShapes:
    """The pictures; `draw` is what is learned from, `balanced` what is measured on.

    Args:
        association: 0, none, to 1: every circle is red. image_size: S, in pixels. noise: standard deviation of the noise on
            every channel of every pixel, whose values are from 0 to 1.
    """

    def __init__(self, association: float = 0.9, image_size: int = 32, noise: float = 0.1) -> None:
        check_association(association)
        check(noise >= 0, f"noise={noise} must not be negative")
        self.association, self.noise = association, noise
        self.shapes = Shapes("train", image_size, max_objects=1)

    def draw(self, count: int, seed: int) -> Grouped:
        """`count` pictures (N, 3, S, S); the same seed draws the same."""
        check(count >= 1, f"count={count} must be at least 1")
        generator = torch.Generator().manual_seed(seed)
        labels = torch.randint(2, (count,), generator=generator)
        return self._compose(labels, associated_groups(labels, self.association, generator), generator)

    def balanced(self, count: int, seed: int) -> Grouped:
        """`count` pictures, as many of each shape in each colour."""
        return self._compose(*balanced_cells(count, 2, 2), torch.Generator().manual_seed(seed))

    def _compose(self, labels: Tensor, groups: Tensor, generator: torch.Generator) -> Grouped:
        shape = torch.tensor([SHAPES.index(name) for name in LABELS])[labels]
        small = torch.full((len(labels), 3), list(SIZES).index("small"))
        one = torch.ones(len(labels), dtype=torch.int64)
        red = torch.full_like(shape, list(COLOURS).index(GROUPS[0]))
        drawn = self.shapes.compose(one, small, *(every[:, None].expand(-1, 3) for every in (red, shape)), generator)
        # Blue is red recoloured, so that a recoloured picture is exactly what one of the other group would be.
        painted = torch.where((groups == 1).view(-1, 1, 1, 1), recolour(drawn.images), drawn.images)
        images = (painted + self.noise * torch.randn(painted.shape, generator=generator)).clamp(0.0, 1.0)
        return Grouped(images, labels, groups, recolour(images), LABELS, GROUPS)
