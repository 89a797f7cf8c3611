"""A decoder-only language model: given the tokens so far, a score for every possible next token.

    p(w_1 .. w_T) = prod_t p(w_t | w_1 .. w_{t-1})

Tokens become vectors, pre-norm blocks with causal attention refine them, and the last vector is compared with every
token's embedding (the output layer shares its weights: Press & Wolf 2017). With the defaults it is Llama's recipe
(RMSNorm, rotary positions, SwiGLU); with `positions="learned", normalization="layer", feed_forward="gelu_tanh",
bias=True` it is GPT-2's. With `d_memory` every block also looks at an encoder's output, and the model is the decoder of
`EncoderDecoder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimm.errors import check, check_divides
from minimm.layers.dropout import Dropout
from minimm.layers.kv_cache import KVCache
from minimm.layers.masks import causal_mask, mask_keys, mask_unless_all
from minimm.layers.normalization import build_normalization
from minimm.layers.positions import PositionTable, RotaryPositions, check_positions
from minimm.layers.transformer_block import TransformerBlock
from minimm.models.memory import Memory


@dataclass(frozen=True)
class LanguageModelConfig:
    """Everything that decides the shape of a `LanguageModel`; saved as JSON beside its weights."""

    vocab_size: int
    context_length: int = 256  # the longest text it can look back on, in tokens
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 4
    num_key_value_heads: int | None = None  # fewer than num_heads: grouped-query attention; None = num_heads
    d_ff: int | None = None  # None = 4 d_model for GELU, 8/3 d_model for SwiGLU: the same number of weights
    positions: str = "rotary"  # "learned", "sinusoidal" or "rotary"
    rotary_base: float = 10000.0  # the longest wavelength of rotary positions is 2 pi times this
    normalization: str = "rms"  # "layer" or "rms"
    norm_eps: float | None = None  # what keeps the division safe; None = 1e-5 for "layer", 1e-6 for "rms"
    feed_forward: str = "swiglu"  # "gelu", "gelu_tanh" or "swiglu"
    bias: bool = False  # Llama has none, GPT-2 has them everywhere
    tie_embeddings: bool = True  # one matrix for reading and writing tokens
    dropout: float = 0.0
    d_memory: int | None = None  # width of an encoder's output to look at; None = decoder-only

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "d_model", "num_heads", "num_layers"):
            value = getattr(self, name)
            check(
                isinstance(value, int) and value >= 1,
                f"{name} must be a whole number of at least 1, but it is {value!r}",
            )
        check_divides("d_model", self.d_model, "num_heads", self.num_heads)
        check_positions(self.positions)


class LanguageModel(nn.Module):
    """`config` says what it is made of; `layers.initialization.initialize` fills it with first weights."""

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        if config.positions == "rotary":
            self.rotary = RotaryPositions(config.context_length, config.d_model // config.num_heads, config.rotary_base)
            self.position_table = None
        else:
            self.rotary = None
            self.position_table = PositionTable(
                config.context_length, config.d_model, learned=config.positions == "learned"
            )
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                config.d_model,
                config.num_heads,
                d_ff=config.d_ff,
                num_key_value_heads=config.num_key_value_heads,
                d_memory=config.d_memory,
                normalization=config.normalization,
                norm_eps=config.norm_eps,
                feed_forward=config.feed_forward,
                bias=config.bias,
                dropout=config.dropout,
            )
            for _ in range(config.num_layers)
        )
        self.final_norm = build_normalization(config.normalization, config.d_model, config.norm_eps)
        self.output = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tie_embeddings:
            self.output.weight = self.embedding.weight

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def new_cache(self) -> KVCache:
        """An empty KV cache for one batch of texts of at most `context_length` tokens."""
        return KVCache(self.config.num_layers, self.config.context_length)

    def forward(
        self,
        ids: Tensor,
        *,
        key_mask: Tensor | None = None,
        cache: KVCache | None = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """ids (B, T) int64 -> logits (B, T, V); logits[:, t] score the token after ids[:, t].

        Args:
            key_mask: (B, T_k) bool, False for padding, which must stand on the left; T_k = cached positions + T.
            cache: what was read before `ids`; it grows by T positions.
            memory: an encoder's output, when the model was built with `d_memory`.
        """
        return self.forward_embeddings(self.embed(ids), key_mask=key_mask, cache=cache, memory=memory)

    def embed(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> one vector for each token (B, T, d_model), without its position."""
        return self.embedding(ids)

    def forward_embeddings(
        self,
        x: Tensor,
        *,
        key_mask: Tensor | None = None,
        cache: KVCache | None = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """What `forward` does after `embed`: x (B, T, d_model), of which any vector may stand for something other than a
        token, such as a part of a picture -> logits (B, T, V)."""
        start = 0 if cache is None else cache.length
        batch, length = x.shape[:2]
        check(
            start + length <= self.config.context_length,
            f"the text has {start + length} tokens but the model looks back on at most context_length="
            f"{self.config.context_length}; shorten it or train a model with a longer context",
        )
        check(
            (memory is None) == (self.config.d_memory is None),
            "a model with d_memory needs a memory to look at, and one without d_memory takes none",
        )
        if memory is not None:
            check(
                memory.features.shape[::2] == (batch, self.config.d_memory)
                and memory.mask.shape == memory.features.shape[:2],
                f"the memory must have features (B, N, d_memory) = ({batch}, N, {self.config.d_memory}) and a mask "
                f"(B, N), but they are {tuple(memory.features.shape)} and {tuple(memory.mask.shape)}",
            )
        positions = slice(start, start + length)
        if key_mask is not None:  # left padding: the first real token is at position 0
            check(
                key_mask.shape == (batch, start + length),
                f"key_mask must mark all tokens read so far, (B, T_k) = {(batch, start + length)}, "
                f"but it is {tuple(key_mask.shape)}",
            )
            positions = (key_mask.cumsum(dim=1) - 1).clamp(min=0)[:, start:]  # (B, T)
        if self.position_table is not None:
            x = self.position_table(x, positions)
        x = self.dropout(x)

        rotary = None if self.rotary is None else self.rotary(positions)
        causal = key_mask is None and start == 0 and length > 1  # the fused kernel then builds no mask at all
        mask = None
        if length > 1 and not causal:
            mask = causal_mask(length, start + length, device=x.device)  # (T, T_k)
        if key_mask is not None:
            mask = mask_keys(key_mask) if mask is None else mask & mask_keys(key_mask)  # (B, 1, T, T_k)

        memory_mask = None if memory is None else mask_unless_all(memory.mask)  # (B, 1, 1, N)
        for index, block in enumerate(self.blocks):
            x = block(
                x,
                mask,
                causal=causal,
                rotary=rotary,
                cache=None if cache is None else cache.self_attention[index],
                memory_key_value=self._memory_key_value(index, memory, cache),
                memory_mask=memory_mask,
            )
        return self.output(self.final_norm(x))

    def _memory_key_value(
        self, index: int, memory: Memory | None, cache: KVCache | None
    ) -> tuple[Tensor, Tensor] | None:
        """Keys and values of the memory for block `index`; with a cache they are computed once."""
        if memory is None:
            return None
        if cache is None:
            return self.blocks[index].cross_attention.project_memory(memory.features)
        if cache.cross_attention[index] is None:
            cache.cross_attention[index] = self.blocks[index].cross_attention.project_memory(memory.features)
        return cache.cross_attention[index]


def num_parameters(model: nn.Module) -> int:
    """How many numbers training adjusts; a matrix used in two places counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
