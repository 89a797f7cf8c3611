"""Laws of BLEU: which share of the n-grams that a model wrote stands in the references.

Where the paper and today's tools differ (an order without any match: zero, or smoothed), nothing is asked.
"""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import strategies as st

from minimm.specs.draw import Draw
from minimm.specs.expect import close, holds
from minimm.specs.law import Spec, law
from minimm.specs.returns import Number

WORDS = ("the", "cat", "sat", "on", "mat", "a", "dog")
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9)
Corpus = tuple[list[str], list[list[str]]]


@st.composite
def corpora(draw: Draw, most: int = 3) -> Corpus:
    """Hypotheses and their references, alike enough that n-grams match: words are dropped, doubled and exchanged."""
    hypotheses, references = [], []
    for _ in range(draw(st.integers(1, most))):
        hypothesis = draw(sentences)
        own = []
        for _ in range(draw(st.integers(1, 3))):
            cut, more = draw(st.integers(0, len(hypothesis) - 1)), draw(st.lists(st.sampled_from(WORDS), max_size=4))
            own.append(
                " ".join(
                    draw(
                        st.sampled_from([hypothesis + more, hypothesis[cut:] + more, more + hypothesis[:cut] + ["the"]])
                    )
                )
            )
        hypotheses.append(" ".join(hypothesis))
        references.append(own)
    return hypotheses, references


def _ngrams(text: str, n: int) -> Counter:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def counts(corpus: Corpus, n: int) -> tuple[int, int]:
    """(matches, n-grams of the hypotheses) of order n over the whole corpus, each match counted as often as one
    reference has it."""
    matches = total = 0
    for hypothesis, references in zip(*corpus, strict=True):
        own = _ngrams(hypothesis, n)
        total += sum(own.values())
        matches += sum(min(count, max(_ngrams(text, n)[gram] for text in references)) for gram, count in own.items())
    return matches, total


def naive_bleu(hypotheses: list[str], references: list[list[str]], max_order: int = 4) -> float:
    """Papineni et al. 2002; 0 when an order has no match."""
    precisions = [counts((hypotheses, references), n) for n in range(1, max_order + 1)]
    if not all(matches for matches, _ in precisions):
        return 0.0
    written = sum(len(text.split()) for text in hypotheses)
    wanted = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        length = len(hypothesis.split())
        wanted += min((len(text.split()) for text in texts), key=lambda other: (abs(other - length), other))
    brevity = 1.0 if written >= wanted else math.exp(1 - wanted / written)
    return 100 * brevity * math.exp(sum(math.log(matches / total) for matches, total in precisions) / max_order)


def every_order_matches(corpus: Corpus, max_order: int) -> bool:
    """Whether the paper's definition needs no smoothing."""
    return all(counts(corpus, n)[0] for n in range(1, max_order + 1))


def asked(corpus: Corpus) -> int:
    """The largest order up to 4 that has a match; at least 1."""
    return next((n for n in (4, 3, 2) if every_order_matches(corpus, n)), 1)


class BLEU(Spec):
    """100 BP (p_1 ... p_N)^(1/N), clipped precisions of the whole corpus and a brevity penalty."""

    signature = "bleu(hypotheses, references, max_order=4)"
    shapes = "a list of texts, for each a list of reference texts (words between spaces) -> one float from 0 to 100"
    lesson = "lesson 08, evaluating text"
    example = (["the cat sat on the mat"], [["the cat is on the mat", "a cat sat on the mat"]])
    reference = staticmethod(naive_bleu)

    @staticmethod
    def returns(hypotheses, references, max_order=4):
        return Number()

    @law(
        "a text that equals its reference scores 100",
        st.lists(st.lists(st.sampled_from(WORDS), min_size=4, max_size=8).map(" ".join), min_size=1, max_size=3),
        hint="Every n-gram matches and no length is missing. The scale is 0 to 100.",
    )
    def perfect(bleu, hypotheses):
        close(
            bleu(hypotheses, [[text] for text in hypotheses]), 100.0, "the score of texts that equal their references"
        )

    @law(
        "a text without a word of its references scores 0",
        st.integers(4, 8),
        hint="No n-gram matches; do not take the logarithm of zero.",
    )
    def nothing_matches(bleu, length):
        close(bleu(["x y z " * length], [["the cat sat on the mat"]]), 0.0, "the score of a text of other words")

    @law("the score lies between 0 and 100", corpora(), hint="Precisions and the brevity penalty are at most 1.")
    def bounded(bleu, corpus):
        score = bleu(*corpus, max_order=asked(corpus))
        holds(-1e-9 <= score <= 100 + 1e-9, "the score", score, "from 0 to 100")

    @law(
        "repeating a good word earns nothing: a match counts as often as the reference has it",
        st.integers(2, 7),
        hint="Clip each n-gram's count at its largest count in one single reference.",
    )
    def clipped(bleu, times):
        got = bleu([" ".join(["the"] * times)], [["the cat", "the mat the"]], max_order=1)
        close(got, 100 * min(times, 2) / times, f"the score of 'the' written {times} times, with max_order 1")

    @law(
        "a text that says only the beginning is punished for its brevity",
        st.integers(1, 5),
        hint="BP = exp(1 - r / c) for c < r: c words written, r words of the reference closest in length.",
    )
    def brevity(bleu, length):
        words = ["the", "cat", "sat", "on", "a", "mat"]
        got = bleu([" ".join(words[:length])], [[" ".join(words)]], max_order=1)
        close(got, 100 * math.exp(1 - 6 / length), f"the score of the first {length} of 6 words, with max_order 1")

    @law(
        "being longer than the reference is not punished twice",
        st.integers(1, 4),
        hint="The brevity penalty is 1 when enough was written; the precision has already fallen.",
    )
    def not_brief(bleu, more):
        got = bleu(["the cat sat" + " dog" * more], [["the cat sat"]], max_order=1)
        close(got, 100 * 3 / (3 + more), f"the score of all 3 words and {more} more, with max_order 1")

    @law(
        "the closest reference in length decides the penalty, the shorter of two equally close",
        st.sampled_from([(5, (3, 9)), (4, (3, 5)), (4, (5, 3)), (5, (6, 9)), (6, (2, 7, 9)), (6, (8, 7, 5))]),
        hint="r is one reference's length for each text: neither the shortest, the longest nor the mean.",
    )
    def closest_reference(bleu, lengths):
        written, wanted = lengths
        corpus = ([" ".join(["a"] * written)], [[" ".join(["a"] * length) for length in wanted]])
        close(
            bleu(*corpus, max_order=1),
            naive_bleu(*corpus, max_order=1),
            f"the score of {written} words beside {wanted}",
        )

    @law(
        "the counts of the corpus are added up before they are divided",
        corpora(most=3),
        hint="One precision for the whole corpus, not the mean of the texts' scores.",
    )
    def corpus_level(bleu, corpus):
        hypotheses, references = corpus[0] + ["the cat sat on the mat a dog"], corpus[1] + [["the cat sat on a mat"]]
        order = asked((hypotheses, references))
        wanted = naive_bleu(hypotheses, references, order)
        close(bleu(hypotheses, references, max_order=order), wanted, f"the score with max_order {order}")

    @law(
        "the order of the texts and of their references does not matter",
        corpora(),
        hint="Each text is compared with its own references; everything else is sums.",
    )
    def any_order(bleu, corpus):
        hypotheses, references = corpus
        order = asked(corpus)
        got = bleu(hypotheses[::-1], [texts[::-1] for texts in references[::-1]], max_order=order)
        close(got, bleu(hypotheses, references, max_order=order), f"the score in reverse order, with max_order {order}")

    @law(
        "it equals the definition worked out n-gram by n-gram",
        corpora(),
        hint="Count matches and totals of each order for the printed texts; then the geometric mean; then the penalty.",
    )
    def agrees(bleu, corpus):
        order = asked(corpus)
        if every_order_matches(corpus, order):
            got = bleu(*corpus) if order == 4 else bleu(*corpus, max_order=order)
            close(got, naive_bleu(*corpus, order), f"the score with max_order {order}")
