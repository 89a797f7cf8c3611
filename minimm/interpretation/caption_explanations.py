"""Why this word? Maps over the picture for one word of a caption, each by another method, larger where the word depends on it.

Attention says where the model looked; gradients, what would change the answer; occlusion and RISE, what did. They need not
agree, and `faithfulness` tells which of them is true. What is taken away shows the picture's median colour, the ground of a
scene, which is the baseline of gradients, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.interpretation.gradients import gradient_times_input, integrated_gradients
from minimm.interpretation.recorder import attention_maps
from minimm.interpretation.regions import grad_cam, occlusion, rise
from minimm.layers.multi_head_attention import CrossAttention
from minimm.models.encoder_decoder import EncoderDecoder


@dataclass(frozen=True)
class CaptionWord:
    """One word of a caption, for which the token stands with which it begins.

    image: (3, S, S), of the size that the model's encoder was built for. before: ids (T,) of <bos> and what is written before
    it. token: its id. text: the word.
    """

    model: EncoderDecoder
    image: Tensor
    before: Tensor
    token: int
    text: str

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the maps: one cell for each vector of the encoder."""
        side = self.model.encoder.config.grid_size
        return side, side

    @property
    def fill(self) -> Tensor:
        """(3, 1, 1): the colour of what is taken away."""
        return self.image.flatten(1).median(dim=1).values[:, None, None]

    def log_probability(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) -> (B,): how likely the word is for each, after the true words before it."""
        logits = self.model(images, self.before.expand(len(images), -1))[:, -1]  # (B, V)
        return logits.float().log_softmax(dim=-1)[:, self.token]

    def probability(self, images: Tensor) -> Tensor:
        """The same from 0 to 1."""
        return self.log_probability(images).exp()


def _attention(word: CaptionWord, layers: slice) -> Tensor:
    maps = attention_maps(
        word.model, lambda: word.model(word.image[None], word.before[None]), CrossAttention
    )  # (L, 1, H, T, N)
    return maps[layers, 0, :, -1].mean(dim=(0, 1)).unflatten(0, word.grid)


def _pooled(word: CaptionWord, contributions: Tensor) -> Tensor:
    """What all numbers of a cell contribute together: (1, 3, S, S) -> (h, w)."""
    height, width = word.grid
    return contributions[0].sum(dim=0).unflatten(1, (width, -1)).unflatten(0, (height, -1)).sum(dim=(1, 3))


def _gradient_times_input(word: CaptionWord, _: torch.Generator) -> Tensor:
    def score(difference: Tensor) -> Tensor:
        return word.log_probability(word.fill + difference)

    return _pooled(word, gradient_times_input(score, (word.image - word.fill)[None]))


def _integrated_gradients(word: CaptionWord, _: torch.Generator) -> Tensor:
    return _pooled(word, integrated_gradients(word.log_probability, word.image[None], word.fill))


def _grad_cam(word: CaptionWord, _: torch.Generator) -> Tensor:
    return grad_cam(word.log_probability, word.image, word.model.encoder.final_norm)


def _occlusion(word: CaptionWord, _: torch.Generator) -> Tensor:
    return occlusion(word.log_probability, word.image, word.grid, word.fill)


def _rise(word: CaptionWord, generator: torch.Generator) -> Tensor:
    return rise(word.probability, word.image, word.grid, word.fill, generator)


EXPLANATIONS: dict[str, Callable[[CaptionWord, torch.Generator], Tensor]] = {
    "cross-attention, all layers": lambda word, _: _attention(word, slice(None)),
    "cross-attention, last layer": lambda word, _: _attention(word, slice(-1, None)),
    "gradient x input": _gradient_times_input,
    "integrated gradients": _integrated_gradients,
    "Grad-CAM": _grad_cam,
    "occlusion": _occlusion,
    "RISE": _rise,
    "random": lambda word, generator: torch.rand(word.grid, generator=generator),
}


def explain(word: CaptionWord, method: str, generator: torch.Generator) -> Tensor:
    """The map (h, w) of a method of `EXPLANATIONS`, on the CPU; `generator` is for "RISE" and "random"."""
    return EXPLANATIONS[method](word, generator).detach().float().cpu()
