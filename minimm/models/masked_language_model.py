"""Masked-token pretraining: hide some tokens of a text and guess them from what stands on both sides.

    loss = -mean over hidden t of  log p(w_t | all tokens that are not hidden)

The head is BERT's (Devlin et al. 2019): one more layer with GELU and a norm, then a score for every token of the vocabulary
with the embedding's own weights and a bias for each. What the encoder learns this way serves other tasks afterwards.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.layers.normalization import build_normalization
from minimm.models.text_encoder import TextEncoder


class MaskedLanguageModel(nn.Module):
    """`TextEncoder` -> logits (B, T, V) for what stood at each place."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        config = encoder.config
        self.encoder = encoder
        self.transform = nn.Linear(config.d_model, config.d_model)
        self.norm = build_normalization(config.normalization, config.d_model, config.norm_eps)
        self.approximate = "tanh" if config.feed_forward == "gelu_tanh" else "none"
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(
        self,
        ids: Tensor,
        mask: Tensor | None = None,
        token_types: Tensor | None = None,
        *,
        places: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) with some replaced -> logits (B, T, V).

        `places` (B, T) bool, those whose guess is wanted, gives logits (number of places, V): six times fewer products
        with the vocabulary when 15 % are hidden.
        """
        x = self.encoder(ids, mask, token_types).features  # (B, T, d_model)
        if places is not None:
            x = x[places]  # (N, d_model)
        x = self.norm(F.gelu(self.transform(x), approximate=self.approximate))
        return F.linear(x, self.encoder.embedding.weight, self.bias)
