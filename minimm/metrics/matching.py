"""Exact match: the share of texts that equal one of their references. The plainest metric, and the hardest to please."""

from __future__ import annotations

from collections.abc import Sequence

from minimm.metrics.segments import check_segments


def exact_match(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """The share, from 0 to 1, of hypotheses equal to any of their references.

    Runs of whitespace count as one space and the ends are stripped; case and punctuation must agree.
    Raises `MinimmError` for empty or unequal lists.

    >>> exact_match(["a  red circle\\n", "A red circle"], [["a red circle"], ["a red circle"]])
    0.5
    """
    check_segments(hypotheses, references)
    hits = (
        _collapse(hypothesis) in map(_collapse, texts) for hypothesis, texts in zip(hypotheses, references, strict=True)
    )
    return sum(hits) / len(hypotheses)


def _collapse(text: str) -> str:
    return " ".join(text.split())
