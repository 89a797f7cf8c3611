"""An encoder that takes something in and a decoder that writes about it, looking at it at every word.

    p(words | input) = prod_t p(w_t | w_1 .. w_{t-1}, encoder(input))

The encoder is any module that gives a `Memory`: with an `ImageEncoder` this is a captioner. The decoder is a
`LanguageModel` whose blocks have cross-attention (Vaswani et al. 2017, figure 1; for pictures Xu et al. 2015).
"""

from __future__ import annotations

from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.kv_cache import KVCache
from minimm.models.language_model import LanguageModel
from minimm.models.memory import Memory


class EncoderDecoder(nn.Module):
    """`encoder(inputs)` gives a memory of width `decoder.config.d_memory`; `decoder` writes from it."""

    def __init__(self, encoder: nn.Module, decoder: LanguageModel) -> None:
        super().__init__()
        check(
            decoder.config.d_memory == encoder.config.d_model,
            f"the encoder gives vectors of width d_model={encoder.config.d_model} but the decoder looks at "
            f"d_memory={decoder.config.d_memory}; make them equal",
        )
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, inputs: Tensor) -> Memory:
        """What the decoder will look at; compute it once a picture, not once a word."""
        return self.encoder(inputs)

    def decode(self, ids: Tensor, memory: Memory, *, cache: KVCache | None = None) -> Tensor:
        """Words so far (B, T) and what to look at -> logits (B, T, V) for the word after each."""
        return self.decoder(ids, memory=memory, cache=cache)

    def forward(self, inputs: Tensor, ids: Tensor) -> Tensor:
        """Inputs of the encoder and words (B, T) -> logits (B, T, V): the training pass."""
        return self.decode(ids, self.encode(inputs))
