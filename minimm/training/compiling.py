"""Transformer blocks by PyTorch's compiler (`torch.compile`; Ansel et al. 2024): it watches a block's Python code run once,
and writes kernels that do many small operations in one pass over the memory.

The first steps are slow, ten seconds or more, for the kernels are written and compiled then; batches of another shape may
need others. Blocks are alike, so one is compiled for all. Convolution and GRU are large products already, with gradients by
hand, and stay as they are; so does all that is not learning: validating, writing, saving.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from minimm.errors import MinimmError
from minimm.layers.transformer_block import TransformerBlock


def has_compiler() -> bool:
    """Whether there is what kernels for a CPU are compiled with."""
    return any(map(shutil.which, ("g++", "clang++", "cl")))


def with_compiled_blocks(
    model: nn.Module, loss: Callable[[nn.Module, Any], Tensor]
) -> Callable[[nn.Module, Any], Tensor]:
    """`loss`, during which the blocks of `model` run compiled; a `MinimmError` where that is not possible."""
    from torch._dynamo.exc import TorchDynamoException

    compiled = {block: torch.compile(block.forward) for block in model.modules() if isinstance(block, TransformerBlock)}

    def run(model: nn.Module, batch: Any) -> Tensor:
        for block, forward in compiled.items():
            block.forward = forward
        try:
            return loss(model, batch)
        except TorchDynamoException as error:
            why = " ".join(str(error).split("\n")[:2])  # the first says where, the second what
            raise MinimmError(
                f"PyTorch could not compile the model here ({why}); it needs a C++ compiler such as g++ or clang (on a GPU "
                "Triton too), or leave --compiled out"
            ) from None
        finally:
            for block in compiled:
                del block.forward  # the method of the class again

    return run
