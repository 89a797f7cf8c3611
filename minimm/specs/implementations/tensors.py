"""From a torch function to two of the contract: the function itself, and its gradient by autograd."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimm.specs.registry import all_specs, spec_of


def to_tensor(value: Any) -> Any:
    """A NumPy array becomes a tensor of its own memory; anything else passes."""
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def to_numpy(value: Any) -> Any:
    """A tensor becomes an array, a tuple of tensors a tuple of arrays."""
    if isinstance(value, tuple):
        return tuple(to_numpy(part) for part in value)
    return value.detach().numpy() if isinstance(value, Tensor) else value


class Provided:
    """A decorator that adds a torch function to `functions`, with arrays in and out, and its gradient if it has one.

    The torch function itself is left as it was, so that one may call another.
    """

    def __init__(self, functions: dict[str, Callable]) -> None:
        self.functions = functions

    def __call__(self, function: Callable) -> Callable:
        self.functions[function.__name__] = on_arrays(function)
        if f"{function.__name__}_backward" in all_specs():
            self.functions[f"{function.__name__}_backward"] = backward_of(function)
        return function


def on_arrays(function: Callable) -> Callable:
    """The torch `function` with arrays in and out, and its signature kept."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = [to_tensor(a) for a in args], {name: to_tensor(a) for name, a in kwargs.items()}
        return to_numpy(function(*args, **kwargs))

    return call


def backward_of(function: Callable) -> Callable:
    """`NAME_backward` of the contract for the torch function NAME, by autograd."""
    spec = spec_of(f"{function.__name__}_backward")
    incoming, parameters = len(spec.incoming), inspect.signature(function)

    def backward(*args: Any, **kwargs: Any) -> Any:
        gradients, args = args[:incoming], [to_tensor(a) for a in args[incoming:]]
        bound = parameters.bind(*args, **kwargs).arguments
        leaves = {name: bound[name] for name in spec.differentiable if isinstance(bound.get(name), Tensor)}
        for leaf in leaves.values():
            leaf.requires_grad_()
        with torch.enable_grad():
            results = function(**bound)
            results = results if isinstance(results, tuple) else (results,)
            loss = sum(
                (result * to_tensor(np.asarray(gradient))).sum()
                for result, gradient in zip(results, gradients, strict=False)
            )
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        by_name = {
            name: np.zeros(leaf.shape) if gradient is None else gradient.numpy()
            for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
        }
        answer = tuple(by_name.get(name) for name in spec.differentiable)
        return answer[0] if len(answer) == 1 else answer

    backward.__signature__ = spec.parameters()
    backward.__name__ = spec.name()
    return backward
