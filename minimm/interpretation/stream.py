"""The stream of vectors that runs through a Transformer: what goes into the first block, and what is there after each.

Blocks read it and add to it (Elhage et al. 2021, "A mathematical framework for Transformer circuits": the residual stream).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minimm.errors import check


@torch.inference_mode()
def record_stream(blocks: nn.ModuleList, run: Callable[[], object]) -> Tensor:
    """Call `run()`, which runs the blocks of one model once; returns (L + 1, B, T, d_model)."""
    first: list[Tensor] = []
    after: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda _, __, x: after.append(x)) for block in blocks]
    hooks.append(blocks[0].register_forward_pre_hook(lambda _, given: first.append(given[0])))
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    check(
        len(after) == len(blocks),
        f"the model must be run once to look into it, but its {len(blocks)} blocks were run {len(after)} times in all",
    )
    return torch.stack([*first, *after])
