"""The contract by minimm's own rooms: layers, training, generation, tokenizers, metrics, features."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minimm import metrics, tokenizers
from minimm.features.audio import mel_filter_bank
from minimm.generation import sampling
from minimm.layers import attention, convolution, feed_forward, masks, normalization, pooling, positions
from minimm.layers import gru as recurrence
from minimm.layers import multi_head_attention as heads
from minimm.layers import softmax as softmaxes
from minimm.layers.positions import RotaryPositions, rotate
from minimm.specs.implementations.tensors import Provided
from minimm.tokenizers.byte_pair import byte_pair_decode
from minimm.training import contrastive, losses

MISSING = {"perplexity_backward": "a metric is not trained on, so it has no gradient"}
FUNCTIONS: dict[str, Callable] = {
    "train_byte_pair": tokenizers.train_byte_pair,
    "byte_pair_encode": tokenizers.byte_pair_encode,
    "byte_pair_decode": byte_pair_decode,
    "bleu": metrics.bleu,
    "recall_at_k": metrics.recall_at_k,
    "edit_distance": metrics.edit_distance,
    "perplexity": metrics.perplexity,
    "mel_filter_bank": mel_filter_bank,
}
provide = Provided(FUNCTIONS)


@provide
def softmax(logits: Tensor, axis: int = -1) -> Tensor:
    """`layers.softmax.softmax`."""
    return softmaxes.softmax(logits, dim=axis)


@provide
def log_softmax(logits: Tensor, axis: int = -1) -> Tensor:
    """`layers.softmax.log_softmax`."""
    return softmaxes.log_softmax(logits, dim=axis)


provide(losses.cross_entropy)
provide(attention.scaled_dot_product_attention)


@provide
def causal_mask(length: int) -> Tensor:
    """`layers.masks.causal_mask`."""
    return masks.causal_mask(length)


class _Asked(nn.Module):
    """A `CrossAttention` and its memory in one call, so that weights from outside reach both of its steps."""

    def __init__(self, layer: heads.CrossAttention) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        return self.layer(x, self.layer.project_memory(memory), mask)


@provide
def multi_head_attention(
    x_query: Tensor,
    x_memory: Tensor,
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    w_o: Tensor,
    num_heads: int,
    mask: Tensor | None = None,
) -> Tensor:
    """`layers.multi_head_attention.CrossAttention` with these weights; nn.Linear keeps them transposed."""
    asked = _Asked(heads.CrossAttention(w_q.shape[1], num_heads, w_k.shape[0]))
    weights = {"query": w_q.T, "key_value": torch.cat([w_k, w_v], dim=1).T, "output": w_o.T}
    named = {f"layer.{name}.weight": weight for name, weight in weights.items()}
    x, memory = (x.reshape(-1, *x.shape[-2:]) for x in (x_query, x_memory))
    return torch.func.functional_call(asked, named, (x, memory, mask)).view(x_query.shape)


@provide
def cross_modal_attention(text: Tensor, image: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> tuple[Tensor, Tensor]:
    """`layers.attention.scaled_dot_product_attention` between projections."""
    return attention.scaled_dot_product_attention(text @ w_q, image @ w_k, image @ w_v)


provide(normalization.layer_norm)


@provide
def rms_norm(x: Tensor, gain: Tensor, eps: float = 1e-6) -> Tensor:
    """The module `layers.normalization.RMSNorm`, whose gradient is written by hand."""
    return torch.func.functional_call(normalization.RMSNorm(gain.shape[0], eps), {"gain": gain}, x)


provide(feed_forward.gelu)
provide(feed_forward.silu)


@provide
def sinusoidal_positions(length: int, d_model: int) -> Tensor:
    """`layers.positions.sinusoidal_positions`."""
    return positions.sinusoidal_positions(length, d_model)


@provide
def rotary_embedding(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """The table `layers.positions.RotaryPositions`, kept in float32, and `rotate`."""
    table = RotaryPositions(int(positions.max()) + 1, x.shape[-1], base)
    return rotate(x, *table(positions))


provide(convolution.conv2d)
provide(pooling.max_pool2d)


provide(recurrence.gru_cell)


@provide
def gru(
    inputs: Tensor, hidden: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """`layers.gru.gru`, which wants one batch dimension."""
    rows, start = inputs.reshape(-1, *inputs.shape[-2:]), hidden.reshape(-1, hidden.shape[-1])
    outputs, final = recurrence.gru(rows, start, weight_ih, weight_hh, bias_ih, bias_hh)
    return outputs.view(*inputs.shape[:-1], -1), final.view(hidden.shape)


provide(contrastive.contrastive_loss)
provide(sampling.top_k_filter)
provide(sampling.top_p_filter)
