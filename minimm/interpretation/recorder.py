"""Recording attention: while the recorder is open, every attention layer takes its written-out path and keeps its weights.

    with record_attention(model) as record:
        model(ids)
    record()["blocks.0.attention"]        # (B, H, T_q, T_k), the weights of the last call

Outside the `with`, the layers use the fused kernel again and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
            layer.record, layer.weights = False, None


def attention_maps(
    model: nn.Module, run: Callable[[], object], kind: type[SelfAttention] | type[CrossAttention]
) -> Tensor:
    """Call `run()` once with recording on; the weights of all layers of `kind`, stacked: (L, B, H, T_q, T_k) float32.

    `kind` is `SelfAttention` or `CrossAttention`.
    """
    with record_attention(model) as record, torch.inference_mode():
        run()
        recorded = record()
        names = [name for name, module in model.named_modules() if isinstance(module, kind) and name in recorded]
        check(len(names) > 0, f"no {kind.__name__} layer ran while it was recorded, so there is nothing to show")
        return torch.stack([recorded[name].float().cpu() for name in names])
