"""An encoder that takes something in and a decoder that writes about it, looking at it at every word.

    p(words | input) = prod_t p(w_t | w_1 .. w_{t-1}, encoder(input))

The encoder is any module that gives a `Memory`: with an `ImageEncoder` this is a captioner. The decoder is a
`LanguageModel` whose blocks have cross-attention (Vaswani et al. 2017, figure 1; for pictures Xu et al. 2015). With a
`TextEncoder` it translates and summarises.
"""

from __future__ import annotations

from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.kv_cache import KVCache
from minimm.models.language_model import LanguageModel
from minimm.models.memory import Memory


class EncoderDecoder(nn.Module):
    """`encoder(inputs)` gives a memory of width `decoder.config.d_memory`; `decoder` writes from it.

    Args:
        share_embeddings: encoder and decoder read the same vocabulary, with one matrix (Vaswani et al. 2017, 3.4).
    """

    def __init__(self, encoder: nn.Module, decoder: LanguageModel, *, share_embeddings: bool = False) -> None:
        super().__init__()
        check(
            decoder.config.d_memory == encoder.config.d_model,
            f"the encoder gives vectors of width d_model={encoder.config.d_model} but the decoder looks at "
            f"d_memory={decoder.config.d_memory}; make them equal",
        )
        self.encoder = encoder
        self.decoder = decoder
        if share_embeddings:
            check(
                hasattr(encoder, "embedding"),
                f"the {type(encoder).__name__} reads no words, so there is no embedding to share; leave share_embeddings away",
            )
            ours, theirs = (tuple(part.embedding.weight.shape) for part in (encoder, decoder))
            check(
                ours == theirs,
                f"one embedding for both needs one shape, but the encoder's is {ours} and the decoder's {theirs}; give both "
                "the same vocabulary and d_model, or leave share_embeddings away",
            )
            decoder.embedding.weight = encoder.embedding.weight
            if decoder.config.tie_embeddings:
                decoder.output.weight = encoder.embedding.weight

    def encode(self, inputs: Tensor, mask: Tensor | None = None) -> Memory:
        """What the decoder will look at; compute it once an input, not once a word.

        `mask` (B, T) bool marks what is real where inputs differ in length: texts and recordings, not pictures.
        """
        return self.encoder(inputs) if mask is None else self.encoder(inputs, mask)

    def decode(self, ids: Tensor, memory: Memory, *, cache: KVCache | None = None) -> Tensor:
        """Words so far (B, T) and what to look at -> logits (B, T, V) for the word after each."""
        return self.decoder(ids, memory=memory, cache=cache)

    def forward(self, inputs: Tensor, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Inputs of the encoder, their mask, and words (B, T) -> logits (B, T, V): the training pass."""
        return self.decode(ids, self.encode(inputs, mask))
