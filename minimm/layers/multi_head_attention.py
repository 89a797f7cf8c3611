"""Multi-head attention: several attentions side by side, each in its own slice of the vector (Vaswani et al. 2017, 3.2.2).

    head_h = softmax(Q_h K_h^T / sqrt(D)) V_h      output = concat(head_1 .. head_H) W_o

`SelfAttention` takes queries, keys and values from one sequence. `CrossAttention` takes queries from one sequence and
keys and values from another, which may have another width: text queries, visual keys and values,
softmax(Q_t K_v^T / sqrt(d_k)) V_v, is how a sentence looks at a picture.

To see the weights, set `record = True` (or use `interpretation.recorder`): the layer then takes the written-out path
and leaves them in `weights`, and the queries and keys that they come from in `queries` and `keys`.
"""

from __future__ import annotations

from torch import Tensor, nn

from minimm.errors import check_divides
from minimm.layers.attention import fused_attention, scaled_dot_product_attention
from minimm.layers.kv_cache import LayerCache
from minimm.layers.masks import causal_mask
from minimm.layers.positions import rotate


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """(B, T, H * D) -> (B, H, T, D)"""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(B, H, T, D) -> (B, T, H * D)"""
    return x.transpose(1, 2).flatten(-2)


class MultiHeadAttention(nn.Module):
    """What self- and cross-attention share: the attention over heads, the output projection, and the recorded weights."""

    def __init__(self, d_model: int, num_heads: int, *, bias: bool) -> None:
        super().__init__()
        check_divides("d_model", d_model, "num_heads", num_heads)
        self.num_heads = num_heads
        self.d_head = d_model // num_heads
        self.output = nn.Linear(d_model, d_model, bias=bias)
        self.record = False
        self.weights: Tensor | None = None  # (B, H, T_q, T_k) of the last call, when `record` is set
        self.queries: Tensor | None = None  # (B, H, T_q, D), as they are multiplied: already turned by their positions
        self.keys: Tensor | None = None  # (B, H, T_k, D)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, causal: bool = False) -> Tensor:
        """Queries (B, H, T_q, D), keys and values (B, H_kv, T_k, D) -> (B, T_q, d_model), output projection included."""
        if key.shape[1] != self.num_heads:  # grouped heads: several query heads share one key-value head
            repeats = self.num_heads // key.shape[1]
            key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
        if self.record:
            if causal:
                mask = causal_mask(query.shape[2], key.shape[2], device=query.device)
            mixed, weights = scaled_dot_product_attention(query, key, value, mask)
            self.weights, self.queries, self.keys = weights.detach(), query.detach(), key.detach()
        else:
            mixed = fused_attention(query, key, value, mask, causal=causal)
        return self.output(join_heads(mixed))


class SelfAttention(MultiHeadAttention):
    """A sequence looks at itself.

    Args:
        d_model: width of the sequence. num_heads: H, a divisor of d_model.
        num_key_value_heads: H_kv, a divisor of H; fewer than H is grouped-query attention (Ainslie et al. 2023), which
            makes the KV cache smaller. None = H.
    """

    def __init__(
        self, d_model: int, num_heads: int, *, num_key_value_heads: int | None = None, bias: bool = False
    ) -> None:
        super().__init__(d_model, num_heads, bias=bias)
        self.num_key_value_heads = num_heads if num_key_value_heads is None else num_key_value_heads
        check_divides("num_heads", num_heads, "num_key_value_heads", self.num_key_value_heads)
        heads = num_heads + 2 * self.num_key_value_heads
        self.query_key_value = nn.Linear(d_model, heads * self.d_head, bias=bias)  # one product instead of three

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        rotary: tuple[Tensor, Tensor] | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """x (B, T, d_model) -> (B, T, d_model).

        Args:
            mask: bool, broadcastable to (B, H, T, T_k), True = may attend; or `causal=True` instead of a causal mask.
            rotary: cos and sin, each (T, D) or (B, T, D), to turn queries and keys by.
            cache: keys and values of the tokens before x; x's own are added to it.
        """
        heads = split_heads(self.query_key_value(x), self.num_heads + 2 * self.num_key_value_heads)
        if rotary is not None:
            cos, sin = (table if table.ndim == 2 else table[:, None] for table in rotary)  # broadcast over heads
            turned = rotate(heads[:, : self.num_heads + self.num_key_value_heads], cos, sin)  # queries and keys at once
            query, key = turned.split([self.num_heads, self.num_key_value_heads], dim=1)
            value = heads[:, -self.num_key_value_heads :]
        else:
            query, key, value = heads.split([self.num_heads, self.num_key_value_heads, self.num_key_value_heads], dim=1)
        if cache is not None:
            key, value = cache.append(key, value)
        return self.attend(query, key, value, mask, causal=causal)


class CrossAttention(MultiHeadAttention):
    """A sequence looks at a memory: text at a picture, a translation at its source.

    Args:
        d_model: width of the sequence that asks. d_memory: width of the memory that answers.
    """

    def __init__(self, d_model: int, num_heads: int, d_memory: int, *, bias: bool = False) -> None:
        super().__init__(d_model, num_heads, bias=bias)
        self.query = nn.Linear(d_model, d_model, bias=bias)
        self.key_value = nn.Linear(d_memory, 2 * d_model, bias=bias)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Memory (B, N, d_memory) -> keys and values, (B, H, N, D) each; the same for every word, so computed once."""
        key, value = split_heads(self.key_value(memory), 2 * self.num_heads).split(self.num_heads, dim=1)
        return key, value

    def forward(self, x: Tensor, key_value: tuple[Tensor, Tensor], mask: Tensor | None = None) -> Tensor:
        """x (B, T, d_model), `key_value` from `project_memory`, mask broadcastable to (B, H, T, N) -> (B, T, d_model)."""
        query = split_heads(self.query(x), self.num_heads)  # (B, H, T, D)
        return self.attend(query, *key_value, mask)
