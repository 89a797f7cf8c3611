"""What a language model prefers to say of whom: the gap between a sentence and its counterfactual, in nats.

    preference(w)     mean over sentences about w of log p(told of her) - log p(told of him)
    gap               mean over the groups' occupations of |preference(w) - mean preference|

A model that says "she" more often of everybody has a preference but no gap: what counts is that it depends on the occupation.
Source: Lu et al. 2020, "Gender bias in neural natural language processing", with the probability of sentences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from minimm.errors import check
from minimm.metrics.intervals import Interval, bootstrap


def preferences(differences: Sequence[float], subjects: Sequence[str]) -> dict[str, float]:
    """The mean difference log p(she) - log p(he) of each subject, in the order in which subjects occur."""
    check(
        len(differences) == len(subjects) > 0,
        f"there are {len(differences)} differences of {len(subjects)} subjects; give one for each sentence, and at least one",
    )
    found: dict[str, list[float]] = defaultdict(list)
    for difference, subject in zip(differences, subjects, strict=True):
        found[subject].append(difference)
    return {subject: float(np.mean(values)) for subject, values in found.items()}


def probability_gap(differences: Sequence[float], subjects: Sequence[str], *, seed: int = 0) -> Interval:
    """The gap, and the interval that resampling the sentences leaves; it is never below zero, so compare it with that of a
    model without bias."""

    def gap(rows: np.ndarray) -> float:
        return probability_gap_value([differences[row] for row in rows], [subjects[row] for row in rows])

    return bootstrap(gap, len(differences), signed=False, seed=seed)


def probability_gap_value(differences: Sequence[float], subjects: Sequence[str]) -> float:
    """The gap alone."""
    each = np.array(list(preferences(differences, subjects).values()))
    return float(np.abs(each - each.mean()).mean())


def gap_by_chance(
    differences: Sequence[float], subjects: Sequence[str], *, rounds: int = 200, seed: int = 0
) -> tuple[float, float]:
    """The mean gap when sentences are dealt out to subjects anew, and the share of such gaps that are at least the true one.

    The first is what a gap of a model without bias looks like, which is above zero; the second a p-value, the true dealing
    counted among them.
    """
    generator = np.random.default_rng(seed)
    true = probability_gap_value(differences, subjects)
    dealt = [probability_gap_value(generator.permutation(differences), subjects) for _ in range(rounds)]
    at_least = sum(gap >= true - 1e-12 for gap in dealt)
    return float(np.mean(dealt)), (1 + at_least) / (1 + rounds)
