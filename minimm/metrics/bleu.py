"""BLEU: which share of the model's n-grams do the references contain?

    p_n  = sum over segments of min(count in hypothesis, max count in one reference) / sum of counts in hypothesis
    BP   = 1 if c >= r else exp(1 - r / c)            c: words of all hypotheses, r: of the references closest in length
    BLEU = 100 BP (p_1 p_2 ... p_N)^(1/N)

Source: Papineni, Roukos, Ward and Zhu, 2002, "BLEU: a method for automatic evaluation of machine translation",
sections 2.1 to 2.3. Differs from the paper, and is equal to what WMT reports (mteval-v13a, sacrebleu's default):
an order without any match counts as 1/2, 1/4, 1/8, ... of a match instead of making the whole score 0
(Chen and Cherry, 2014, smoothing 3), and a tie in length goes to the shorter reference.

Smoothing of an order n without a match: "exp" as above; "floor" 0.1 of a match; "add-k" adds 1 to matches and totals of
all orders above the first; "none" leaves the score 0.
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
SMOOTHINGS = ("exp", "floor", "add-k", "none")
FLOOR = 0.1  # of a match
_CHINESE = re.compile(
    "([\u2e80-\u2fdf\u2ff0-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u4dff\u4e00-\u9fff\uf900-\ufaff"
    "\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0002a6d6\U0002f800-\U0002fa1d])"
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


def tokenize_zh(text: str) -> list[str]:
    """Every Chinese character and mark is a word; what stands between is cut by the 13a rules for marks.

    >>> tokenize_zh("狐狸吃3.5 mice。")
    ['狐', '狸', '吃', '3.5', 'mice', '。']
    """
    text = " " + _CHINESE.sub(r" \1 ", text.strip()) + " "
    for pattern, spaced in RULES:
        text = pattern.sub(spaced, text)
    return text.split()


TOKENIZERS = {"13a": tokenize_13a, "zh": tokenize_zh}


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    max_order: int = 4,
    *,
    smoothing: str = "exp",
    tokenize: str = "13a",
) -> float:
    """BLEU of a whole corpus, from 0 to 100. `references[i]` lists the texts that `hypotheses[i]` may match.

    The counts are summed over the corpus before they are divided: this is not the mean of sentence scores. A corpus
    in which no hypothesis has `max_order` words scores 0 (choose a smaller `max_order` for one-word captions).

    Args:
        smoothing: what an order without a match counts: "exp", "floor", "add-k" or "none" (see above).
        tokenize: how texts are cut into words: "13a", or "zh" for Chinese, whose characters are the words.

    Raises `MinimmError` for empty or unequal lists, unknown names and `max_order` below 1.

    >>> round(bleu(["the cat sat on the mat"], [["the cat is on the mat", "a cat sat on the mat"]]), 2)
    84.09
    """
    counts = _count(hypotheses, references, max_order, tokenize)
    return _score(*counts, smoothing=smoothing, orders=max_order)


def sentence_bleu(
    hypothesis: str,
    references: Sequence[str],
    max_order: int = 4,
    *,
    smoothing: str = "exp",
    tokenize: str = "13a",
) -> float:
    """BLEU of one sentence, from 0 to 100. Orders longer than the hypothesis do not count (effective order).

    One sentence has few long n-grams, so this is a rough measure; for a model use `bleu`. Arguments as there.

    >>> round(sentence_bleu("the cat", ["the cat"]), 2)
    100.0
    """
    matches, totals, *lengths = _count([hypothesis], [references], max_order, tokenize)
    orders = sum(total > 0 for total in totals)
    return _score(matches, totals, *lengths, smoothing=smoothing, orders=orders)


def _count(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], max_order: int, tokenize: str
) -> tuple[list[int], list[int], int, int]:
    """Matches and totals by order, words of the hypotheses and of the closest references, over the corpus."""
    check(max_order >= 1, f"bleu got max_order={max_order}; give 1 or more (4 is the custom)")
    check(tokenize in TOKENIZERS, f"tokenize={tokenize!r} is not known; choose from {sorted(TOKENIZERS)}")
    check_segments(hypotheses, references)
    cut = TOKENIZERS[tokenize]
    matches, totals = [0] * max_order, [0] * max_order
    hypothesis_words = reference_words = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        words, alternatives = cut(hypothesis), [cut(text) for text in texts]
        hypothesis_words += len(words)
        reference_words += min(map(len, alternatives), key=lambda length: (abs(length - len(words)), length))
        for n in range(max_order):
            counts, allowed = count_ngrams(words, n + 1), Counter()
            for alternative in alternatives:
                allowed |= count_ngrams(alternative, n + 1)  # the larger count of each n-gram
            matches[n] += (counts & allowed).total()  # the smaller count: repeating a good word earns nothing
            totals[n] += counts.total()
    return matches, totals, hypothesis_words, reference_words


def _score(
    matches: list[int], totals: list[int], hypothesis_words: int, reference_words: int, *, smoothing: str, orders: int
) -> float:
    """The brevity penalty times the geometric mean of the first `orders` precisions."""
    check(smoothing in SMOOTHINGS, f"smoothing={smoothing!r} is not known; choose from {SMOOTHINGS}")
    if not any(matches) or not all(totals[:orders]):
        return 0.0
    log_precisions, credit = [], 1.0
    for n in range(orders):
        matched, total = float(matches[n]), totals[n]
        if smoothing == "add-k" and n > 0:
            matched, total = matched + 1, total + 1
        elif matched == 0 and smoothing == "exp":
            credit /= 2
            matched = credit
        elif matched == 0 and smoothing == "floor":
            matched = FLOOR
        if matched == 0:
            return 0.0
        log_precisions.append(math.log(matched / total))
    brevity_penalty = min(1.0, math.exp(1 - reference_words / hypothesis_words))
    return 100 * brevity_penalty * math.exp(sum(log_precisions) / orders)
