"""The Transformer block: let positions talk to each other, then let each think for itself; each step adds to x.

    x = x + self_attention(norm(x));   x = x + cross_attention(norm(x), memory);   x = x + feed_forward(norm(x))

Differs from the paper (Vaswani et al. 2017): the norm stands before each part and not after the sum ("pre-norm",
Xiong et al. 2020), which trains stably without a long warm-up. The cross-attention is there only when `d_memory` is given.
"""

from __future__ import annotations

from torch import Tensor, nn

from minimm.layers.dropout import Dropout
from minimm.layers.feed_forward import build_feed_forward
from minimm.layers.kv_cache import LayerCache
from minimm.layers.multi_head_attention import CrossAttention, SelfAttention
from minimm.layers.normalization import build_normalization


class TransformerBlock(nn.Module):
    """One pre-norm block. `d_memory` None leaves the cross-attention out (a decoder-only or encoder block)."""

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        d_ff: int | None = None,
        num_key_value_heads: int | None = None,
        d_memory: int | None = None,
        normalization: str = "rms",
        feed_forward: str = "swiglu",
        bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_norm = build_normalization(normalization, d_model)
        self.attention = SelfAttention(d_model, num_heads, num_key_value_heads=num_key_value_heads, bias=bias)
        self.cross_attention = None
        if d_memory is not None:
            self.cross_attention_norm = build_normalization(normalization, d_model)
            self.cross_attention = CrossAttention(d_model, num_heads, d_memory, bias=bias)
        self.feed_forward_norm = build_normalization(normalization, d_model)
        self.feed_forward = build_feed_forward(feed_forward, d_model, d_ff, bias=bias)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        rotary: tuple[Tensor, Tensor] | None = None,
        cache: LayerCache | None = None,
        memory_key_value: tuple[Tensor, Tensor] | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """x (B, T, d_model) -> (B, T, d_model). Masks as in `SelfAttention` and `CrossAttention`."""
        attended = self.attention(self.attention_norm(x), mask, causal=causal, rotary=rotary, cache=cache)
        x = x + self.dropout(attended)
        if self.cross_attention is not None:
            looked = self.cross_attention(self.cross_attention_norm(x), memory_key_value, memory_mask)
            x = x + self.dropout(looked)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
