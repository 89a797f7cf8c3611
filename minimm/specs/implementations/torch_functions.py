"""The contract by what PyTorch has: one call of its own wherever there is one, else a short composition."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from minimm.specs.implementations.tensors import Provided

NO_FUNCTION = "PyTorch has no such function"
MISSING = {
    "sinusoidal_positions": NO_FUNCTION,
    "rotary_embedding": NO_FUNCTION,
    "train_byte_pair": NO_FUNCTION,
    "byte_pair_encode": NO_FUNCTION,
    "byte_pair_decode": NO_FUNCTION,
    "bleu": NO_FUNCTION,
    "recall_at_k": NO_FUNCTION,
    "edit_distance": NO_FUNCTION,
    "top_p_filter": NO_FUNCTION,
    "mel_filter_bank": NO_FUNCTION,
}

FUNCTIONS: dict[str, Callable] = {}
provide = Provided(FUNCTIONS)


@provide
def softmax(logits: Tensor, axis: int = -1) -> Tensor:
    return F.softmax(logits, dim=axis)


@provide
def log_softmax(logits: Tensor, axis: int = -1) -> Tensor:
    return F.log_softmax(logits, dim=axis)


@provide
def cross_entropy(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return F.cross_entropy(logits, targets, ignore_index=ignore_index)


@provide
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The fused kernel gives no weights; with the identity as values its output is the weights."""
    one_hot = torch.eye(key.shape[-2], dtype=key.dtype).expand(*key.shape[:-1], -1)
    attend = F.scaled_dot_product_attention
    return attend(query, key, value, mask), attend(query, key, one_hot, mask)


@provide
def causal_mask(length: int) -> Tensor:
    return torch.ones(length, length, dtype=torch.bool).tril()


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
    batch, d_model = x_query.shape[:-2], x_query.shape[-1]
    query, memory = (x.reshape(-1, *x.shape[-2:]).transpose(0, 1) for x in (x_query, x_memory))  # (T, B, ...)
    output, _ = F.multi_head_attention_forward(
        query,
        memory,
        memory,
        d_model,
        num_heads,
        in_proj_weight=None,
        in_proj_bias=None,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=w_o.T,
        out_proj_bias=None,
        need_weights=False,
        attn_mask=None if mask is None else ~mask,  # there True means may not attend
        use_separate_proj_weight=True,
        q_proj_weight=w_q.T,
        k_proj_weight=w_k.T,
        v_proj_weight=w_v.T,
    )
    return output.transpose(0, 1).reshape(*batch, *x_query.shape[-2:])


@provide
def cross_modal_attention(text: Tensor, image: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> tuple[Tensor, Tensor]:
    return scaled_dot_product_attention(text @ w_q, image @ w_k, image @ w_v)


@provide
def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, gain.shape, gain, bias, eps)


@provide
def rms_norm(x: Tensor, gain: Tensor, eps: float = 1e-6) -> Tensor:
    return F.rms_norm(x, gain.shape, gain, eps)


@provide
def gelu(x: Tensor) -> Tensor:
    return F.gelu(x)


@provide
def silu(x: Tensor) -> Tensor:
    return F.silu(x)


@provide
def conv2d(images: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(images, weight, bias, stride, padding)


@provide
def max_pool2d(images: Tensor, kernel_size: int, stride: int | None = None) -> Tensor:
    return F.max_pool2d(images, kernel_size, stride)


@provide
def gru_cell(
    inputs: Tensor, hidden: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    rows = inputs.reshape(-1, inputs.shape[-1]), hidden.reshape(-1, hidden.shape[-1])
    return torch.gru_cell(*rows, weight_ih, weight_hh, bias_ih, bias_hh).view(hidden.shape)


@provide
def gru(
    inputs: Tensor, hidden: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[Tensor, Tensor]:
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    sequences, start = inputs.reshape(-1, *inputs.shape[-2:]), hidden.reshape(1, -1, hidden.shape[-1])
    outputs, final = torch.gru(sequences, start, weights, True, 1, 0.0, False, False, True)
    return outputs.view(*inputs.shape[:-1], -1), final.view(hidden.shape)


@provide
def contrastive_loss(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(image_embeddings) @ F.normalize(text_embeddings).T / temperature
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@provide
def perplexity(token_log_probabilities: Tensor) -> Tensor:
    return torch.exp(-token_log_probabilities.mean())


@provide
def top_k_filter(logits: Tensor, k: int) -> Tensor:
    kth = torch.topk(logits, min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < kth, -math.inf)
