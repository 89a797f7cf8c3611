"""Every spec by its function's name, in the order of the contract."""

from __future__ import annotations

import difflib
import importlib
import inspect
from functools import cache

from minimm.errors import MinimmError
from minimm.specs.law import Spec

# The files of `laws/` in reading order; a file's specs stand in it in theirs.
FILES = (
    "softmax",
    "cross_entropy",
    "attention",
    "causal_mask",
    "multi_head_attention",
    "cross_modal_attention",
    "layer_norm",
    "rms_norm",
    "activations",
    "positions",
    "convolution",
    "pooling",
    "gru_cell",
    "gru",
    "byte_pair_training",
    "byte_pair",
    "contrastive",
    "perplexity",
    "bleu",
    "retrieval",
    "edit_distance",
    "filters",
    "mel",
)


@cache
def all_specs() -> dict[str, type[Spec]]:
    """name -> spec: the functions of the contract, each followed by its gradient `NAME_backward` if it has one."""
    specs: dict[str, type[Spec]] = {}
    for file in FILES:
        module = importlib.import_module(f"minimm.specs.laws.{file}")
        for value in vars(module).values():
            if inspect.isclass(value) and issubclass(value, Spec) and value.__module__ == module.__name__:
                specs[value.name()] = value
    return specs


def spec_of(name: str) -> type[Spec]:
    """The spec of a function; an unknown name is a `MinimmError` that offers the nearest ones."""
    specs = all_specs()
    if name not in specs:
        near = difflib.get_close_matches(name, specs, n=3)
        offer = f"did you mean {' or '.join(near)}?" if near else "`minimm list-specs` shows all names"
        raise MinimmError(f"there is no spec of {name!r}; {offer}")
    return specs[name]
