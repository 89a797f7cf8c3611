"""Handwritten digits as pictures: 1,797 of them by 13 people, which scikit-learn carries in its package.

Each was counted down to 8 x 8 cells of 0 to 16 dots of ink (Alpaydin and Kaynak, 1998); here they become dark ink on white
paper of any size, with a margin of one cell. The last fifth of each digit is the test set. The digits are stored roughly
person by person, so most of the hands that wrote the test set wrote nothing in the training set.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from minimm.errors import MinimmError, check
from minimm.features.image import augment_images

SPLITS = ("train", "test")
TEST_SHARE = 5  # one in five of each digit
INK = 16.0  # the dots of a cell that is full
ROTATION = 12.0  # degrees: how much people lean, and still far from turning a 6 into a 9


class HandwrittenDigits:
    """The digits of one split, in memory.

    Args:
        split: "train" (1,442 pictures) or "test" (355), fixed for good.
        image_size: S, the side in pixels.

    Attributes: `images` (N, 3, S, S) float32 in [0, 1], `digits` (N,) int64 from 0 to 9.

    Raises `MinimmError` when scikit-learn is not installed.
    """

    def __init__(self, split: str = "train", image_size: int = 32) -> None:
        check(split in SPLITS, f"split={split!r} is not known; choose from {SPLITS}")
        check(
            image_size >= 10,
            f"image_size={image_size} is less than the 8 cells of a digit and its margin; use at least 10",
        )
        cells, digits = _load()
        chosen = np.concatenate([_part(np.flatnonzero(digits == digit), split) for digit in range(10)])
        chosen.sort()
        self.split, self.image_size = split, image_size
        self.digits = torch.from_numpy(digits[chosen])  # (N,)
        ink = F.pad(torch.from_numpy(cells[chosen]).float()[:, None] / INK, (1, 1, 1, 1))  # (N, 1, 10, 10)
        ink = F.interpolate(ink, size=(image_size, image_size), mode="bicubic", align_corners=False).clamp(0.0, 1.0)
        self.images = (1.0 - ink).repeat(1, 3, 1, 1)  # (N, 3, S, S)

    def __len__(self) -> int:
        return len(self.images)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` digits, each freshly changed: images (B, 3, S, S) and digits (B,); one state draws the same ones."""
        chosen = torch.randint(len(self), (count,), generator=generator)
        return augment_digits(self.images[chosen], generator), self.digits[chosen]


def augment_digits(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each digit a little shifted, scaled, turned and in another light: (B, 3, S, S) in [0, 1] -> the same shape."""
    return augment_images(images, generator, shift=0.08, scale=(0.8, 1.15), rotation=ROTATION)


def _part(indices: np.ndarray, split: str) -> np.ndarray:
    """The indices of one digit that belong to the split: the last of them to the test set."""
    boundary = len(indices) - len(indices) // TEST_SHARE
    return indices[:boundary] if split == "train" else indices[boundary:]


def _load() -> tuple[np.ndarray, np.ndarray]:
    """Cells (1797, 8, 8) from 0 to 16, and digits (1797,) int64."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MinimmError(
            "the handwritten digits come with scikit-learn, which is not installed; pip install 'minimm[digits]'"
        ) from None
    found = load_digits()
    return found.images, found.target.astype(np.int64)
