"""A language model in NumPy: given the tokens so far, a score for every possible next token.

    x_0    = embedding of the tokens + embedding of their positions
    x_l    = transformer_block_l(x_{l-1}), with the causal mask
    logits = layer_norm(x_L) W_output          loss = cross_entropy(logits, the token that came)

Every piece has its file here, forward and backward. This one puts them in a row: the backward pass calls the pieces'
backward functions in the reverse order, each with what the one after it gave. That is all that autograd does.

The shape is GPT-2's (Radford et al. 2019, section 2.3) without biases in the products, and with an output matrix of its own.
It is `models.LanguageModel` with positions="learned", normalization="layer", feed_forward="gelu", tie_embeddings=False.
"""

from __future__ import annotations

import math

import numpy as np

from minimm.first_principles.cross_entropy import cross_entropy, cross_entropy_backward
from minimm.first_principles.embedding import embedding, embedding_backward
from minimm.first_principles.linear import linear, linear_backward
from minimm.first_principles.masks import causal_mask
from minimm.first_principles.normalization import layer_norm, layer_norm_backward
from minimm.first_principles.transformer_block import Parameters, transformer_block, transformer_block_backward


def initial_parameters(
    generator: np.random.Generator, vocab_size: int, context_length: int, d_model: int, d_ff: int, num_layers: int
) -> Parameters:
    """First weights in float64, all under their names; those of block l begin with "blocks.l.".

    Matrices are normal with standard deviation 0.02; w_o and w_down, which write into x, are divided by
    sqrt(2 num_layers), so that x does not grow with depth (Radford et al. 2019, section 2.3).
    """

    def matrix(*shape: int, deviation: float = 0.02) -> np.ndarray:
        return generator.normal(0.0, deviation, shape)

    writing = 0.02 / math.sqrt(2 * num_layers)
    parameters = {"token_table": matrix(vocab_size, d_model), "position_table": matrix(context_length, d_model)}
    for layer in range(num_layers):
        block = {
            "attention_norm_gain": np.ones(d_model),
            "attention_norm_bias": np.zeros(d_model),
            "w_q": matrix(d_model, d_model),
            "w_k": matrix(d_model, d_model),
            "w_v": matrix(d_model, d_model),
            "w_o": matrix(d_model, d_model, deviation=writing),
            "feed_forward_norm_gain": np.ones(d_model),
            "feed_forward_norm_bias": np.zeros(d_model),
            "w_up": matrix(d_model, d_ff),
            "w_down": matrix(d_ff, d_model, deviation=writing),
        }
        parameters |= _with_prefix(layer, block)
    final = {"final_norm_gain": np.ones(d_model), "final_norm_bias": np.zeros(d_model)}
    return parameters | final | {"w_output": matrix(d_model, vocab_size)}


def language_model(ids: np.ndarray, parameters: Parameters, num_layers: int, num_heads: int) -> np.ndarray:
    """ids (B, T) int -> logits (B, T, V); logits[:, t] score the token after ids[:, t]."""
    normed = layer_norm(
        _residual_stream(ids, parameters, num_layers, num_heads)[-1],
        parameters["final_norm_gain"],
        parameters["final_norm_bias"],
    )
    return linear(normed, parameters["w_output"])


def language_model_loss(
    ids: np.ndarray, targets: np.ndarray, parameters: Parameters, num_layers: int, num_heads: int
) -> float:
    """Mean surprise in nats. ids, targets (B, T) int; targets[:, t] came after ids[:, t], -100 where nothing counts."""
    logits = language_model(ids, parameters, num_layers, num_heads)  # (B, T, V)
    return cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def language_model_loss_backward(
    grad_output: float,
    ids: np.ndarray,
    targets: np.ndarray,
    parameters: Parameters,
    num_layers: int,
    num_heads: int,
) -> Parameters:
    """The gradient of every parameter, under its name; grad_output is the gradient of the loss, 1.0 to train on it.

    Read it from `language_model` upwards: each step here undoes one step there.
    """
    stream = _residual_stream(ids, parameters, num_layers, num_heads)
    final_norm = parameters["final_norm_gain"], parameters["final_norm_bias"]
    normed = layer_norm(stream[-1], *final_norm)  # (B, T, d_model)
    logits = linear(normed, parameters["w_output"])  # (B, T, V)
    grad_logits = cross_entropy_backward(grad_output, logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))

    gradients: Parameters = {}
    grad_normed, gradients["w_output"], _ = linear_backward(
        grad_logits.reshape(logits.shape), normed, parameters["w_output"]
    )
    grad_x, gradients["final_norm_gain"], gradients["final_norm_bias"] = layer_norm_backward(
        grad_normed, stream[-1], *final_norm
    )
    mask = causal_mask(ids.shape[1])
    for layer in reversed(range(num_layers)):
        block = _block_parameters(layer, parameters)
        grad_x, grad_block = transformer_block_backward(grad_x, stream[layer], block, num_heads, mask)
        gradients |= _with_prefix(layer, grad_block)
    gradients["token_table"] = embedding_backward(grad_x, ids, parameters["token_table"])
    gradients["position_table"] = embedding_backward(grad_x, _positions(ids), parameters["position_table"])
    return gradients


def _residual_stream(ids: np.ndarray, parameters: Parameters, num_layers: int, num_heads: int) -> list[np.ndarray]:
    """x_0 .. x_L, (B, T, d_model) each: what goes into every block, and what comes out of the last."""
    x = embedding(ids, parameters["token_table"]) + embedding(_positions(ids), parameters["position_table"])
    stream = [x]
    mask = causal_mask(ids.shape[1])
    for layer in range(num_layers):
        stream.append(transformer_block(stream[-1], _block_parameters(layer, parameters), num_heads, mask))
    return stream


def _positions(ids: np.ndarray) -> np.ndarray:
    """0 .. T - 1 for every text of the batch, (B, T)."""
    return np.broadcast_to(np.arange(ids.shape[1]), ids.shape)


def _block_parameters(layer: int, parameters: Parameters) -> Parameters:
    prefix = f"blocks.{layer}."
    return {name.removeprefix(prefix): array for name, array in parameters.items() if name.startswith(prefix)}


def _with_prefix(layer: int, block: Parameters) -> Parameters:
    return {f"blocks.{layer}.{name}": array for name, array in block.items()}
