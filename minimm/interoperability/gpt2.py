"""GPT-2 (Radford et al. 2019) as `transformers` stores it, and as a `LanguageModel`."""

from __future__ import annotations

import re
from typing import Any

from minimm.interoperability.foreign_config import ForeignConfig
from minimm.interoperability.tensor_names import Place, at, both, norm
from minimm.layers.feed_forward import default_d_ff
from minimm.models.language_model import LanguageModelConfig

MODEL_TYPE = "gpt2"
ARCHITECTURE = "GPT2LMHeadModel"
PREFIX = "transformer."
# Causal masks that older versions stored as tensors, and the output matrix when it is only another name of the embedding.
IGNORABLE = re.compile(r"\.attn\.(bias|masked_bias)$|^lm_head\.weight$")
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu"}


def read_config(config: ForeignConfig) -> LanguageModelConfig:
    """Their config -> ours; a setting that is not covered raises a `MinimmError` that names it."""
    config.demand(
        scale_attn_weights=True,
        scale_attn_by_inverse_layer_idx=False,
        reorder_and_upcast_attn=False,
        add_cross_attention=False,
    )
    config.ignore("attn_pdrop", "embd_pdrop", "n_ctx")
    config.ignore(
        *(f"summary_{name}" for name in ("activation", "first_dropout", "proj_to_labels", "type", "use_proj"))
    )
    d_model = config.number("n_embd", 768)
    return LanguageModelConfig(
        vocab_size=config.number("vocab_size", 50257),
        context_length=config.number("n_positions", 1024),
        d_model=d_model,
        num_heads=config.number("n_head", 12),
        num_layers=config.number("n_layer", 12),
        d_ff=config.number("n_inner", 4 * d_model),
        positions="learned",
        normalization="layer",
        norm_eps=config.number("layer_norm_epsilon", 1e-5),
        feed_forward=config.choice("activation_function", ACTIVATIONS, "gelu_new"),
        bias=True,
        tie_embeddings=config.flag("tie_word_embeddings", True),
        dropout=config.share("resid_pdrop", 0.1),
    )


def needed(config: LanguageModelConfig) -> dict[str, tuple]:
    """Which values its fields must have for `config` to be a GPT-2."""
    return {
        "positions": ("learned",),
        "normalization": ("layer",),
        "feed_forward": ("gelu", "gelu_tanh"),
        "bias": (True,),
        "num_key_value_heads": (None, config.num_heads),
        "d_memory": (None,),
    }


def write_config(config: LanguageModelConfig) -> dict[str, Any]:
    """Our config -> theirs."""
    return {
        "model_type": MODEL_TYPE,
        "architectures": [ARCHITECTURE],
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_head": config.num_heads,
        "n_layer": config.num_layers,
        "n_inner": config.d_ff or default_d_ff(config.feed_forward, config.d_model),
        "activation_function": "gelu_new" if config.feed_forward == "gelu_tanh" else "gelu",
        "layer_norm_epsilon": config.norm_eps or 1e-5,
        "tie_word_embeddings": config.tie_embeddings,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": 0.0,
    }


def places(config: LanguageModelConfig) -> dict[str, Place]:
    """Where each parameter of ours lies in their file."""
    found = {
        "embedding.weight": at("transformer.wte.weight"),
        "position_table.table": at("transformer.wpe.weight"),
        **norm("final_norm", "transformer.ln_f"),
    }
    if not config.tie_embeddings:
        found["output.weight"] = at("lm_head.weight")
    for layer in range(config.num_layers):
        ours, theirs = f"blocks.{layer}", f"transformer.h.{layer}"
        found |= norm(f"{ours}.attention_norm", f"{theirs}.ln_1")
        found |= both(f"{ours}.attention.query_key_value", f"{theirs}.attn.c_attn", transposed=True)
        found |= both(f"{ours}.attention.output", f"{theirs}.attn.c_proj", transposed=True)
        found |= norm(f"{ours}.feed_forward_norm", f"{theirs}.ln_2")
        found |= both(f"{ours}.feed_forward.up", f"{theirs}.mlp.c_fc", transposed=True)
        found |= both(f"{ours}.feed_forward.down", f"{theirs}.mlp.c_proj", transposed=True)
    return found
