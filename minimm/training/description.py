"""From a `config.json` to an empty model, believing nothing in it before it is checked: it may come from a stranger.

Each field must be of the kind that its config names. Then the model is built without memory, on PyTorch's "meta" device, and
must turn out as large as the weights beside it; only a model that fits them is built for good. A vocabulary of 10^12 tokens
or a billion layers so end in a sentence, not in a full memory.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from minimm.errors import MinimmError, check

Config = TypeVar("Config")
LARGEST_SAMPLE_RATE = 768_000  # Hz; twice what studios record with
TABLES = 2**24  # numbers in tables that are computed, not stored: those of 131,072 rotary positions fit
SLACK = 8  # a weight may be made three times before two are thrown away, and two weights of 4 bits lie in a byte


def config_from(kind: type[Config], values: Any) -> Config:
    """The config of the dataclass `kind` whose `asdict` was kept as JSON; a field of another kind is named and refused."""
    check(isinstance(values, dict), f"a {kind.__name__} is an object with its fields, but this is {values!r:.60}")
    known = {field.name: field for field in fields(kind)}
    unknown = sorted(values.keys() - known)
    check(not unknown, f"a {kind.__name__} has no field {str(unknown[:3])[1:-1]:.80}; it has {', '.join(known)}")
    missing = [n for n, f in known.items() if n not in values and f.default is f.default_factory is MISSING]
    check(not missing, f"a {kind.__name__} needs {', '.join(missing)}")
    hints = get_type_hints(kind)
    return kind(**{name: _checked(value, hints[name], name) for name, value in values.items()})


def _checked(value: Any, hint: Any, name: str) -> Any:
    if is_dataclass(hint) and isinstance(value, dict):
        return config_from(hint, value)
    check(_is(value, hint), f"{name} must be of the kind {getattr(hint, '__name__', hint)}, but it is {value!r:.60}")
    return value


def _is(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of that kind; true and false are no numbers, NaN and infinity neither."""
    if get_origin(hint) is UnionType:
        return any(_is(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple) and all(_is(part, get_args(hint)[0]) for part in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def texts_in(values: Any, name: str) -> list[str]:
    """A list of texts, such as labels, or an error that says what is there instead."""
    right = isinstance(values, list) and all(isinstance(value, str) for value in values)
    check(right, f"{name} must be a list of texts, but it is {values!r:.60}")
    return values


def sample_rate_in(value: Any) -> int:
    """A rate in Hz that recordings can be brought to."""
    check(
        type(value) is int and 1 <= value <= LARGEST_SAMPLE_RATE,
        f"sample_rate must be a whole number of Hz from 1 to {LARGEST_SAMPLE_RATE:,}, but it is {value!r:.60}",
    )
    return value


def vocabulary_sizes(architecture: Any) -> list[int]:
    """Of every part that reads or writes tokens, how many it knows."""
    if not isinstance(architecture, dict):
        return []
    own = [architecture[name] for name in ("vocab_size", "text_vocab_size") if name in architecture]
    return own + [size for part in architecture.values() for size in vocabulary_sizes(part)]


def sketch(build: Callable[[], nn.Module], num_weights: int, source: object) -> nn.Module:
    """The model that `build` makes, with shapes but without memory.

    Args:
        num_weights: how many numbers there are to fill it with; a model that needs far more is given up on the way.
        source: the file that describes it, for messages.

    Raises `MinimmError` when nothing can be built, whatever is the reason.
    """
    sizes = {"weights": 0, "tables": 0}
    most = {"weights": SLACK * num_weights, "tables": max(SLACK * num_weights, TABLES)}

    def count(kind: str, tensor: Tensor | None) -> None:
        sizes[kind] += 0 if tensor is None else tensor.numel()
        check(
            sizes[kind] <= most[kind],
            f"it is another model than the weights beside it, which have {num_weights:,} numbers; this one would need "
            f"{sizes[kind]:,} or more in its {kind}",
        )

    hooks = (
        register_module_parameter_registration_hook(lambda module, name, tensor: count("weights", tensor)),
        register_module_buffer_registration_hook(lambda module, name, tensor: count("tables", tensor)),
    )
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's, of layers without a single weight
            return build()
    except Exception as error:  # a constructor can fail in any way on values that nobody foresaw
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise MinimmError(f"{source} ({reason:.500})") from None
    finally:
        for hook in hooks:
            hook.remove()
