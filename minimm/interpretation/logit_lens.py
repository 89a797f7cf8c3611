"""The logit lens: what would the model say if it stopped after this layer?

Each block adds to one stream of vectors, of which the last layer's are turned into logits by the final normalisation and the
output matrix. The same two are put on what the stream holds before: the guess takes shape from layer to layer.
Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minimm.interpretation.stream import record_stream
from minimm.models.language_model import LanguageModel


@torch.inference_mode()
def logit_lens(decoder: LanguageModel, run: Callable[[], object]) -> Tensor:
    """Call `run()`, which runs `decoder` once, alone or inside a model that looks at something; what each depth would say.

    Returns logits (L + 1, B, T, V) float32: of what goes into the first block, then after each; the last are the model's.
    """
    stream = record_stream(decoder.blocks, run)
    return torch.stack([decoder.output(decoder.final_norm(x)).float() for x in stream])
