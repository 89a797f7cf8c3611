"""Values as JSON, to and from the process in which a student's function runs: nothing is pickled, nothing is executed.

    None, bool, int, float, str                     as they are
    [...]                                           a list
    {"tuple": [...]}, {"dict": [[key, value], ...]}
    {"array": [dtype, shape, base64, strides]}      strides in bytes, or null where the numbers lie one after the other
    {"scalar": [dtype, [], base64, null]}           a NumPy scalar
    {"objects": [shape, [value, ...]]}              an array of Python objects
    {"blank": [dtype, shape]}                       an array of dates or texts: its shape and dtype alone
    {"bytes": base64}
    {"other": [module, kind, text]}                 anything else, only described: it comes out as an `Other`

What the student's side says is read here as data of a few harmless kinds; anything else is a `ValueError`.
"""

from __future__ import annotations

import base64
import math
import numbers
from typing import Any

import numpy as np

from minimm.specs.layout import is_a_view, with_strides

KINDS = "fiubc"  # of NumPy dtypes that travel
DEEPEST = 20  # lists in lists
LARGEST = 10_000_000  # bytes of one array
MOST_OBJECTS = 1000
LONGEST_TEXT = 200  # characters that describe a value of another kind
LONGEST_NUMBER = 10**1000  # Python does not write longer integers as text


class Other:
    """A value of a kind that cannot travel; `decode` makes a subclass that bears the kind's name and module."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def encode(value: Any, depth: int = 0) -> Any:
    """`value` in the form above; a `ValueError` for more than `LARGEST` bytes in one array."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray) and depth < DEEPEST:
        if max(value.nbytes, value.size) > LARGEST:
            raise ValueError(f"an array {value.shape} of {value.dtype} is larger than any law asks for")
        if value.dtype.kind in KINDS:
            return {"array": _numbers(np.asarray(value))}
        if value.dtype == object and value.size <= MOST_OBJECTS:
            return {"objects": [list(value.shape), [encode(part, depth + 1) for part in value.ravel().tolist()]]}
        return {"blank": [value.dtype.str if value.dtype.itemsize <= LONGEST_TEXT else "O", list(value.shape)]}
    if isinstance(value, np.generic) and value.dtype.kind in KINDS:
        return {"scalar": _numbers(np.asarray(value))}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral) and abs(int(value)) < LONGEST_NUMBER:
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return float(value)
    if isinstance(value, bytes | bytearray):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple | dict) and depth < DEEPEST:
        pairs = value.items() if isinstance(value, dict) else value
        parts = [encode(part, depth + 1) for part in pairs]
        if isinstance(value, dict):
            return {"dict": [pair["tuple"] for pair in parts]}
        return {"tuple": parts} if isinstance(value, tuple) else parts
    kind = type(value)
    try:
        text = repr(value)[:LONGEST_TEXT]
    except Exception:  # it is the student's own
        text = f"<{kind.__name__}>"
    return {"other": [str(kind.__module__), kind.__name__, text]}


def _numbers(array: np.ndarray) -> list[Any]:
    strides = list(array.strides) if is_a_view(array) else None
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode(), strides]


def decode(value: Any) -> Any:
    """The inverse of `encode`; a `ValueError` if it is not of that form."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [decode(part) for part in value]
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("this is not an encoded value")
    ((kind, content),) = value.items()
    try:
        if kind == "tuple":
            return tuple(decode(part) for part in content)
        if kind == "dict":
            return {decode(key): decode(part) for key, part in content}
        if kind == "array":
            return _array(*content)
        if kind == "scalar":
            return _array(*content)[()]
        if kind == "objects":
            return _objects(*content)
        if kind == "blank":
            return _blank(*content)
        if kind == "bytes":
            return base64.b64decode(content, validate=True)
        if kind == "other":
            return _other(*content)
    except (TypeError, AttributeError, KeyError, OverflowError) as error:
        raise ValueError(f"this is not an encoded value: {error}") from None
    raise ValueError("this is not an encoded value")


def _array(dtype: str, shape: list[int], content: str, strides: list[int] | None) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind not in KINDS or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError("this is not an encoded array")
    flat = np.frombuffer(base64.b64decode(content, validate=True), kind)
    if flat.size != math.prod(shape):
        raise ValueError("the shape of an encoded array does not fit its numbers")
    array = flat.reshape(shape)
    if strides is None:
        return array.copy()
    length = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min(strides) < 1 or length > 16 * LARGEST or any(stride % kind.itemsize for stride in strides):
        raise ValueError("the strides of an encoded array lead out of it")
    return with_strides(array, tuple(strides))


def _objects(shape: list[int], parts: list[Any]) -> np.ndarray:
    flat = np.empty(len(parts), object)
    for number, part in enumerate(parts):
        flat[number] = decode(part)
    return flat.reshape(shape)


def _blank(dtype: str, shape: list[int]) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.itemsize > LONGEST_TEXT or math.prod(shape) > LARGEST:
        raise ValueError("an array without numbers is too large")
    return np.broadcast_to(np.zeros((), kind), shape)


def _other(module: str, kind: str, text: str) -> Any:
    if not (isinstance(text, str) and all(isinstance(part, str) and part.isprintable() for part in (module, kind))):
        raise ValueError("this is not a described value")
    return type(kind[:LONGEST_TEXT], (Other,), {"__module__": module[:LONGEST_TEXT]})(text[:LONGEST_TEXT])


def words_of(value: Any) -> str:
    """A text of the student's side as one that every file can hold."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def write_back(given: Any, after: Any) -> None:
    """Do to the caller's own lists and arrays what the function did to its copies of them."""
    if isinstance(given, np.ndarray) and isinstance(after, np.ndarray) and given.shape == after.shape:
        given[...] = after
    elif isinstance(given, list) and isinstance(after, list):
        given[:] = after
