"""Copies of arrays that lie in memory as the originals do; `copy.deepcopy` puts the numbers of a view together."""

from __future__ import annotations

from typing import Any

import numpy as np


def with_strides(array: np.ndarray, strides: tuple[int, ...]) -> np.ndarray:
    """The same numbers in new memory, `strides` bytes apart (all positive), as a view of a larger array."""
    last = sum((size - 1) * stride for size, stride in zip(array.shape, strides, strict=True))
    memory = np.zeros(last // array.itemsize + 1, array.dtype)
    view = np.lib.stride_tricks.as_strided(memory, array.shape, strides)
    view[...] = array
    return view


def is_a_view(array: np.ndarray) -> bool:
    """Whether its numbers do not lie one after the other, and `with_strides` can copy that."""
    return not array.flags.c_contiguous and array.size > 1 and min(array.strides) > 0


def copied(value: Any) -> Any:
    """A deep copy of arrays and lists, in tuples, lists and dicts; other values are returned as they are."""
    if isinstance(value, np.ndarray):
        return with_strides(value, value.strides) if is_a_view(value) else value.copy()
    if isinstance(value, tuple | list):
        return type(value)(copied(part) for part in value)
    return {key: copied(part) for key, part in value.items()} if isinstance(value, dict) else value
