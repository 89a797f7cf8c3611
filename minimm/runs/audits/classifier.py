"""How often a classifier of texts is right in each group, and what it answers when a text is told of somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minimm.datasets.grouped_texts import GroupedText, read_grouped
from minimm.datasets.reviews import MOODS
from minimm.datasets.visitor_reviews import GROUPS as VISITORS
from minimm.datasets.visitor_reviews import VisitorReviews
from minimm.errors import check
from minimm.fairness.groups import demographic_parity_difference, equalized_odds_difference
from minimm.fairness.swapping import Swapper
from minimm.metrics.intervals import Interval, bootstrap, share_interval
from minimm.runs.audits.audited import Audited, accuracy_rows, worst_and_best
from minimm.tasks.text.text_classifier import TextClassifier

REVIEWS = 800
ROUNDS = 300  # of resampling


def audit_classifier(task: TextClassifier, data: Path | None = None, *, language: str = "en", seed: int = 0) -> Audited:
    """On a file of labelled texts with groups; without one, on reviews by northerners and southerners.

    language: of the words that are swapped, where a text says who it is about.
    """
    texts, swap, measured_on = _opened(task, data, language, seed)
    labels, groups = [one.label for one in texts], [one.group for one in texts]
    predicted = task.predict([one.text for one in texts])
    right = [one == two for one, two in zip(labels, predicted, strict=True)]
    rows = accuracy_rows(right, groups)
    sentence, p_value = worst_and_best("Accuracy", right, groups, seed)
    positive = task.labels[-1]
    answers, truth, kinds = (np.array(column, dtype=object) for column in (predicted, labels, groups))
    parity = bootstrap(
        lambda chosen: demographic_parity_difference(answers[chosen], kinds[chosen], positive),
        len(texts),
        rounds=ROUNDS,
        signed=False,
        strata=groups,
        seed=seed,
    )
    results = {
        "texts": len(texts),
        "accuracy": {name: row.as_dict() for name, row in rows.items()},
        "accuracy_p_value": p_value,
        "worst_accuracy": min(row.value for row in rows.values()),
        "positive": positive,
        "demographic_parity_difference": parity.as_dict(),
    }
    findings = [sentence, f"Groups differ by {_said(parity)} in how often {positive!r} is answered (0 is not at all)."]
    limits = ["A group with few texts has a wide interval.", "Only the groups given are compared."]
    kinds_of = {group: {one.label == positive for one in texts if one.group == group} for group in sorted(set(groups))}
    one_sided = [group for group, found in kinds_of.items() if len(found) == 1]
    if one_sided:
        limits.append(
            f"Nothing is told of equalised odds, for the texts of {', '.join(one_sided)} are all {positive!r}, or none "
            "is."
        )
    else:
        odds = bootstrap(
            lambda chosen: equalized_odds_difference(truth[chosen], answers[chosen], kinds[chosen], positive),
            len(texts),
            rounds=ROUNDS,
            signed=False,
            strata=list(zip(groups, [label == positive for label in labels], strict=True)),
            seed=seed,
        )
        results["equalized_odds_difference"] = odds.as_dict()
        findings.append(f"Equalised odds are off by {_said(odds)} (0 is not at all).")
    results |= _flips(task, texts, predicted, swap, language, findings)
    return Audited(measured_on, results, rows, "share of texts that are sorted rightly", findings, limits)


def _said(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _opened(
    task: TextClassifier, data: Path | None, language: str, seed: int
) -> tuple[list[GroupedText], Swapper, str]:
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
    swap: Swapper,
    language: str,
    findings: list[str],
) -> dict:
    """How often the answer changes when a text is told of somebody else; adds a sentence to `findings`."""
    rows = [number for number, one in enumerate(texts) if swap.mentions(one.text)]
    if not rows:
        findings.append(
            f"No text has a word of the list for --language {language} that could be swapped, so nothing is told of "
            "counterfactuals; is it in another language?"
        )
        return {"swapped_texts": len(rows)}
    answers = task.predict([swap(texts[number].text) for number in rows])
    share = share_interval([predicted[number] != answer for number, answer in zip(rows, answers, strict=True)])
    findings.append(
        f"Told of somebody else, {share.value:.1%} of {len(rows)} texts get another answer ({share.low:.1%} to "
        f"{share.high:.1%})."
    )
    return {"swapped_texts": len(rows), "answers_changed": share.as_dict()}
