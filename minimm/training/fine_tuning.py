"""What a pretrained model may change: parts are frozen, or learn more slowly the nearer they lie to the input.

Layer-wise rates: the head learns at the full rate, the last block at `decay` times it, the one before at decay^2, and the
embeddings, which know most already, at decay^(L + 1) (Howard & Ruder 2018, section 3.2; in this form Clark et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from minimm.errors import check
from minimm.layers.transformer_block import TransformerBlock


def freeze(model: nn.Module, except_: Sequence[str] = ()) -> None:
    """Let no parameter of `model` learn, except those of the submodules named in `except_`."""
    names = {name for name, _ in model.named_modules()}
    for name in except_:
        check(
            name in names, f"{name!r} is no part of this {type(model).__name__}; its parts are {sorted(names)[1:9]} ..."
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(name.startswith(f"{part}.") for part in except_))


def layer_wise_factors(model: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """For each parameter of `model` that learns, what its learning rate is multiplied by.

    Blocks are counted in the order in which they lie in the model; what lies in no block and is no embedding has factor 1.
    """
    check(0.0 < decay <= 1.0, f"layer_decay={decay} must be above 0 and at most 1; 1 gives every layer the same rate")
    blocks = [module for module in model.modules() if isinstance(module, TransformerBlock)]
    factors = {parameter: 1.0 for parameter in model.parameters() if parameter.requires_grad}
    depth = {p: index for index, block in enumerate(blocks) for p in block.parameters()}
    embeddings = {p for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    for parameter in factors:
        if parameter in depth:
            factors[parameter] = decay ** (len(blocks) - depth[parameter])
        elif parameter in embeddings:
            factors[parameter] = decay ** (len(blocks) + 1)
    return factors
