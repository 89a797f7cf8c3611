"""From a counterexample to words and small printed arrays: what a student reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from minimm.specs.broken import NOTHING, Broken
from minimm.specs.expect import Words
from minimm.specs.report import Failure
from minimm.specs.watched import Call

MOST_CALLS = 3  # of one failing input; a law that needs more shows the last ones
LONGEST_TEXT = 400


def explain_failure(error: Broken, words: str, hint: str, calls: list[Call], shapes: str = "") -> Failure:
    """A `Broken` and the calls that led to it, as texts; `shapes` are told where nothing usable came back."""
    digits = digits_that_tell_apart(error.got, error.wanted)
    return Failure(
        words=error.words or words,
        what=error.what,
        hint=error.hint or hint,
        calls=_without_repetition([explain_call(call, digits) for call in calls[-MOST_CALLS:]]),
        got="" if error.got is NOTHING else show(error.got, digits),
        wanted="" if error.wanted is NOTHING else show(error.wanted, digits),
        shapes=shapes if error.words else "",
    )


def _without_repetition(calls: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """Of the second call and the third, what is not the same as in the one before."""
    shorter = calls[:1]
    for before, call in zip(calls, calls[1:], strict=False):
        shorter.append([line for line in call if line not in before or line[0].startswith(("call", "gave", "->"))])
    return shorter


def explain_call(call: Call, digits: int = 4) -> list[tuple[str, str]]:
    """(label, text) pairs: the call, each array argument, the result."""
    short = {name: _inline(value) for name, value in call.arguments.items()}
    first = ", ".join(name if text is None else f"{name}={text}" for name, text in short.items())
    lines = [("call", f"{call.name}({first})")]
    for name, text in short.items():
        if text is None:
            value = call.arguments[name]
            lines.append((name, f"{show(value, digits)}{_facts(value)}"))
    for result in call.results:
        parts = result if isinstance(result, tuple) else (result,)
        names = [f"-> {name}" for name in call.parts] if len(call.parts) == len(parts) else ["gave"] * len(parts)
        lines.extend((name, f"{show(part, digits)}{_facts(part)}") for name, part in zip(names, parts, strict=True))
    return lines


def show(value: Any, digits: int = 4) -> str:
    """A value as a student reads it: small arrays in full, large ones with dots, long texts cut."""
    if isinstance(value, Words):
        return str(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        if value.size > 3 and (value == value.flat[0]).all():
            one = value.flat[0].item()
            return f"{one:g} everywhere" if isinstance(one, float) else f"{one} everywhere"
        # Told here and not as `np.printoptions`, which hold for all threads in older NumPys.
        how = {"precision": digits, "suppress_small": _moderate(value), "max_line_width": 88}
        return np.array2string(value, separator=", ", threshold=60, edgeitems=3, **how).replace("\n\n", "\n")
    if isinstance(value, float | np.floating):
        return f"{float(value):.{digits + 2}g}"
    if isinstance(value, list | tuple) and any(isinstance(part, np.ndarray) for part in value):
        return "\n".join(show(part, digits) for part in value)
    text = repr(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def digits_that_tell_apart(got: Any, wanted: Any) -> int:
    """How many digits show that the two differ; 4 if they look different anyway."""
    for digits in range(4, 11):
        if show(got, digits) != show(wanted, digits):
            return digits
    return 4


def _inline(value: Any) -> str | None:
    """Short values stand in the call itself; None for those that get a line of their own."""
    if isinstance(value, np.ndarray):
        return None
    text = repr(value)
    return text if len(text) <= 60 else None


def _facts(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return ""
    view = "" if value.flags.c_contiguous else ", a view"
    return f"   {value.shape} {value.dtype}{view}"


def _moderate(value: np.ndarray) -> bool:
    """Whether plain decimals read better than 1.0e+04."""
    sizes = np.abs(value[np.isfinite(value) & (value != 0)]) if value.dtype.kind == "f" else np.array([])
    return sizes.size == 0 or (float(sizes.max()) < 1e6 and float(sizes.min()) > 5e-5)
