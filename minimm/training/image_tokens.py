"""What an image tokenizer learns from: a picture that comes back as it went in, through codes near the encoder's vectors.

    loss = mean (picture - reconstruction)^2 + BETA mean (z - sg[code])^2        (van den Oord et al. 2017, eq. 3)

The paper's codebook term is replaced by its running means (`VectorQuantizer.update`). Differs from the paper: for the
first steps the decoder sees the vectors themselves, while the codes already follow them. An encoder at its first weights
gives nearly the same vector for everything: on scenes, codes of that taught nothing for the first hundred steps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.models.image_tokenizer import ImageTokenizer
from minimm.training.distributed import rows_of_all

BETA = 0.25  # the paper's; results hardly depend on it there
CONTINUOUS_STEPS = 200  # steps before the decoder sees codes


def tokenizer_loss(model: ImageTokenizer, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The loss of pictures (B, 3, S, S), a scalar. With a `generator` this is a step of training: the codes follow it."""
    vectors = model.encode(images)
    quantized = model.quantizer(vectors)
    is_early = generator is not None and model.quantizer.updates < CONTINUOUS_STEPS
    reconstructed = model.decode(vectors if is_early else quantized.codes)
    if generator is not None:
        model.quantizer.update(rows_of_all(vectors.detach()), rows_of_all(quantized.ids), generator)
    return (reconstructed.float() - images).square().mean() + BETA * quantized.commitment
