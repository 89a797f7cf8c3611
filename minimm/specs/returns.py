"""What a function may give back: arrays of floats or booleans of a shape, a number, ids, merges, a text.

Each kind checks one result and says in its own sentence what is wrong with it. What is merely different is let through:
a NumPy float for a Python float, a tuple for a list, float64 where float32 would do.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minimm.specs.broken import Broken


class Returned(Protocol):
    """A kind of result."""

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> Any:
        """The result in its standard form; raises `Broken` if it is of another kind. `name` says what it is."""


def _described(value: Any) -> str:
    """What a value is, for a sentence: 'a list', 'None', 'an array (2, 3) of int64'."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    kind = type(value).__name__
    if isinstance(value, tuple | list):
        return f"a {kind} of {len(value)}"
    if isinstance(value, numbers.Number):
        return f"the {kind} {value!r}"
    module = type(value).__module__.partition(".")[0]
    kind = kind if module == "builtins" else f"{module}.{kind}"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _wrong_kind(name: str, result: Any, wanted: str, hint: str) -> Broken:
    words = f"{name} is {wanted}"
    if result is None:
        hint = "Does every path through the function end in `return`? Without one, Python returns None."
    return Broken(f"{name} is {_described(result)}, but should be {wanted}", result, words=words, hint=hint)


@dataclass(frozen=True)
class Floats:
    """An array of floats of one shape."""

    shape: tuple[int, ...]

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> np.ndarray:
        """The array itself."""
        wanted = f"one array {self.shape} of floats"
        if isinstance(result, tuple):
            raise _wrong_kind(name, result, wanted, "Return the array alone, not several things at once.")
        if isinstance(result, np.generic) and self.shape == ():
            result = np.asarray(result)
        if not isinstance(result, np.ndarray):
            hint = "Work with NumPy arrays to the end; `np.array(...)` makes one of a list."
            raise _wrong_kind(name, result, wanted, hint)
        if result.dtype.kind != "f" or result.dtype.itemsize < 4:
            hint = "Where do the numbers lose their fractions, or become objects? Compute in the dtype that came in."
            raise _wrong_kind(name, result, wanted, hint)
        if result.shape != self.shape:
            words = f"{name} has the shape {self.shape} for these inputs"
            hint = "Write down the shape after every line; which axis is lost, added or in another place?"
            raise Broken(f"the shape of {name}", result.shape, self.shape, words=words, hint=hint)
        floats = [array.dtype for array in inputs if isinstance(array, np.ndarray) and array.dtype.kind == "f"]
        if result.dtype == np.float32 and floats and all(dtype == np.float64 for dtype in floats):
            words = f"{name} keeps the precision of its inputs"
            hint = "Half of the digits are lost: which line turns float64 into float32?"
            raise Broken(f"the dtype of {name}", str(result.dtype), "float64", words=words, hint=hint)
        return result


@dataclass(frozen=True)
class Booleans:
    """An array of booleans of one shape."""

    shape: tuple[int, ...]

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> np.ndarray:
        """The array itself."""
        wanted = f"one array {self.shape} of booleans"
        if not isinstance(result, np.ndarray) or result.dtype != np.bool_:
            raise _wrong_kind(
                name, result, wanted, "True and False, not 1 and 0: a comparison such as `<=` gives them."
            )
        if result.shape != self.shape:
            words = f"{name} has the shape {self.shape} for these inputs"
            raise Broken(f"the shape of {name}", result.shape, self.shape, words=words, hint="Which sizes go in?")
        return result


@dataclass(frozen=True)
class Number:
    """One real number: a float, a NumPy scalar or an array without axes. `whole`: an integer."""

    whole: bool = False

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> float | int:
        """The number as a Python float or int."""
        wanted = "one whole number (int)" if self.whole else "one number (float)"
        if isinstance(result, np.ndarray) and result.shape == ():
            result = result.item()
        kind = numbers.Integral if self.whole else numbers.Real
        if not isinstance(result, kind | np.number) or isinstance(result, bool | np.bool_ | np.complexfloating):
            raise _wrong_kind(name, result, wanted, "What is left when everything is summed or averaged is one number.")
        return int(result) if self.whole else float(result)


@dataclass(frozen=True)
class Ids:
    """A list of token ids."""

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> list[int]:
        """The ids as a list of Python integers."""
        if isinstance(result, np.ndarray) and result.ndim == 1 and (result.dtype.kind in "iu" or result.size == 0):
            result = result.tolist()
        if not isinstance(result, list | tuple) or not all(_is_integer(i) for i in result):
            raise _wrong_kind(name, result, "a list of integers", "One id for each token, in the order of the text.")
        return [int(i) for i in result]


@dataclass(frozen=True)
class Merges:
    """A list of pairs of ids."""

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> list[tuple[int, int]]:
        """The pairs as a list of tuples of Python integers."""
        wanted = "a list of pairs of integers"
        hint = "A merge is the pair (a, b) of the two ids it joins; the list is in the order of learning."
        if not isinstance(result, list | tuple):
            raise _wrong_kind(name, result, wanted, hint)
        for pair in result:
            if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(_is_integer(i) for i in pair):
                raise _wrong_kind(name, result, wanted, hint)
        return [(int(a), int(b)) for a, b in result]


@dataclass(frozen=True)
class Text:
    """A str."""

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> str:
        """The text itself."""
        if not isinstance(result, str):
            raise _wrong_kind(name, result, "a text (str)", "Bytes become text by decoding them.")
        return result


class Several:
    """A tuple of results, each with its name: `Several(output=Floats((2, 3)), weights=Floats((2, 2)))`."""

    def __init__(self, **parts: Returned | None) -> None:
        self.parts = parts

    def accept(self, result: Any, name: str, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """A tuple with every part in its standard form; a part declared None must be None."""
        wanted = f"a tuple ({', '.join(self.parts)})"
        if not isinstance(result, tuple | list) or len(result) != len(self.parts):
            hint = f"It gives back {len(self.parts)} things: `return {', '.join(self.parts)}`."
            raise _wrong_kind(name, result, wanted, hint)
        accepted = []
        for (part_name, part), value in zip(self.parts.items(), result, strict=True):
            if part is None and value is not None:
                raise _wrong_kind(part_name, value, "None", "The argument was None, so it has no gradient.")
            accepted.append(None if part is None else part.accept(value, part_name, inputs))
        return tuple(accepted)


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
