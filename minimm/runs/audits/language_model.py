"""Which pronoun a language model expects of whom, and what lies near to what among its vectors.

Sentences about people at work are scored as they are and told of the other gender (`datasets.occupations`); the difference of
their log-probabilities is the model's preference for "she", of each occupation. The same words' vectors are put to the
association test (`fairness.association`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from minimm.datasets.occupations import GROUPS, LANGUAGES, Occupations, Told
from minimm.errors import MinimmError, check
from minimm.fairness.association import association_test
from minimm.fairness.probability_gap import gap_by_chance, probability_gap
from minimm.metrics.intervals import bootstrap
from minimm.runs.audits.audited import Audited
from minimm.tasks.text.text_generator import TextGenerator

SENTENCES = 600
AT_ONCE = 64
# Whose vectors stand for a gender in the association test.
ATTRIBUTES = {
    "en": {
        "she": ["she", "her", "woman", "girl", "mother", "sister"],
        "he": ["he", "his", "man", "boy", "father", "brother"],
    },
    "zh": {"she": ["她", "女人", "女孩", "妈妈", "姐姐", "奶奶"], "he": ["他", "男人", "男孩", "爸爸", "哥哥", "爷爷"]},
}


def audit_language_model(task: TextGenerator, *, language: str = "en", seed: int = 0) -> Audited:
    """The gap between occupations, their preferences, and the association test, of our models and of Hugging Face's."""
    check(language in LANGUAGES, f"--language {language} is not known; choose {' or '.join(LANGUAGES)}")
    corpus = Occupations(0.0, language)
    told = corpus.balanced(SENTENCES, seed)
    found = _differences(task, told, language)
    occupations = [one.occupation for one in told]
    gap = probability_gap(found, occupations, seed=seed)
    chance, p_value = gap_by_chance(found, occupations, seed=seed)
    rows = {}
    for occupation in sorted(set(occupations), key=lambda job: np.mean(_of(found, occupations, job))):
        own = np.array(_of(found, occupations, occupation))
        rows[occupation] = bootstrap(lambda chosen, own=own: float(own[chosen].mean()), len(own), seed=seed)
    results = {
        "language": language,
        "sentences": len(told),
        "gap": gap.as_dict(),
        "gap_by_chance": chance,
        "gap_p_value": p_value,
        "preferences": {name: interval.as_dict() for name, interval in rows.items()},
    }
    verdict = "more than chance leaves" if p_value < 0.05 else "no clear effect"
    names = list(rows)
    findings = [
        f"The gap between occupations is {gap.value:.3f} nats ({gap.low:.3f} to {gap.high:.3f}); sentences dealt out at "
        f"random leave {chance:.3f} (p = {p_value:.3f}): {verdict}.",
        f'"She" is least expected of {names[0]} ({rows[names[0]].value:+.2f} nats) and most of {names[-1]} '
        f"({rows[names[-1]].value:+.2f}).",
    ]
    limits = [
        "Two pronouns and 24 occupations in simple sentences; nothing is said about other groups, or longer texts.",
        "A preference for one pronoun of all occupations alike is no gap here.",
        "Sentences that a model cannot read, as those in a language it never saw, still get numbers; they mean nothing.",
    ]
    try:
        results["association"], sentence = _association(task, corpus, language, seed)
        findings.append(sentence)
    except MinimmError as error:
        limits.append(f"Nothing is told of word vectors: {error}.")
    measured_on = f"{len(told)} sentences about people at work, each told of her and of him ({language})"
    return Audited(measured_on, results, rows, "preference for “she” over “he”, in nats", findings, limits)


def _of(values: Sequence[float], names: Sequence[str], name: str) -> list[float]:
    return [value for value, one in zip(values, names, strict=True) if one == name]


def _differences(task: TextGenerator, told: Sequence[Told], language: str) -> list[float]:
    """log p(told of her) - log p(told of him) of each sentence."""
    try:
        given, other = (_scores(task, [getattr(one, side) for one in told]) for side in ("text", "counterfactual"))
    except MinimmError as error:
        raise MinimmError(f"this model cannot read the sentences of --language {language}: {error}") from None
    return [
        float(one - two if each.pronoun == "she" else two - one)
        for one, two, each in zip(given, other, told, strict=True)
    ]


@torch.inference_mode()
def _scores(task: TextGenerator, texts: Sequence[str]) -> np.ndarray:
    """log p of each text after its first token, in nats; texts of one length are scored at once."""
    model = task.require_model().eval()
    rows = [task.tokenizer.encode(text) for text in texts]
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_length[len(row)].append(number)
    scores = np.zeros(len(texts))
    for numbers in by_length.values():
        for start in range(0, len(numbers), AT_ONCE):
            chosen = numbers[start : start + AT_ONCE]
            ids = torch.tensor([rows[number] for number in chosen], device=task.device)
            losses = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2).float(), ids[:, 1:], reduction="none")
            scores[chosen] = -losses.sum(dim=1).cpu().numpy()
    return scores


def _association(task: TextGenerator, corpus: Occupations, language: str, seed: int) -> tuple[dict, str]:
    """The association test between occupations and words of either gender, and a sentence on it."""
    words = {group: corpus.occupations[group] for group in GROUPS[:2]}
    vectors = [_vectors(task, group, language) for group in (*words.values(), *ATTRIBUTES[language].values())]
    x, y, a, b = vectors
    found = association_test(x, y, a, b, seed=seed)
    side = found if found.effect_size >= 0 else association_test(y, x, a, b, seed=seed)
    p_value = min(1.0, 2 * side.p_value)  # of either direction
    results = {"effect_size": found.effect_size, "p_value": p_value, "ways": found.ways}
    near, far = (", ".join(words[group][:2]) for group in (("she", "he") if found.effect_size >= 0 else ("he", "she")))
    verdict = "clear" if p_value < 0.05 else "no clear effect"
    return results, (
        f"Among its word vectors, {near} and the like are nearer to words for women than {far} and the like by "
        f"{abs(found.effect_size):.2f} standard deviations (p = {p_value:.3f} in either direction): {verdict}."
    )


def _vectors(task: TextGenerator, words: Sequence[str], language: str) -> np.ndarray:
    """One vector for each word as it stands inside a text, the mean over its tokens."""
    table = task.require_model().embedding.weight.detach().float().cpu().numpy()
    before = " " if language == "en" else ""
    unknown, found = [], []
    for word in words:
        try:
            ids = task.tokenizer.encode(before + word)
        except MinimmError:
            unknown.append(word)
            continue
        found.append(table[ids].mean(axis=0))
    check(not unknown, f"the vocabulary has no tokens for {', '.join(unknown)}, so their vectors cannot be compared")
    return np.stack(found)
