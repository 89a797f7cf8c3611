"""An answer that stands in the text: where does it begin, and where does it end?

    p_start(t) = softmax over tokens of  w_start . x_t,      p_end(t) likewise
    answer     = argmax over s <= e < s + longest of  log p_start(s) + log p_end(e)

Source: Devlin et al. 2019, section 4.2 (the pointers go back to Wang & Jiang 2017). Question and text are read together as
two segments, so that every token of the text has seen the question.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from minimm.layers.dropout import Dropout
from minimm.layers.softmax import log_softmax
from minimm.models.text_encoder import TextEncoder


class SpanSelector(nn.Module):
    """`TextEncoder` -> start and end logits (B, T) each, -inf outside the text that may answer."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = Dropout(encoder.config.dropout)
        self.output = nn.Linear(encoder.config.d_model, 2)

    def forward(
        self, ids: Tensor, mask: Tensor | None, token_types: Tensor | None, allowed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """ids (B, T), allowed (B, T) bool True where an answer may lie -> start and end logits, (B, T) each."""
        x = self.dropout(self.encoder(ids, mask, token_types).features)  # (B, T, d_model)
        start, end = self.output(x).float().masked_fill(~allowed[:, :, None], -math.inf).unbind(dim=-1)
        return start, end


def best_spans(start: Tensor, end: Tensor, longest: int) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest span of at most `longest` tokens in each row: first token, last token and log probability, (B,) each.

    start, end: logits (B, T), with at least one finite place in each row.
    """
    length = start.shape[1]
    scores = log_softmax(start.double())[:, :, None] + log_softmax(end.double())[:, None, :]  # (B, T_start, T_end)
    ones = torch.ones(length, length, dtype=torch.bool, device=start.device)
    ordered = ones.triu() & ones.tril(longest - 1)  # end not before start, and near it
    best, place = scores.masked_fill(~ordered, -math.inf).flatten(1).max(dim=1)
    return place // length, place % length, best
