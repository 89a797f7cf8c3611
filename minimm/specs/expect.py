"""What a law's body says about results: they are close, they are equal, something holds. Otherwise: `Broken`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minimm.specs.broken import Broken

TOLERANCES = {np.dtype(np.float64): 1e-7, np.dtype(np.float32): 2e-4}


def tolerance_of(*arrays: Any) -> float:
    """How far results may be off, relative to their size: that of the coarsest dtype among `arrays`."""
    dtypes = [np.asarray(array).dtype for array in arrays]
    return max((TOLERANCES.get(dtype, 0.0) for dtype in dtypes), default=0.0) or TOLERANCES[np.dtype(np.float64)]


def close(got: Any, wanted: Any, what: str, *, like: tuple[Any, ...] = (), tolerance: float | None = None) -> None:
    """`got` equals `wanted` up to rounding.

    Args:
        what: what is compared, as the subject of "came out ... should be ...".
        like: the inputs; if one of them is float32, float32's rounding is allowed, whatever `got` is.
        tolerance: relative to the largest finite number of `wanted` (at least 1), in place of the dtypes' own.
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    tolerance = tolerance_of(got, *like) if tolerance is None else tolerance
    if got.shape != wanted.shape:
        raise Broken(f"the shape of {what}", got.shape, wanted.shape)
    if np.isnan(got).any() or np.isnan(wanted).any():  # what is wanted may have been made of what came back
        raise Broken(what, got, Words("numbers, not NaN"))
    finite = np.isfinite(wanted)
    size = max(1.0, float(np.abs(wanted[finite]).max(initial=0.0)))
    with np.errstate(invalid="ignore"):
        same = np.where(finite, np.abs(got.astype(np.float64) - wanted) <= tolerance * size, got == wanted)
    if not same.all():
        raise Broken(what, got, wanted)


def equal(got: Any, wanted: Any, what: str) -> None:
    """`got` equals `wanted` exactly: integers, booleans, texts, lists."""
    if isinstance(got, np.ndarray) or isinstance(wanted, np.ndarray):
        got, wanted = np.asarray(got), np.asarray(wanted)
        if got.shape != wanted.shape:
            raise Broken(f"the shape of {what}", got.shape, wanted.shape)
        if not np.array_equal(got, wanted):
            raise Broken(what, got, wanted)
    elif got != wanted:
        raise Broken(what, got, wanted)


def same_answer(got: Any, wanted: Any, what: str, words: str, hint: str) -> None:
    """Two results of the same call are equal to the last bit; NaN equals NaN here."""
    pairs = zip(got, wanted, strict=True) if isinstance(got, tuple) else [(got, wanted)]
    if not all(np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray) and a.dtype.kind == "f") for a, b in pairs):
        raise Broken(what, got, wanted, words=words, hint=hint)


def holds(condition: Any, what: str, got: Any, wanted: str) -> None:
    """`condition` is true; `wanted` says in words what `got`, which is `what`, should be."""
    if not bool(np.all(condition)):
        raise Broken(what, got, Words(wanted))


class Words(str):
    """A wanted result said in words; printed without quotes."""
