"""The one exception that minimm raises for bad input, and the sentences it is made of.

A message says three things: what was given, what was expected, and what to do. The command line prints that
sentence and exits with 2; nobody sees a traceback for a mistake in a file name.
"""

from __future__ import annotations


class MinimmError(ValueError):
    """Bad input. The message names what was given, what was expected and what to change.

    A ``ValueError``, so code that knows nothing of minimm can still catch it.
    """


def check(condition: bool, message: str) -> None:
    """Raise `MinimmError(message)` unless `condition` holds. Write the message for the person who will read it."""
    if not condition:
        raise MinimmError(message)


def check_divides(name_a: str, a: int, name_b: str, b: int) -> None:
    """Raise unless `b` is at least 1 and splits `a` into equal parts; the message offers divisors that would work.

    >>> check_divides("d_model", 12, "num_heads", 4)
    """
    if b >= 1 and a % b == 0:
        return
    divisors = [d for d in range(1, min(a, 64) + 1) if a % d == 0]
    raise MinimmError(f"{name_a}={a} does not split over {name_b}={b}; choose {name_b} from {divisors}")
