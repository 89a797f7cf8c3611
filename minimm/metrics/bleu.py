"""BLEU: which share of the model's n-grams do the references contain?

    p_n  = sum over segments of min(count in hypothesis, max count in one reference) / sum of counts in hypothesis
    BP   = 1 if c >= r else exp(1 - r / c)            c: words of all hypotheses, r: of the references closest in length
    BLEU = 100 BP (p_1 p_2 ... p_N)^(1/N)

Source: Papineni, Roukos, Ward and Zhu, 2002, "BLEU: a method for automatic evaluation of machine translation",
sections 2.1 to 2.3. Differs from the paper, and is equal to what WMT reports (mteval-v13a, sacrebleu's default):
an order without any match counts as 1/2, 1/4, 1/8, ... of a match instead of making the whole score 0
(Chen and Cherry, 2014, smoothing 3), and a tie in length goes to the shorter reference.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from minimm.errors import check
from minimm.metrics.segments import check_segments, count_ngrams

# The 13a rules, in order: each puts spaces around what should stand alone.
RULES = (
    (re.compile(r"([!-&(-+:-@/\[-`{-~])"), r" \1 "),  # ASCII punctuation, but not ' , - .
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),  # . and , stay inside numbers only:
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),  # 3.5 is one word, 'end.' is two
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),  # 1990-95 is three, but 'well-known' is one
)
ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def tokenize_13a(text: str) -> list[str]:
    """Split text into words and punctuation by the rules of mteval-v13a; case is kept.

    >>> tokenize_13a("It's 3.5 cm, isn't it?")
    ["It's", '3.5', 'cm', ',', "isn't", 'it', '?']
    """
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")  # '-\n': a hyphenated line end
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    text = f" {text} "  # so that the rules that look at a neighbour also hold at both ends
    for pattern, spaced in RULES:
        text = pattern.sub(spaced, text)
    return text.split()


def bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]], max_order: int = 4) -> float:
    """BLEU of a whole corpus, from 0 to 100. `references[i]` lists the texts that `hypotheses[i]` may match.

    The counts are summed over the corpus before they are divided: this is not the mean of sentence scores. A corpus
    in which no hypothesis has `max_order` words scores 0 (choose a smaller `max_order` for one-word captions).
    Raises `MinimmError` for empty or unequal lists and for `max_order` below 1.

    >>> round(bleu(["the cat sat on the mat"], [["the cat is on the mat", "a cat sat on the mat"]]), 2)
    84.09
    """
    check(max_order >= 1, f"bleu got max_order={max_order}; give 1 or more (4 is the custom)")
    check_segments(hypotheses, references)
    matches, totals = [0] * max_order, [0] * max_order
    hypothesis_words = reference_words = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        words, alternatives = tokenize_13a(hypothesis), [tokenize_13a(text) for text in texts]
        hypothesis_words += len(words)
        reference_words += min(map(len, alternatives), key=lambda length: (abs(length - len(words)), length))
        for n in range(max_order):
            counts, allowed = count_ngrams(words, n + 1), Counter()
            for alternative in alternatives:
                allowed |= count_ngrams(alternative, n + 1)  # the larger count of each n-gram
            matches[n] += (counts & allowed).total()  # the smaller count: repeating a good word earns nothing
            totals[n] += counts.total()
    if not any(matches) or not all(totals):
        return 0.0
    brevity_penalty = min(1.0, math.exp(1 - reference_words / hypothesis_words))
    return 100 * brevity_penalty * _geometric_mean_of_precisions(matches, totals)


def _geometric_mean_of_precisions(matches: list[int], totals: list[int]) -> float:
    log_precisions, credit = [], 1.0
    for matched, total in zip(matches, totals, strict=True):
        if matched == 0:
            credit /= 2
        log_precisions.append(math.log((matched or credit) / total))
    return math.exp(sum(log_precisions) / len(log_precisions))
