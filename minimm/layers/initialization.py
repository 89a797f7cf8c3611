"""First weights, drawn from a generator that is passed in, so that a seed fixes a model on every machine.

Matrices are normal with standard deviation 0.02 (GPT-2); the two that write into the residual stream are divided by
sqrt(2 * num_layers), so that the stream's variance does not grow with depth (Radford et al. 2019, section 2.3).
Convolutions follow He et al. 2015, eq. 10: sqrt(2 / fan_in). A GRU draws its own, uniformly, as PyTorch's does.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from minimm.layers.convolution import Conv2d
from minimm.layers.feed_forward import GELUFeedForward, SwiGLUFeedForward
from minimm.layers.gru import GRU
from minimm.layers.multi_head_attention import MultiHeadAttention
from minimm.layers.positions import PositionTable

WEIGHT_STD = 0.02


@torch.no_grad()
def initialize(
    model: nn.Module, generator: torch.Generator, num_layers: int = 1, *, linear_std: float = WEIGHT_STD
) -> None:
    """Fill every weight of `model` in place, in the order of `model.modules()`; biases become zero.

    Args:
        generator: a CPU generator; the model must be on the CPU.
        num_layers: how many blocks write into one residual stream.
        linear_std: standard deviation of the linear layers. GPT-2's is 1/sqrt(d_model) of a model 2,500 wide; in a narrow
            model whose inputs are long and much alike, such as regions of pictures, 1/sqrt(d_model) learns to look sooner.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.normal_(0.0, linear_std, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.Embedding):
            module.weight.normal_(0.0, WEIGHT_STD, generator=generator)
        elif isinstance(module, PositionTable) and isinstance(module.table, nn.Parameter):
            module.table.normal_(0.0, WEIGHT_STD, generator=generator)
        elif isinstance(module, Conv2d):
            fan_in = module.weight[0].numel()
            module.weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
            module.bias.zero_()
        elif isinstance(module, GRU):
            module.reset_parameters(generator)
    for module in model.modules():
        if isinstance(module, MultiHeadAttention):
            module.output.weight.div_(math.sqrt(2.0 * num_layers))
        elif isinstance(module, GELUFeedForward | SwiGLUFeedForward):
            module.down.weight.div_(math.sqrt(2.0 * num_layers))
