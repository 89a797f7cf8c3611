"""The word-embedding association test: do two sets of words lie nearer to one of two attributes than to the other?

    s(w)         = mean over a of cos(w, a) - mean over b of cos(w, b)          how much nearer w is to A than to B
    statistic    = sum over x of s(x) - sum over y of s(y)
    effect size  = (mean of s over X - mean of s over Y) / standard deviation of s over X and Y        from -2 to 2
    p-value      = the share of all ways to divide X and Y anew into halves whose statistic is at least as large

Source: Caliskan, Bryson & Narayanan 2017, "Semantics derived automatically from language corpora contain human-like biases".
The true division counts as one of the ways, so that no p-value is zero and none promises more than chance would keep. One
side only is tested: that X is nearer to A. Where there are too many ways, some are drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from minimm.errors import check

ENUMERATED = 20_000  # ways that are gone through one by one


@dataclass(frozen=True)
class AssociationTest:
    """`ways`: how many divisions stand behind the p-value; `is_exact`: whether these are all there are."""

    statistic: float
    effect_size: float
    p_value: float
    ways: int
    is_exact: bool


def association(words: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """s of each of `words` (N, D), with the attributes' vectors a (N_a, D) and b (N_b, D): (N,), from -2 to 2."""
    for name, vectors in (("words", words), ("a", a), ("b", b)):
        check(
            vectors.ndim == 2 and len(vectors) > 0 and vectors.shape[1] == words.shape[1],
            f"the association test needs vectors (N, D) of one width and at least one in each set, but {name} is "
            f"{vectors.shape}",
        )
    words, a, b = (_unit(np.asarray(vectors, dtype=np.float64)) for vectors in (words, a, b))
    return (words @ a.T).mean(axis=1) - (words @ b.T).mean(axis=1)


def association_test(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, *, ways: int = 10_000, seed: int = 0
) -> AssociationTest:
    """Test whether X is nearer to A, and Y to B, than chance would have it.

    Args:
        x, y: vectors (N, D) of the target words, as many of each. a, b: vectors of the attribute words.
        ways: divisions that are drawn where there are more than 20,000. seed: of these.
    """
    check(
        len(x) == len(y),
        f"X and Y are divided anew into halves, so they must be alike in size, not {len(x)} and {len(y)}",
    )
    check(ways >= 1, f"ways={ways} must be at least 1, the true division")
    s = association(np.concatenate([x, y]), a, b)  # (2N,)
    half = len(x)
    statistic = s[:half].sum() - s[half:].sum()
    spread = s.std()
    effect = (s[:half].mean() - s[half:].mean()) / spread if spread > 0 else 0.0
    total = s.sum()
    is_exact = math.comb(2 * half, half) <= ENUMERATED
    if is_exact:
        chosen = np.array(list(combinations(range(2 * half), half)))
    else:
        generator = np.random.default_rng(seed)
        chosen = generator.random((ways - 1, 2 * half)).argsort(axis=1)[:, :half]
        chosen = np.concatenate([np.arange(half)[None], chosen])  # the true one is one of them
    others = 2 * s[chosen].sum(axis=1) - total  # sum over a half minus sum over the other
    tolerance = 1e-12 * max(1.0, np.abs(s).sum())  # the same sum in another order is the same
    p_value = float((others >= statistic - tolerance).mean())
    return AssociationTest(float(statistic), float(effect), p_value, len(chosen), is_exact)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    check(
        bool((lengths > 0).all()), "a vector is all zeros, so it points nowhere and has no cosine; leave its word out"
    )
    return vectors / lengths
