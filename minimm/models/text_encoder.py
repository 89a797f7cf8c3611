"""A bidirectional Transformer that reads a whole text at once and gives one vector for each token, in view of all others.

    x_0 = token + position (+ segment);   x_i = block_i(x_{i-1});   the last x is the memory

Nothing is hidden from anybody: what follows a word explains it as much as what precedes it. With the defaults the blocks
are as in `LanguageModel`; with `positions="learned", normalization="layer", norm_eps=1e-12, post_norm=True,
feed_forward="gelu", bias=True, num_token_types=2` it is BERT (Devlin et al. 2019, section 3). It is trained by filling in
masked tokens (`masked_language_model.py`), or as the encoder of an `EncoderDecoder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimm.errors import check, check_divides
from minimm.layers.dropout import Dropout
from minimm.layers.masks import mask_unless_all
from minimm.layers.normalization import build_normalization
from minimm.layers.positions import PositionTable, RotaryPositions, check_positions
from minimm.layers.transformer_block import TransformerBlock
from minimm.models.memory import Memory


@dataclass(frozen=True)
class TextEncoderConfig:
    """Everything that decides the shape of a `TextEncoder`; saved as JSON beside its weights."""

    vocab_size: int
    context_length: int = 128  # the longest text it can read, in tokens
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 4
    d_ff: int | None = None  # None = 4 d_model for GELU, 8/3 d_model for SwiGLU
    positions: str = "rotary"  # "learned", "sinusoidal" or "rotary"
    normalization: str = "rms"  # "layer" or "rms"
    norm_eps: float | None = None  # None = 1e-5 for "layer", 1e-6 for "rms"
    post_norm: bool = False  # normalise the embedding and every sum, as BERT does, instead of what goes into each part
    feed_forward: str = "swiglu"  # "gelu", "gelu_tanh" or "swiglu"
    bias: bool = False
    num_token_types: int = 0  # 2: a learned vector for each of two segments, as BERT has
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "d_model", "num_heads", "num_layers"):
            value = getattr(self, name)
            check(
                isinstance(value, int) and value >= 1,
                f"{name} must be a whole number of at least 1, but it is {value!r}",
            )
        check_divides("d_model", self.d_model, "num_heads", self.num_heads)
        check_positions(self.positions)


class TextEncoder(nn.Module):
    """Token ids (B, T) -> `Memory` of T vectors (B, T, d_model)."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.token_types = nn.Embedding(config.num_token_types, config.d_model) if config.num_token_types else None
        if config.positions == "rotary":
            self.rotary = RotaryPositions(config.context_length, config.d_model // config.num_heads)
            self.position_table = None
        else:
            self.rotary = None
            self.position_table = PositionTable(
                config.context_length, config.d_model, learned=config.positions == "learned"
            )
        # Before the blocks when they normalise their sums, behind them when they normalise what comes in.
        self.norm = build_normalization(config.normalization, config.d_model, config.norm_eps)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                config.d_model,
                config.num_heads,
                d_ff=config.d_ff,
                normalization=config.normalization,
                norm_eps=config.norm_eps,
                post_norm=config.post_norm,
                feed_forward=config.feed_forward,
                bias=config.bias,
                dropout=config.dropout,
            )
            for _ in range(config.num_layers)
        )

    def forward(self, ids: Tensor, mask: Tensor | None = None, token_types: Tensor | None = None) -> Memory:
        """ids (B, T) int64 -> features (B, T, d_model), their mask (B, T) and grid (T,).

        Args:
            mask: (B, T) bool, False for padding, on the right; None = all are real.
            token_types: (B, T) int64, which segment each token belongs to; None = the first. Only with `num_token_types`.
        """
        check(
            ids.ndim == 2 and 1 <= ids.shape[1] <= self.config.context_length,
            f"the encoder reads ids (B, T) of 1 to context_length={self.config.context_length} tokens, but got "
            f"{tuple(ids.shape)}; cut the text or train with a longer context",
        )
        check(
            mask is None or mask.shape == ids.shape,
            f"the mask must mark every token, {tuple(ids.shape)}, but it is {tuple(mask.shape) if mask is not None else ()}",
        )
        check(
            token_types is None or self.token_types is not None,
            "this encoder was built without token types; build it with num_token_types=2 or leave them out",
        )
        x = self.embedding(ids)  # (B, T, d_model)
        if self.token_types is not None:
            x = x + self.token_types(torch.zeros_like(ids) if token_types is None else token_types)
        positions = slice(ids.shape[1])
        if self.position_table is not None:
            x = self.position_table(x, positions)
        if self.config.post_norm:
            x = self.norm(x)
        x = self.dropout(x)
        rotary = None if self.rotary is None else self.rotary(positions)
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
        attends = None if mask is None else mask_unless_all(mask)  # (B, 1, 1, T)
        for block in self.blocks:
            x = block(x, attends, rotary=rotary)
        return Memory(x if self.config.post_norm else self.norm(x), real, (ids.shape[1],))
