"""The contract by what TensorFlow and Keras have: one call of its own wherever there is one, else a short composition."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minimm.specs.registry import all_specs, spec_of

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before the import: it writes pages about the CPU otherwise
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # inputs of a few numbers are no work for a GPU

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

NO_FUNCTION = "TensorFlow has no such function"
MISSING = {
    "sinusoidal_positions": NO_FUNCTION,
    "rotary_embedding": NO_FUNCTION,
    "train_byte_pair": NO_FUNCTION,
    "byte_pair_encode": NO_FUNCTION,
    "byte_pair_decode": NO_FUNCTION,
    "bleu": NO_FUNCTION,
    "recall_at_k": "tf.math.in_top_k counts ties for the right item",
    "top_p_filter": NO_FUNCTION,
    "mel_filter_bank": "tf.signal.linear_to_mel_weight_matrix draws its triangles in mel, not in Hz",
}
FUNCTIONS: dict[str, Callable] = {}
Tensor = tf.Tensor


def _to_numpy(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_to_numpy(part) for part in value)
    return value.numpy() if hasattr(value, "numpy") else value


def provide(function: Callable) -> Callable:
    """Decorator: adds the function with arrays in and out, and its gradient by GradientTape if it has one."""

    def tensor(value: Any) -> Any:
        return tf.constant(value) if isinstance(value, np.ndarray) else value

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return _to_numpy(function(*map(tensor, args), **{name: tensor(value) for name, value in kwargs.items()}))

    FUNCTIONS[function.__name__] = call
    gradient_name = f"{function.__name__}_backward"
    if gradient_name in all_specs():
        FUNCTIONS[gradient_name] = _backward_of(function, gradient_name)
    return function


def _backward_of(function: Callable, name: str) -> Callable:
    spec = spec_of(name)

    def backward(*args: Any, **kwargs: Any) -> Any:
        incoming, args = args[: len(spec.incoming)], args[len(spec.incoming) :]
        bound = spec.forward.parameters().bind(*args, **kwargs).arguments
        leaves = {key: tf.Variable(bound[key]) for key in spec.differentiable if bound.get(key) is not None}
        inputs = {k: leaves.get(k, tf.constant(v) if isinstance(v, np.ndarray) else v) for k, v in bound.items()}
        with tf.GradientTape() as tape:
            results = function(**{key: value + 0 if key in leaves else value for key, value in inputs.items()})
            results = results if isinstance(results, tuple) else (results,)
            weighted = [tf.reduce_sum(r * np.asarray(g)) for r, g in zip(results, incoming, strict=False)]
            loss = tf.add_n(weighted)
        found = tape.gradient(loss, leaves, unconnected_gradients="zero")
        gradients = tuple(
            tf.convert_to_tensor(found[key]).numpy() if key in found else None for key in spec.differentiable
        )
        return gradients[0] if len(gradients) == 1 else gradients

    backward.__signature__ = spec.parameters()
    return backward


@provide
def softmax(logits: Tensor, axis: int = -1) -> Tensor:
    """tf.nn.softmax"""
    return tf.nn.softmax(logits, axis=axis)


@provide
def log_softmax(logits: Tensor, axis: int = -1) -> Tensor:
    """tf.nn.log_softmax"""
    return tf.nn.log_softmax(logits, axis=axis)


@provide
def cross_entropy(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    """tf.nn.sparse_softmax_cross_entropy_with_logits, which knows no ignored targets: these are taken out before."""
    counts = targets != ignore_index
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets[counts], logits[counts])
    return tf.reduce_mean(losses)


@provide
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Composed: Keras has the layer, whose masked rows are uniform instead of zero."""
    scores = tf.matmul(query, key, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(query)[-1], query.dtype))
    if mask is None:
        weights = tf.nn.softmax(scores)
    else:
        open_ = tf.broadcast_to(mask, tf.shape(scores))
        weights = tf.where(open_, tf.nn.softmax(tf.where(open_, scores, scores.dtype.min)), tf.zeros_like(scores))
    return tf.matmul(weights, value), weights


@provide
def causal_mask(length: int) -> Tensor:
    """tf.linalg.band_part"""
    return tf.linalg.band_part(tf.ones((length, length), tf.bool), -1, 0)


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
    """Composed, as keras.layers.MultiHeadAttention is, which keeps its weights as (d_model, H, D)."""
    size = w_q.shape[1] // num_heads

    def heads(x: Tensor, weight: Tensor) -> Tensor:
        return tf.einsum("...td,dhe->...hte", x, tf.reshape(weight, (-1, num_heads, size)))

    output, _ = scaled_dot_product_attention(heads(x_query, w_q), heads(x_memory, w_k), heads(x_memory, w_v), mask)
    return tf.einsum("...hte,hed->...td", output, tf.reshape(w_o, (num_heads, size, -1)))


@provide
def cross_modal_attention(text: Tensor, image: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> tuple[Tensor, Tensor]:
    """Composed."""
    return scaled_dot_product_attention(*(x @ w for x, w in ((text, w_q), (image, w_k), (image, w_v))))


@provide
def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """tf.nn.moments and tf.nn.batch_normalization"""
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, bias, gain, eps)


@provide
def rms_norm(x: Tensor, gain: Tensor, eps: float = 1e-6) -> Tensor:
    """Composed."""
    return x * tf.math.rsqrt(tf.reduce_mean(x * x, axis=-1, keepdims=True) + eps) * gain


@provide
def gelu(x: Tensor) -> Tensor:
    """tf.nn.gelu"""
    return tf.nn.gelu(x, approximate=False)


@provide
def silu(x: Tensor) -> Tensor:
    """tf.nn.silu"""
    return tf.nn.silu(x)


@provide
def conv2d(images: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """tf.nn.conv2d, channels last"""
    sides = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    channels_last, kernel = tf.transpose(images, (0, 2, 3, 1)), tf.transpose(weight, (2, 3, 1, 0))
    output = tf.nn.conv2d(tf.pad(channels_last, sides), kernel, strides=stride, padding="VALID")
    return tf.transpose(output if bias is None else output + bias, (0, 3, 1, 2))


@provide
def max_pool2d(images: Tensor, kernel_size: int, stride: int | None = None) -> Tensor:
    """tf.nn.max_pool2d, channels last"""
    stride = kernel_size if stride is None else stride
    output = tf.nn.max_pool2d(tf.transpose(images, (0, 2, 3, 1)), kernel_size, stride, padding="VALID")
    return tf.transpose(output, (0, 3, 1, 2))


def _keras_gates(weight: Tensor) -> Tensor:
    """Gates in the order r, z, n along the first axis -> Keras' z, r, n."""
    reset, update, new = tf.split(weight, 3)
    return tf.concat([update, reset, new], axis=0)


@provide
def gru_cell(
    inputs: Tensor, hidden: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    """One step of `gru`."""
    return gru(inputs[..., None, :], hidden, weight_ih, weight_hh, bias_ih, bias_hh)[1]


@provide
def gru(
    inputs: Tensor, hidden: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """The functions of keras.layers.GRUCell (reset_after=True) and keras.layers.RNN."""
    cell = keras.layers.GRUCell(hidden.shape[-1], reset_after=True, dtype=inputs.dtype.name)
    cell.build((None, inputs.shape[-1]))
    kernel, recurrent = (tf.transpose(_keras_gates(weight)) for weight in (weight_ih, weight_hh))
    weights = [kernel, recurrent, tf.stack([_keras_gates(bias_ih), _keras_gates(bias_hh)])]
    state, outputs = tf.reshape(hidden, (-1, hidden.shape[-1])), []
    for t in range(inputs.shape[-2]):
        step = tf.reshape(inputs[..., t, :], (-1, inputs.shape[-1]))
        (state, _), _ = cell.stateless_call(weights, cell.non_trainable_variables, step, [state])
        outputs.append(tf.reshape(state, hidden.shape))
    return tf.stack(outputs, axis=-2), outputs[-1]


@provide
def contrastive_loss(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
    """Composed."""
    images, texts = (tf.math.l2_normalize(x, axis=-1) for x in (image_embeddings, text_embeddings))
    logits = tf.matmul(images, texts, transpose_b=True) / temperature
    own = tf.range(tf.shape(logits)[0])
    return (cross_entropy(logits, own) + cross_entropy(tf.transpose(logits), own)) / 2


@provide
def perplexity(token_log_probabilities: Tensor) -> Tensor:
    """Composed."""
    return tf.exp(-tf.reduce_mean(token_log_probabilities))


@provide
def edit_distance(a: Any, b: Any) -> int:
    """tf.edit_distance, on the numbers of the elements"""
    number = {element: i for i, element in enumerate(dict.fromkeys([*a, *b]))}

    def sparse(sequence: Any) -> tf.SparseTensor:
        indices = np.array([[0, i] for i in range(len(sequence))], np.int64).reshape(-1, 2)
        return tf.SparseTensor(indices, np.array([number[e] for e in sequence], np.int64), [1, len(sequence)])

    return int(tf.edit_distance(sparse(a), sparse(b), normalize=False).numpy()[0])


@provide
def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """tf.math.top_k"""
    kth = tf.math.top_k(logits, min(k, logits.shape[-1])).values[..., -1:]
    return tf.where(logits < kth, tf.constant(-np.inf, logits.dtype), logits)
