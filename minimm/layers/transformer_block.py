"""The Transformer block: let positions talk to each other, then let each think for itself; each step adds to x.

    pre-norm    x = x + self_attention(norm(x));   x = x + cross_attention(norm(x), memory);   x = x + feed_forward(norm(x))
    post-norm   x = norm(x + self_attention(x));   x = norm(x + cross_attention(x, memory));   x = norm(x + feed_forward(x))

Post-norm is the paper's order (Vaswani et al. 2017) and BERT's. Pre-norm, the default, trains stably without a long warm-up
(Xiong et al. 2020) and is what GPT-2 and Llama do. The cross-attention is there only when `d_memory` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from minimm.layers.dropout import Dropout
from minimm.layers.feed_forward import build_feed_forward
from minimm.layers.kv_cache import LayerCache
from minimm.layers.multi_head_attention import CrossAttention, SelfAttention
from minimm.layers.normalization import build_normalization
from minimm.layers.recompute import recomputed


class TransformerBlock(nn.Module):
    """One block. `d_memory` None leaves the cross-attention out (a decoder-only or encoder block).

    With `recompute` set, training keeps only its inputs for the way back (`recompute.py`).
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        d_ff: int | None = None,
        num_key_value_heads: int | None = None,
        d_memory: int | None = None,
        normalization: str = "rms",
        norm_eps: float | None = None,
        post_norm: bool = False,
        feed_forward: str = "swiglu",
        bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.recompute = False
        self.post_norm = post_norm
        self.attention_norm = build_normalization(normalization, d_model, norm_eps)
        self.attention = SelfAttention(d_model, num_heads, num_key_value_heads=num_key_value_heads, bias=bias)
        self.cross_attention = None
        if d_memory is not None:
            self.cross_attention_norm = build_normalization(normalization, d_model, norm_eps)
            self.cross_attention = CrossAttention(d_model, num_heads, d_memory, bias=bias)
        self.feed_forward_norm = build_normalization(normalization, d_model, norm_eps)
        self.feed_forward = build_feed_forward(feed_forward, d_model, d_ff, bias=bias)
        self.dropout = Dropout(dropout)

    def __call__(self, *arguments: Any, **options: Any) -> Tensor:
        """As `forward`."""
        if self.recompute and self.training:
            return recomputed(self, super().__call__, *arguments, **options)
        return super().__call__(*arguments, **options)

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
        attend = partial(self.attention, mask=mask, causal=causal, rotary=rotary, cache=cache)
        x = self._add(x, attend, self.attention_norm)
        if self.cross_attention is not None:
            look = partial(self.cross_attention, key_value=memory_key_value, mask=memory_mask)
            x = self._add(x, look, self.cross_attention_norm)
        return self._add(x, self.feed_forward, self.feed_forward_norm)

    def _add(self, x: Tensor, part: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
        """x plus what `part` makes of it, normalised before or after."""
        made = part(x if self.post_norm else norm(x))
        if self.training:  # else dropout would do nothing, for each token and layer
            made = self.dropout(made)
        return norm(x + made) if self.post_norm else x + made
