"""Inputs for laws, small and awkward on purpose, and readable once hypothesis has made them smaller still.

Numbers are multiples of 1/32 between -4 and 4, ordered from simple to fiddly, so that a failing input shrinks towards
0, 1, -1, 2, ... Arrays come in float64 and float32, large and small, with ties, and laid out in memory in several ways.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy], object]
Shape = tuple[int, ...]


def _simplicity(value: float) -> tuple[int, float, bool]:
    denominator = next(d for d in (1, 2, 4, 32) if value * d == int(value * d))
    return denominator, abs(value), value < 0


NUMBERS = np.array(sorted((k / 32 for k in range(-128, 128)), key=_simplicity))
LARGE = 2500.0  # times 4 is 1e4: beyond what exp can take

dtypes = st.sampled_from([np.float64, np.float32]).map(np.dtype)
exactly = st.just(np.dtype(np.float64))  # where float32's rounding would hide what is asked
_largest: ContextVar[float] = ContextVar("largest", default=math.inf)  # of the sizes that this thread draws now


@contextmanager
def no_size_above(largest: int) -> Iterator[None]:
    """While it is open, sizes are drawn as usual and then cut: a counterexample found so is a small one."""
    before = _largest.set(largest)
    try:
        yield
    finally:
        _largest.reset(before)


def up_to(high: int, low: int = 1) -> st.SearchStrategy[int]:
    """A size from `low` to `high`."""
    return st.integers(low, high).map(lambda size: max(low, min(size, _largest.get())))


sizes = up_to(4)


@st.composite
def batches(draw: Draw, most: int = 2) -> Shape:
    """Leading dimensions: none, one, or up to `most`."""
    shape = draw(st.lists(up_to(3), max_size=most))
    return tuple(shape) if _largest.get() > 1 else ()


def floats(
    draw: Draw, *shape: int, dtype: np.dtype | type = np.float64, large: bool = False, whole: bool | None = None
) -> np.ndarray:
    """An array of `shape`; `large` allows numbers up to 1e4 in it; `whole` True makes ties, None allows them."""
    count = math.prod(shape)
    values = NUMBERS[np.frombuffer(draw(st.binary(min_size=count, max_size=count)), np.uint8)].reshape(shape)
    flavour = draw(st.integers(0, 5 if large else 3))
    if whole or (whole is None and flavour == 3):
        values = np.round(values / 2)  # -2 .. 2: many are equal
    if flavour > 3:
        values = values * LARGE
    return _laid_out(draw, values.astype(dtype))


def distinct(draw: Draw, *shape: int, dtype: np.dtype | type = np.float64) -> np.ndarray:
    """An array in which no two numbers are equal or closer than 1/2."""
    count = math.prod(shape)
    order = draw(st.permutations(range(count)))
    return _laid_out(draw, ((np.array(order, dtype=np.float64) - count // 2) / 2).reshape(shape).astype(dtype))


def integers(draw: Draw, *shape: int, low: int = 0, high: int) -> np.ndarray:
    """An int64 array of `shape` with numbers from `low` to `high`, both included."""
    count = math.prod(shape)
    values = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
    return np.array(values, dtype=np.int64).reshape(shape)


def booleans(draw: Draw, *shape: int) -> np.ndarray:
    """A bool array of `shape`."""
    count = math.prod(shape)
    return (np.frombuffer(draw(st.binary(min_size=count, max_size=count)), np.uint8) % 2 == 0).reshape(shape)


def _laid_out(draw: Draw, array: np.ndarray) -> np.ndarray:
    """The same numbers, as they are or as a view with other strides."""
    layout = draw(st.integers(0, 3))
    if layout == 2 and array.ndim >= 2:
        return np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)  # columns lie together instead of rows
    if layout == 3 and array.ndim >= 1:
        return np.repeat(array, 2, axis=-1)[..., ::2]  # every other number of a wider array
    return array


CHARACTERS = (
    "ab c'1.\n é你好\U0001f600\U0001f44d\U0001f3fd\u00a0"  # two-, three- and four-byte characters, joined emoji
)

WORDS = [
    "it's",
    " we'll",
    "don't",
    " they've",
    "I'd",
    " I'm",
    "'re",
    " 'sit",
    " 12",
    "3.5",
    "  ",
    "\n\n ",
    " \u4f60\u597d",
    " a-b",
    "!?",
]

texts = st.one_of(
    st.text(alphabet="ab ", max_size=24),  # few letters, so that pairs repeat and overlap
    st.text(alphabet=CHARACTERS, max_size=16),
    st.lists(st.sampled_from(WORDS), max_size=6).map("".join),
    # Any character that Unicode has assigned; about others two versions of its tables disagree.
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn")), max_size=8),
)
