"""One answer for a whole text: an encoder, one vector for the text, a score for each label.

pooling "first"    tanh(W x_first): the first token ([CLS]) has collected what matters   (BERT, Devlin et al. 2019)
pooling "mean"     the mean of the vectors of all real tokens: steadier when there are few labelled examples
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.dropout import Dropout
from minimm.layers.pooling import masked_mean
from minimm.models.memory import Memory
from minimm.models.text_encoder import TextEncoder

POOLINGS = ("first", "mean")


class SequenceClassifier(nn.Module):
    """`TextEncoder` -> logits (B, num_labels)."""

    def __init__(self, encoder: TextEncoder, num_labels: int, *, pooling: str = "mean") -> None:
        super().__init__()
        check(num_labels >= 2, f"num_labels={num_labels}, but there is nothing to decide with fewer than 2 labels")
        check(pooling in POOLINGS, f"pooling={pooling!r} is not known; choose from {POOLINGS}")
        d_model = encoder.config.d_model
        self.encoder = encoder
        self.pooler = nn.Linear(d_model, d_model) if pooling == "first" else None
        self.dropout = Dropout(encoder.config.dropout)
        self.output = nn.Linear(d_model, num_labels)

    def pool(self, memory: Memory) -> Tensor:
        """Vectors of all tokens -> one for the text, (B, d_model)."""
        if self.pooler is not None:
            return torch.tanh(self.pooler(memory.features[:, 0]))
        return masked_mean(memory.features, memory.mask)

    def forward(self, ids: Tensor, mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """ids (B, T) -> logits (B, num_labels); arguments as in `TextEncoder`."""
        return self.output(self.dropout(self.pool(self.encoder(ids, mask, token_types))))
