"""Llama (Touvron et al. 2023) as `transformers` stores it, and as a `LanguageModel`."""

from __future__ import annotations

import re
from typing import Any

from minimm.errors import check
from minimm.interoperability.foreign_config import ForeignConfig
from minimm.interoperability.tensor_names import Place, at, both
from minimm.layers.feed_forward import default_d_ff
from minimm.models.language_model import LanguageModelConfig

MODEL_TYPE = "llama"
ARCHITECTURE = "LlamaForCausalLM"
PREFIX = "model."
# Frequencies that older versions stored, and the output matrix when it is only another name of the embedding.
IGNORABLE = re.compile(r"rotary_emb\.inv_freq$|^lm_head\.weight$")


def read_config(config: ForeignConfig) -> LanguageModelConfig:
    """Their config -> ours; a setting that is not covered raises a `MinimmError` that names it."""
    config.demand(hidden_act="silu", pretraining_tp=1, attention_dropout=0.0)
    d_model, num_heads = config.number("hidden_size", 4096), config.number("num_attention_heads", 32)
    bias = config.flag("attention_bias", False)
    check(
        config.flag("mlp_bias", False) == bias,
        f"{config.path} has biases in the attention or the feed-forward part but not in both; minimm has one switch for both",
    )
    d_head = config.number("head_dim", d_model // num_heads)
    check(
        d_head * num_heads == d_model,
        f"{config.path} says head_dim={d_head} for {num_heads} heads in a width of {d_model}; minimm's heads share the "
        f"width, {d_model // num_heads} each",
    )
    return LanguageModelConfig(
        vocab_size=config.number("vocab_size", 32000),
        context_length=config.number("max_position_embeddings", 2048),
        d_model=d_model,
        num_heads=num_heads,
        num_layers=config.number("num_hidden_layers", 32),
        num_key_value_heads=config.number("num_key_value_heads", num_heads),
        d_ff=config.number("intermediate_size", 11008),
        positions="rotary",
        rotary_base=_rotary_base(config),
        normalization="rms",
        norm_eps=config.number("rms_norm_eps", 1e-6),
        feed_forward="swiglu",
        bias=bias,
        tie_embeddings=config.flag("tie_word_embeddings", False),
    )


def _rotary_base(config: ForeignConfig) -> float:
    """The base lies in `rope_parameters` since version 5 and in `rope_theta` before; stretched positions are refused."""
    for name in ("rope_parameters", "rope_scaling"):
        config.ignore(name)
        rope = config.values.get(name) or {}
        check(isinstance(rope, dict), f"{config.path} says {name}={rope!r:.60}, expected an object")
        kind = rope.get("rope_type", rope.get("type", "default"))
        extra = sorted(rope.keys() - {"rope_type", "type", "rope_theta"})
        check(
            kind == "default" and not extra,
            f"{config.path} stretches its rotary positions ({name}: {kind!r:.40} {extra}), which minimm does not have; "
            "it knows 'default'",
        )
    inside = ForeignConfig(config.values.get("rope_parameters") or {}, config.path)
    outside = config.number("rope_theta", 10000.0)
    return float(inside.number("rope_theta", float(outside)))


def needed(config: LanguageModelConfig) -> dict[str, tuple]:
    """Which values its fields must have for `config` to be a Llama."""
    return {"positions": ("rotary",), "normalization": ("rms",), "feed_forward": ("swiglu",), "d_memory": (None,)}


def write_config(config: LanguageModelConfig) -> dict[str, Any]:
    """Our config -> theirs. The base is written in both places, for versions 4 and 5 of `transformers`."""
    return {
        "model_type": MODEL_TYPE,
        "architectures": [ARCHITECTURE],
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_attention_heads": config.num_heads,
        "num_hidden_layers": config.num_layers,
        "num_key_value_heads": config.num_key_value_heads or config.num_heads,
        "intermediate_size": config.d_ff or default_d_ff("swiglu", config.d_model),
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps or 1e-6,
        "rope_theta": config.rotary_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
        "attention_bias": config.bias,
        "mlp_bias": config.bias,
        "tie_word_embeddings": config.tie_embeddings,
    }


def places(config: LanguageModelConfig) -> dict[str, Place]:
    """Where each parameter of ours lies in their file."""
    width = config.d_model // config.num_heads * (config.num_key_value_heads or config.num_heads)
    rows = (config.d_model, width, width)
    found = {"embedding.weight": at("model.embed_tokens.weight"), "final_norm.gain": at("model.norm.weight")}
    if not config.tie_embeddings:
        found["output.weight"] = at("lm_head.weight")
    for layer in range(config.num_layers):
        ours, theirs = f"blocks.{layer}", f"model.layers.{layer}"
        found[f"{ours}.attention_norm.gain"] = at(f"{theirs}.input_layernorm.weight")
        found[f"{ours}.feed_forward_norm.gain"] = at(f"{theirs}.post_attention_layernorm.weight")
        for kind in ("weight", "bias"):
            names = tuple(f"{theirs}.self_attn.{part}_proj.{kind}" for part in "qkv")
            found[f"{ours}.attention.query_key_value.{kind}"] = Place(names, rows)
        found |= both(f"{ours}.attention.output", f"{theirs}.self_attn.o_proj")
        for part in ("gate", "up", "down"):
            found |= both(f"{ours}.feed_forward.{part}", f"{theirs}.mlp.{part}_proj")
    return found if config.bias else {name: place for name, place in found.items() if not name.endswith(".bias")}
