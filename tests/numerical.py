"""What the tests of the layers share: random float64 tensors, and equality to 1e-9 in value and in every gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from hypothesis import strategies as st
from torch import Tensor

seeds = st.integers(0, 2**16)


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers, float64."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def fill(module: torch.nn.Module, generator: torch.Generator, scale: float = 1.0) -> None:
    """Normal numbers into every parameter, gains and biases too: at its first weights a model hides many mistakes."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=scale, generator=generator)


def assert_same(actual: Tensor, expected: Tensor, tolerance: float = 1e-9) -> None:
    """Same shape, same dtype, and equal up to `tolerance`, absolute and relative."""
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def value_and_gradients(function: Callable, *inputs: Tensor, parameters: Iterable[Tensor] = ()) -> list[Tensor]:
    """The output, and what a random weighting of its numbers sends back to each input and parameter."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    output = function(*leaves)
    weighting = normal(torch.Generator().manual_seed(1), *output.shape)
    return [output.detach(), *torch.autograd.grad((output * weighting).sum(), [*leaves, *parameters])]


def assert_same_value_and_gradients(
    function: Callable, oracle: Callable, *inputs: Tensor, parameters: Iterable[Tensor] = ()
) -> None:
    """`function(*inputs)` equals `oracle(*inputs)`, and so do the gradients of all inputs and `parameters`."""
    actual, expected = (value_and_gradients(path, *inputs, parameters=parameters) for path in (function, oracle))
    for one, other in zip(actual, expected, strict=True):
        assert_same(one, other)


def in_pytorchs_names(layer: torch.nn.Module, packed: bool) -> dict[str, Tensor]:
    """A `SelfAttention`'s or `CrossAttention`'s weights as `torch.nn.MultiheadAttention` names them; it keeps three matrices
    of one width packed into one."""
    ours = dict(layer.named_parameters())
    theirs = {f"out_proj.{kind}": ours[f"output.{kind}"] for kind in ("weight", "bias") if f"output.{kind}" in ours}
    for kind in ("weight", "bias"):
        parts = [
            ours[name] for name in (f"query_key_value.{kind}", f"query.{kind}", f"key_value.{kind}") if name in ours
        ]
        if parts and (packed or kind == "bias"):
            theirs[f"in_proj_{kind}"] = torch.cat(parts)
    if not packed:
        key, value = ours["key_value.weight"].chunk(2)
        theirs |= {"q_proj_weight": ours["query.weight"], "k_proj_weight": key, "v_proj_weight": value}
    return theirs
