"""How often a classifier of texts is right in each group, and what it answers when a text is told of somebody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from minimm.datasets.grouped_texts import GroupedText, read_grouped
from minimm.datasets.reviews import MOODS
from minimm.datasets.visitor_reviews import GROUPS as VISITORS
from minimm.datasets.visitor_reviews import VisitorReviews
from minimm.errors import check
from minimm.fairness.groups import bootstrap, demographic_parity_difference, equalized_odds_difference
from minimm.fairness.swapping import Swapper
from minimm.runs.audits.audited import Audited, accuracy_rows, as_dict, worst_and_best
from minimm.tasks.text.text_classifier import TextClassifier

REVIEWS = 800


def audit_classifier(task: TextClassifier, data: Path | None = None, *, language: str = "en", seed: int = 0) -> Audited:
    """On a file of labelled texts with groups; without one, on reviews by northerners and southerners.

    language: of the words that are swapped, where a text says who it is about.
    """
    texts, swap, measured_on = _opened(task, data, language, seed)
    labels, groups = [one.label for one in texts], [one.group for one in texts]
    predicted = task.predict([one.text for one in texts])
    rows = accuracy_rows([one == two for one, two in zip(labels, predicted, strict=True)], groups, seed)
    positive = task.labels[-1]
    answers, truth, kinds = (np.array(column, dtype=object) for column in (predicted, labels, groups))
    results = {
        "texts": len(texts),
        "accuracy": {name: as_dict(interval) for name, interval in rows.items()},
        "worst_accuracy": min(interval.value for interval in rows.values()),
        "positive": positive,
        "demographic_parity_difference": demographic_parity_difference(answers, kinds, positive),
    }
    findings = [
        worst_and_best(rows, "Accuracy"),
        f"{positive!r} is answered at rates that differ by {results['demographic_parity_difference']:.3f} between groups "
        "(0 is the same rate).",
    ]
    if all({one.label == positive for one in texts if one.group == group} == {True, False} for group in set(groups)):
        results["equalized_odds_difference"] = equalized_odds_difference(truth, answers, kinds, positive)
        findings.append(f"Equalised odds are off by {results['equalized_odds_difference']:.3f} (0 is none).")
    results |= _flips(task, texts, predicted, swap, language, findings, seed)
    limits = [
        "A group with few texts has a wide interval; what is not in it is not told.",
        "Only the groups given are compared.",
    ]
    return Audited(measured_on, results, rows, "share of texts that are sorted rightly", findings, limits)


def _opened(
    task: TextClassifier, data: Path | None, language: str, seed: int
) -> tuple[list[GroupedText], Callable[[str], str], str]:
    if data is not None:
        texts = read_grouped(data)
        unknown = sorted({one.label for one in texts} - set(task.labels))
        check(
            not unknown, f"{data} has the labels {unknown[:5]}, which this model was not taught; it knows {task.labels}"
        )
        return texts, Swapper(language), f"{len(texts)} texts of {data.name}"
    check(
        set(task.labels) == set(MOODS),
        f"this classifier knows {task.labels}, and minimm's own reviews are {' or '.join(MOODS)}; give --data FILE, each line "
        "label, tab, group, tab, text",
    )
    reviews = VisitorReviews().balanced(REVIEWS, seed)
    texts = [GroupedText(one.mood, one.group, one.text) for one in reviews]
    return texts, Swapper("en", [VISITORS]), f"{len(texts)} reviews by northerners and southerners, half of each mood"


def _flips(
    task: TextClassifier,
    texts: Sequence[GroupedText],
    predicted: Sequence[str],
    swap: Callable[[str], str],
    language: str,
    findings: list[str],
    seed: int,
) -> dict:
    """How often the answer changes when a text is told of somebody else; adds a sentence to `findings`."""
    swapped = [swap(one.text) for one in texts]
    rows = [number for number, (one, other) in enumerate(zip(texts, swapped, strict=True)) if one.text != other]
    if len(rows) < 2:
        findings.append(
            f"No text has a word of the list for --language {language} that could be swapped, so nothing is told of "
            "counterfactuals; is it in another language?"
        )
        return {"swapped_texts": len(rows)}
    answers = task.predict([swapped[number] for number in rows])
    changed = np.array([predicted[number] != answer for number, answer in zip(rows, answers, strict=True)], dtype=float)
    share = bootstrap(lambda chosen: float(changed[chosen].mean()), len(changed), signed=False, seed=seed)
    findings.append(
        f"Told of somebody else, {share.value:.1%} of {len(rows)} texts get another answer ({share.low:.1%} to "
        f"{share.high:.1%})."
    )
    return {"swapped_texts": len(rows), "answers_changed": as_dict(share)}
