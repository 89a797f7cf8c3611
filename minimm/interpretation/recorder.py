"""Recording attention: while the recorder is open, every attention layer takes its written-out path and keeps its weights.

    with record_attention(model) as record:
        model(ids)
    record()["blocks.0.attention"]        # (B, H, T_q, T_k), the weights of the last call

Outside the `with`, the layers use the fused kernel again and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.multi_head_attention import CrossAttention, MultiHeadAttention, SelfAttention


@contextmanager
def record_attention(model: nn.Module) -> Iterator[Callable[[], dict[str, Tensor]]]:
    """Record all attention layers of `model`; gives a function that returns the weights by the layer's name.

    The weights are those of each layer's last call inside the `with`, on the model's device, without gradient.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, MultiHeadAttention)}
    for layer in layers.values():
        layer.record = True
    try:
        yield lambda: {name: layer.weights for name, layer in layers.items() if layer.weights is not None}
    finally:
        for layer in layers.values():
            layer.record, layer.weights, layer.queries, layer.keys = False, None, None, None


@dataclass(frozen=True)
class RecordedAttention:
    """What all layers of a kind did in one call: weights (L, B, H, T_q, T_k), and what they come from, queries
    (L, B, H, T_q, D) and keys (L, B, H, T_k, D); weights = softmax(queries keys^T / sqrt(D)), float32.
    """

    weights: Tensor
    queries: Tensor
    keys: Tensor


def recorded_attention(
    model: nn.Module, run: Callable[[], object], kind: type[SelfAttention] | type[CrossAttention]
) -> RecordedAttention:
    """Call `run()` once with recording on, and stack what the layers of `kind`, `SelfAttention` or `CrossAttention`, kept."""
    with record_attention(model), torch.inference_mode():
        run()
        ran = [module for module in model.modules() if isinstance(module, kind) and module.weights is not None]
        check(len(ran) > 0, f"no {kind.__name__} layer ran while it was recorded, so there is nothing to show")
        return RecordedAttention(
            *(
                torch.stack([getattr(layer, name).float().cpu() for layer in ran])
                for name in ("weights", "queries", "keys")
            )
        )


def attention_maps(
    model: nn.Module, run: Callable[[], object], kind: type[SelfAttention] | type[CrossAttention]
) -> Tensor:
    """The weights of `recorded_attention` alone, (L, B, H, T_q, T_k)."""
    return recorded_attention(model, run, kind).weights
