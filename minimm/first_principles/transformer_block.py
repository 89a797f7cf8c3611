"""The Transformer block: let positions talk to each other, then let each think for itself; each step adds to x.

    y = x + multi_head_attention(layer_norm(x))
    z = y + feed_forward(layer_norm(y)),        feed_forward(x) = gelu(x W_up) W_down

Differs from the paper (Vaswani et al. 2017, section 3.1): the norm stands before each part and not after the sum
("pre-norm", Xiong et al. 2020). The sums leave a straight road for the gradient: whatever the two parts do to it, it also
passes unchanged.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.activations import gelu, gelu_backward
from minimm.first_principles.linear import linear, linear_backward
from minimm.first_principles.multi_head_attention import multi_head_attention, multi_head_attention_backward
from minimm.first_principles.normalization import layer_norm, layer_norm_backward

ATTENTION_NORM = ("attention_norm_gain", "attention_norm_bias")
ATTENTION = ("w_q", "w_k", "w_v", "w_o")
FEED_FORWARD_NORM = ("feed_forward_norm_gain", "feed_forward_norm_bias")
FEED_FORWARD = ("w_up", "w_down")

Parameters = dict[str, np.ndarray]


def transformer_block(
    x: np.ndarray, parameters: Parameters, num_heads: int, mask: np.ndarray | None = None
) -> np.ndarray:
    """x (..., T, d_model) -> (..., T, d_model).

    Args:
        parameters: gains and biases of both norms (d_model,); w_q, w_k, w_v, w_o (d_model, d_model);
            w_up (d_model, d_ff); w_down (d_ff, d_model). The four tuples above list the names.
        mask: bool (T, T) or (..., T, T), True = may attend; `causal_mask(T)` makes it a decoder's block.
    """
    y = x + _attention_part(x, parameters, num_heads, mask)
    normed = layer_norm(y, *_pick(parameters, FEED_FORWARD_NORM))
    return y + feed_forward(normed, *_pick(parameters, FEED_FORWARD))


def transformer_block_backward(
    grad_output: np.ndarray, x: np.ndarray, parameters: Parameters, num_heads: int, mask: np.ndarray | None = None
) -> tuple[np.ndarray, Parameters]:
    """The gradients of x (..., T, d_model) and of every parameter, under its name; grad_output (..., T, d_model).

    For y = x + f(x) the gradient is that of the sum's two terms: dx = dy + f_backward(dy). It is applied twice, first to the
    feed-forward part and then to the attention, in the reverse of the forward's order.
    """
    y = x + _attention_part(x, parameters, num_heads, mask)
    norm = _pick(parameters, FEED_FORWARD_NORM)
    grad_normed, *grad_feed_forward = feed_forward_backward(
        grad_output, layer_norm(y, *norm), *_pick(parameters, FEED_FORWARD)
    )
    grad_through, *grad_feed_forward_norm = layer_norm_backward(grad_normed, y, *norm)
    grad_y = grad_output + grad_through  # (..., T, d_model)

    norm = _pick(parameters, ATTENTION_NORM)
    normed = layer_norm(x, *norm)
    grad_as_query, grad_as_memory, *grad_attention = multi_head_attention_backward(
        grad_y, normed, normed, *_pick(parameters, ATTENTION), num_heads, mask
    )
    # Self-attention took `normed` in twice, to ask and to be asked.
    grad_through, *grad_attention_norm = layer_norm_backward(grad_as_query + grad_as_memory, x, *norm)

    names = (*ATTENTION_NORM, *ATTENTION, *FEED_FORWARD_NORM, *FEED_FORWARD)
    gradients = (*grad_attention_norm, *grad_attention, *grad_feed_forward_norm, *grad_feed_forward)
    return grad_y + grad_through, dict(zip(names, gradients, strict=True))


def feed_forward(x: np.ndarray, w_up: np.ndarray, w_down: np.ndarray) -> np.ndarray:
    """Each position alone through a wider layer and back: x (..., d_model) -> (..., d_ff) -> (..., d_model)."""
    return linear(gelu(linear(x, w_up)), w_down)


def feed_forward_backward(
    grad_output: np.ndarray, x: np.ndarray, w_up: np.ndarray, w_down: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, w_up and w_down; grad_output (..., d_model). The three steps in reverse, no more."""
    wide = linear(x, w_up)  # (..., d_ff)
    grad_active, grad_w_down, _ = linear_backward(grad_output, gelu(wide), w_down)
    grad_x, grad_w_up, _ = linear_backward(gelu_backward(grad_active, wide), x, w_up)
    return grad_x, grad_w_up, grad_w_down


def _attention_part(x: np.ndarray, parameters: Parameters, num_heads: int, mask: np.ndarray | None) -> np.ndarray:
    normed = layer_norm(x, *_pick(parameters, ATTENTION_NORM))
    return multi_head_attention(normed, normed, *_pick(parameters, ATTENTION), num_heads, mask)


def _pick(parameters: Parameters, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    return tuple(parameters[name] for name in names)
