"""Which region of a picture each word of a text is about: `retriever.align(picture, text).plot()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALIGNMENT_TITLE = "The picture, and the regions that each word fits"


@dataclass
class AlignedImage:
    """A picture (3, S, S), words (T), and how similar each word is to each region: cosines (T, h, w).

    scale: what the cosines are multiplied by before they compete, 1 / temperature of the model.
    """

    image: np.ndarray
    words: list[str]
    cosines: np.ndarray
    scale: float

    @property
    def maps(self) -> np.ndarray:
        """softmax(scale * cosine) over the regions, one map (h, w) for each word; each sums to one."""
        logits = self.scale * self.cosines
        weights = np.exp(logits - logits.max(axis=(1, 2), keepdims=True))
        return weights / weights.sum(axis=(1, 2), keepdims=True)

    def plot(self) -> Figure:
        """The picture, then one heat map over it for each word."""
        from minimm.plots.caption import caption_strip

        return caption_strip(self.image, self.words, self.maps, title=ALIGNMENT_TITLE)
