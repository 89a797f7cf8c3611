"""Memory for time: what a block computes inside is not kept for the way back, but computed again when it is needed.

    keep all      n blocks keep about 30 (B, T, d_model) tensors each
    recompute     n blocks keep their input, and one block at a time all the rest: about a third more operations

Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", section 4.2, by PyTorch's engine for it. What was
dropped the first time must be dropped again, so the generators of dropout are set back for the second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from minimm.layers.dropout import Dropout


def recomputed(module: nn.Module, forward: Callable[..., Tensor], *arguments: Any, **options: Any) -> Tensor:
    """forward(*arguments, **options) of `module`, of whose tensors only the arguments are kept for the way back."""
    generators = {part.generator for part in module.modules() if isinstance(part, Dropout)} - {None}
    before = [(generator, generator.get_state()) for generator in generators]
    is_first = True

    def run(*arguments: Any) -> Tensor:
        nonlocal is_first
        if is_first:
            is_first = False
            return forward(*arguments, **options)
        now = [(generator, generator.get_state()) for generator in generators]
        _set(before)
        try:
            return forward(*arguments, **options)
        finally:  # also when PyTorch has all that it needs and ends the second run half-way
            _set(now)

    return checkpoint(run, *arguments, use_reentrant=False, preserve_rng_state=False)


def set_recompute(model: nn.Module, on: bool) -> None:
    """Switch it on or off in every part of `model` that can recompute, which are its Transformer blocks."""
    for module in model.modules():
        if hasattr(module, "recompute"):
            module.recompute = on


def _set(states: list) -> None:
    for generator, state in states:
        generator.set_state(state)
