"""Attention: every query asks every key "how well do you match me?", and the answers mix the values.

    weights = softmax(Q K^T / sqrt(D))        output = weights V

`cross_modal_attention` makes the queries from words and the keys and values from a picture:
softmax(Q_t K_v^T / sqrt(D)) V_v is how a sentence looks at an image.

Source: Vaswani et al. 2017, "Attention is all you need", eq. 1. Text asking image regions: Lu et al. 2019 (ViLBERT),
section 3.1.
"""

from __future__ import annotations

import math

import numpy as np

from minimm.first_principles.linear import linear, linear_backward
from minimm.first_principles.softmax import softmax, softmax_backward


def scaled_dot_product_attention(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mix the values by how well each query matches each key.

    Args:
        query: (..., T_q, D). key: (..., T_k, D). value: (..., T_k, D_v). The same `...` in all three.
        mask: bool, broadcastable to (..., T_q, T_k), True = may attend. None = every query may see every key.

    Returns:
        output (..., T_q, D_v) and weights (..., T_q, T_k). Each row of weights sums to one, except that a query which may
        attend to nothing gets zero weights and a zero output.
    """
    weights = softmax(attention_scores(query, key, mask))  # (..., T_q, T_k)
    return weights @ value, weights  # (..., T_q, D_v)


def scaled_dot_product_attention_backward(
    grad_output: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of query, key and value; grad_output (..., T_q, D_v) is that of `output` alone.

    Go back through the three steps S = Q K^T / sqrt(D), W = softmax(S), O = W V. For a product A B with incoming
    gradient G, dA = G B^T and dB = A^T G:

        dV = W^T dO      dW = dO V^T      dS = softmax_backward(dW, S)      dQ = dS K / sqrt(D)      dK = dS^T Q / sqrt(D)

    A masked pair has weight 0, so softmax_backward gives its score gradient 0: the mask needs no step of its own.
    """
    scores = attention_scores(query, key, mask)  # (..., T_q, T_k)
    grad_value = _transpose(softmax(scores)) @ grad_output  # (..., T_k, D_v)
    grad_weights = grad_output @ _transpose(value)  # (..., T_q, T_k)
    grad_products = softmax_backward(grad_weights, scores) / math.sqrt(query.shape[-1])  # of Q K^T, before the division
    grad_query = grad_products @ key  # (..., T_q, D)
    grad_key = _transpose(grad_products) @ query  # (..., T_k, D)
    return grad_query, grad_key, grad_value


def attention_scores(query: np.ndarray, key: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Q K^T / sqrt(D), (..., T_q, T_k), and -inf where the mask is False: exp(-inf) is a weight of 0.

    A dot product of D independent terms of variance 1 has variance D. Dividing by sqrt(D) brings it back to 1, which
    keeps the softmax away from its flat ends where gradients vanish.
    """
    scores = query @ _transpose(key) / math.sqrt(query.shape[-1])
    return scores if mask is None else np.where(mask, scores, -np.inf)


def cross_modal_attention(
    text: np.ndarray, image: np.ndarray, w_q: np.ndarray, w_k: np.ndarray, w_v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Every word asks the picture, and the picture's values answer.

    Args:
        text: (..., T, D_t), T words. image: (..., N, D_i), N regions. The same `...` in both.
        w_q: (D_t, D). w_k: (D_i, D). w_v: (D_i, D_v). They bring both modalities into one space of width D.

    Returns:
        output (..., T, D_v) and weights (..., T, N): where in the picture each word looked.
    """
    return scaled_dot_product_attention(linear(text, w_q), linear(image, w_k), linear(image, w_v))


def cross_modal_attention_backward(
    grad_output: np.ndarray, text: np.ndarray, image: np.ndarray, w_q: np.ndarray, w_k: np.ndarray, w_v: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of text, image, w_q, w_k, w_v; grad_output (..., T, D_v) is that of `output` alone.

    Back through the attention to queries, keys and values, then through each one's projection. The image was used twice,
    for keys and for values, so its gradient is the sum of both.
    """
    query, key, value = linear(text, w_q), linear(image, w_k), linear(image, w_v)
    grad_query, grad_key, grad_value = scaled_dot_product_attention_backward(grad_output, query, key, value)
    grad_text, grad_w_q, _ = linear_backward(grad_query, text, w_q)
    grad_image_as_key, grad_w_k, _ = linear_backward(grad_key, image, w_k)
    grad_image_as_value, grad_w_v, _ = linear_backward(grad_value, image, w_v)
    return grad_text, grad_image_as_key + grad_image_as_value, grad_w_q, grad_w_k, grad_w_v


def _transpose(x: np.ndarray) -> np.ndarray:
    return np.swapaxes(x, -2, -1)
