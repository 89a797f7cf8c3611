"""What a language model costs, from its configuration alone: numbers to store and operations to do.

Operations are multiplications and additions in matrix products; all else is small beside them. A matrix of M numbers takes
2 M for each token. Attention compares each token with n and mixes n values, 4 n d_model in each layer. Going back takes twice
as much as going forward, for each product is done once for its inputs and once for its weights. (Kaplan et al. 2020, section
2.1 and table 1; Chowdhery et al. 2022, "PaLM", appendix B, counts like this too, with n the whole context.)
"""

from __future__ import annotations

from minimm.layers.feed_forward import default_d_ff
from minimm.models.language_model import LanguageModelConfig


def matrix_sizes(config: LanguageModelConfig) -> dict[str, int]:
    """Numbers in the matrices that every token is multiplied with, by part, those of all layers together."""
    width, layers = config.d_model, config.num_layers
    d_head = width // config.num_heads
    key_value_heads = config.num_key_value_heads or config.num_heads
    d_ff = config.d_ff or default_d_ff(config.feed_forward, width)
    return {
        "attention": layers * width * (2 * width + 2 * key_value_heads * d_head),
        "feed_forward": layers * width * d_ff * (3 if config.feed_forward == "swiglu" else 2),
        "output": width * config.vocab_size,
    }


def forward_operations(config: LanguageModelConfig, batch: int, length: int) -> int:
    """Operations to read `batch` texts of `length` tokens at once, as training does; n is the whole length."""
    per_token = 2 * sum(matrix_sizes(config).values()) + 4 * length * config.d_model * config.num_layers
    return batch * length * per_token


def training_operations(config: LanguageModelConfig, batch: int, length: int) -> int:
    """Operations of one step on `batch` texts of `length` tokens: forward, and back at twice its price."""
    return 3 * forward_operations(config, batch, length)


def count_parameters(config: LanguageModelConfig) -> dict[str, int]:
    """Numbers that training adjusts, by part; a matrix that reads and writes tokens counts once, as `embedding`."""
    width, layers = config.d_model, config.num_layers
    key_value = 2 * (config.num_key_value_heads or config.num_heads) * (width // config.num_heads)
    d_ff = config.d_ff or default_d_ff(config.feed_forward, width)
    sizes = matrix_sizes(config)
    gated = config.feed_forward == "swiglu"
    biases = {"attention": 2 * width + key_value, "feed_forward": (2 if gated else 1) * d_ff + width}
    norm = width * (2 if config.normalization == "layer" else 1)
    return {
        "embedding": config.vocab_size * width,
        "positions": config.context_length * width if config.positions == "learned" else 0,
        **{part: sizes[part] + (layers * biases[part] if config.bias else 0) for part in biases},
        "norms": (2 * layers + 1) * norm,
        "output": 0 if config.tie_embeddings else sizes["output"],
    }


def cache_bytes(config: LanguageModelConfig, batch: int, length: int) -> int:
    """What the KV cache of `batch` texts of `length` tokens takes, in float32."""
    key_value = 2 * (config.num_key_value_heads or config.num_heads) * (config.d_model // config.num_heads)
    return 4 * batch * length * config.num_layers * key_value
