"""BERT (Devlin et al. 2019) as `transformers` stores it, and as a `TextEncoder` with the head it has."""

from __future__ import annotations

import re
from typing import Any

from minimm.interoperability.foreign_config import ForeignConfig
from minimm.interoperability.tensor_names import Place, at, both, norm
from minimm.layers.feed_forward import default_d_ff
from minimm.models.text_encoder import TextEncoderConfig

MODEL_TYPE = "bert"
PREFIX = "bert."
# What may be there without a use: numbered positions, copies of tied weights, and heads of tasks other than the one loaded.
IGNORABLE = re.compile(r"position_ids$|^cls\.|^bert\.pooler\.|^classifier\.|^qa_outputs\.")
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}


def read_config(config: ForeignConfig) -> TextEncoderConfig:
    """Their config -> ours; a setting that is not covered raises a `MinimmError` that names it."""
    config.demand(
        position_embedding_type="absolute", is_decoder=False, add_cross_attention=False, tie_word_embeddings=True
    )
    config.ignore("attention_probs_dropout_prob", "classifier_dropout", "directionality")
    config.ignore(
        *(f"pooler_{name}" for name in ("fc_size", "num_attention_heads", "num_fc_layers", "size_per_head", "type"))
    )
    return TextEncoderConfig(
        vocab_size=config.number("vocab_size", 30522),
        context_length=config.number("max_position_embeddings", 512),
        d_model=config.number("hidden_size", 768),
        num_heads=config.number("num_attention_heads", 12),
        num_layers=config.number("num_hidden_layers", 12),
        d_ff=config.number("intermediate_size", 3072),
        positions="learned",
        normalization="layer",
        norm_eps=config.number("layer_norm_eps", 1e-12),
        post_norm=True,
        feed_forward=config.choice("hidden_act", ACTIVATIONS, "gelu"),
        bias=True,
        num_token_types=config.number("type_vocab_size", 2),
        dropout=config.share("hidden_dropout_prob", 0.1),
    )


def needed(config: TextEncoderConfig) -> dict[str, tuple]:
    """Which values its fields must have for `config` to be a BERT."""
    return {
        "positions": ("learned",),
        "normalization": ("layer",),
        "post_norm": (True,),
        "feed_forward": ("gelu", "gelu_tanh"),
        "bias": (True,),
        "num_token_types": (config.num_token_types or 2,),
    }


def write_config(config: TextEncoderConfig, architecture: str) -> dict[str, Any]:
    """Our config -> theirs, for a model of the class `architecture`."""
    return {
        "model_type": MODEL_TYPE,
        "architectures": [architecture],
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_attention_heads": config.num_heads,
        "num_hidden_layers": config.num_layers,
        "intermediate_size": config.d_ff or default_d_ff(config.feed_forward, config.d_model),
        "hidden_act": "gelu" if config.feed_forward == "gelu" else "gelu_new",
        "layer_norm_eps": config.norm_eps or 1e-5,
        "type_vocab_size": config.num_token_types,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": 0.0,
    }


def encoder_places(config: TextEncoderConfig) -> dict[str, Place]:
    """Where each parameter of a `TextEncoder` lies in their file."""
    found = {
        "embedding.weight": at("bert.embeddings.word_embeddings.weight"),
        "token_types.weight": at("bert.embeddings.token_type_embeddings.weight"),
        "position_table.table": at("bert.embeddings.position_embeddings.weight"),
        **norm("norm", "bert.embeddings.LayerNorm"),
    }
    for layer in range(config.num_layers):
        ours, theirs = f"blocks.{layer}", f"bert.encoder.layer.{layer}"
        for kind in ("weight", "bias"):
            names = tuple(f"{theirs}.attention.self.{part}.{kind}" for part in ("query", "key", "value"))
            found[f"{ours}.attention.query_key_value.{kind}"] = Place(names, (config.d_model,) * 3)
        found |= both(f"{ours}.attention.output", f"{theirs}.attention.output.dense")
        found |= norm(f"{ours}.attention_norm", f"{theirs}.attention.output.LayerNorm")
        found |= both(f"{ours}.feed_forward.up", f"{theirs}.intermediate.dense")
        found |= both(f"{ours}.feed_forward.down", f"{theirs}.output.dense")
        found |= norm(f"{ours}.feed_forward_norm", f"{theirs}.output.LayerNorm")
    return found


def masked_language_model_places(config: TextEncoderConfig) -> dict[str, Place]:
    """Those of a `MaskedLanguageModel`."""
    return {
        **{f"encoder.{name}": place for name, place in encoder_places(config).items()},
        **both("transform", "cls.predictions.transform.dense"),
        **norm("norm", "cls.predictions.transform.LayerNorm"),
        "bias": at("cls.predictions.bias"),
    }


def classifier_places(config: TextEncoderConfig) -> dict[str, Place]:
    """Those of a `SequenceClassifier` that pools the first token."""
    return {
        **{f"encoder.{name}": place for name, place in encoder_places(config).items()},
        **both("pooler", "bert.pooler.dense"),
        **both("output", "classifier"),
    }


def span_selector_places(config: TextEncoderConfig) -> dict[str, Place]:
    """Those of a `SpanSelector`."""
    return {
        **{f"encoder.{name}": place for name, place in encoder_places(config).items()},
        **both("output", "qa_outputs"),
    }
