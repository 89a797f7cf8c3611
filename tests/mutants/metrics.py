"""Planted: perplexity and its gradient, bleu, recall_at_k, edit_distance.

What goes wrong: sums for means and means of the wrong thing, the base of a logarithm, clipping and brevity in BLEU, ties
and the axis in retrieval, the border of the table and the price of a substitution in the edit distance.
"""

from __future__ import annotations

import bisect
import heapq
import math
from collections import Counter
from fractions import Fraction
from functools import cache, reduce
from operator import add, or_

import numpy as np

from mutants.catalogue import right, wrong

# perplexity


@wrong("perplexity", "2 to the power of nats")
def perplexity_base_2(token_log_probabilities):
    return float(2 ** -np.mean(token_log_probabilities))


@wrong("perplexity", "sum instead of mean")
def perplexity_sum(token_log_probabilities):
    return float(np.exp(-np.sum(token_log_probabilities)))


@wrong("perplexity", "mean of the inverse probabilities")
def perplexity_mean_of_inverses(token_log_probabilities):
    return float(np.mean(np.exp(-token_log_probabilities)))


@wrong("perplexity", "the mean surprise, without exp")
def perplexity_no_exp(token_log_probabilities):
    return float(-np.mean(token_log_probabilities))


@wrong("perplexity", "divided by the number of rows")
def perplexity_rows(token_log_probabilities):
    return float(np.exp(-np.sum(token_log_probabilities) / len(token_log_probabilities)))


@wrong("perplexity", "impossible tokens left out")
def perplexity_finite(token_log_probabilities):
    return float(np.exp(-np.mean(token_log_probabilities[np.isfinite(token_log_probabilities)])))


@wrong("perplexity", "zeros taken for padding")
def perplexity_padding(token_log_probabilities):
    counted = token_log_probabilities[token_log_probabilities != 0]
    return float(np.exp(-counted.mean())) if counted.size else 1.0


@wrong("perplexity", "signs changed in the caller's array")
def perplexity_in_place(token_log_probabilities):
    token_log_probabilities *= -1
    return float(np.exp(np.mean(token_log_probabilities)))


@right("perplexity", "product of the N-th roots of the inverse probabilities")
def perplexity_roots(token_log_probabilities):
    x = np.asarray(token_log_probabilities, dtype=np.float64).ravel()
    return float(np.prod(np.exp(-x / x.size)))


@right("perplexity", "2 to the power of bits")
def perplexity_bits(token_log_probabilities):
    return float(np.exp2(-np.mean(token_log_probabilities, dtype=np.float64) / math.log(2)))


# perplexity_backward


def _perplexity(x):
    return float(np.exp(-np.mean(x)))


@wrong("perplexity_backward", "the sign forgotten")
def perplexity_backward_sign(grad_output, token_log_probabilities):
    x = token_log_probabilities
    return np.full(x.shape, grad_output * _perplexity(x) / x.size)


@wrong("perplexity_backward", "not divided by the number of tokens")
def perplexity_backward_no_mean(grad_output, token_log_probabilities):
    return np.full(token_log_probabilities.shape, -grad_output * _perplexity(token_log_probabilities))


@wrong("perplexity_backward", "the exponential does not come back")
def perplexity_backward_no_exp(grad_output, token_log_probabilities):
    return np.full(token_log_probabilities.shape, -grad_output / token_log_probabilities.size)


@wrong("perplexity_backward", "each token's own exponential")
def perplexity_backward_own_exp(grad_output, token_log_probabilities):
    return -grad_output * np.exp(-token_log_probabilities) / token_log_probabilities.size


@right("perplexity_backward", "step by step, back through exp and the mean")
def perplexity_backward_steps(grad_output, token_log_probabilities):
    weights = np.ones_like(token_log_probabilities) / token_log_probabilities.size
    grad_mean = -(grad_output * np.exp(-np.vdot(weights, token_log_probabilities)))
    return (grad_mean * weights).astype(token_log_probabilities.dtype)


# bleu


def _grams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _clip(own, others):
    """Each n-gram counts as often as the one reference that has it most often."""
    return sum((own & reduce(or_, others)).values())


def _closest(length, lengths):
    return min(lengths, key=lambda other: (abs(other - length), other))


def _penalty(written, wanted):
    return 1.0 if written >= wanted else math.exp(1 - wanted / written)


def _mean(precisions):
    """The geometric mean; 0 if one of them is."""
    return math.exp(sum(map(math.log, precisions)) / len(precisions)) if all(precisions) else 0.0


def _bleu(hypotheses, references, max_order, grams=_grams, clip=_clip, wanted=_closest, penalty=_penalty, mean=_mean):
    """BLEU with one part exchanged."""
    matches, totals, lengths = [0] * max_order, [0] * max_order, [0, 0]
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        words, others = hypothesis.split(" "), [text.split(" ") for text in texts]
        lengths[0] += len(words)
        lengths[1] += wanted(len(words), [len(other) for other in others])
        for n in range(1, max_order + 1):
            own = grams(words, n)
            matches[n - 1] += clip(own, [grams(other, n) for other in others])
            totals[n - 1] += sum(own.values())
    return 100 * penalty(*lengths) * mean([m / max(1, t) for m, t in zip(matches, totals, strict=True)])


@wrong("bleu", "no brevity penalty")
def bleu_no_penalty(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, penalty=lambda written, wanted: 1.0)


@wrong("bleu", "length punished, not brevity")
def bleu_length_punished(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, penalty=lambda written, wanted: _penalty(wanted, written))


@wrong("bleu", "longer than the reference is rewarded")
def bleu_no_limit(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, penalty=lambda written, wanted: math.exp(1 - wanted / written))


@wrong("bleu", "the shortest reference decides")
def bleu_shortest(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, wanted=lambda length, lengths: min(lengths))


@wrong("bleu", "the longest reference decides")
def bleu_longest(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, wanted=lambda length, lengths: max(lengths))


@wrong("bleu", "of two equally close lengths the longer")
def bleu_longer_of_two(hypotheses, references, max_order=4):
    def wanted(length, lengths):
        return min(lengths, key=lambda other: (abs(other - length), -other))

    return _bleu(hypotheses, references, max_order, wanted=wanted)


@wrong("bleu", "of two equally close lengths the one named first")
def bleu_first_of_two(hypotheses, references, max_order=4):
    def wanted(length, lengths):
        return min(lengths, key=lambda other: abs(other - length))

    return _bleu(hypotheses, references, max_order, wanted=wanted)


@wrong("bleu", "not clipped")
def bleu_not_clipped(hypotheses, references, max_order=4):
    def clip(own, others):
        return sum(count for gram, count in own.items() if any(gram in other for other in others))

    return _bleu(hypotheses, references, max_order, clip=clip)


@wrong("bleu", "clipped at the sum of all references")
def bleu_clipped_at_sum(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, clip=lambda own, others: (own & reduce(add, others)).total())


@wrong("bleu", "clipped at one single reference, the best for all n-grams together")
def bleu_one_reference(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, clip=lambda own, others: max((own & o).total() for o in others))


@wrong("bleu", "the first reference alone")
def bleu_first_reference(hypotheses, references, max_order=4):
    return _bleu(hypotheses, [texts[:1] for texts in references], max_order)


@wrong("bleu", "mean of the scores of the texts")
def bleu_mean_of_texts(hypotheses, references, max_order=4):
    scores = [_bleu([h], [texts], max_order) for h, texts in zip(hypotheses, references, strict=True)]
    return sum(scores) / len(scores)


@wrong("bleu", "arithmetic mean of the precisions")
def bleu_arithmetic(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, mean=lambda precisions: sum(precisions) / len(precisions))


@wrong("bleu", "a quarter of each logarithm, however many there are")
def bleu_quarters(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, mean=lambda precisions: math.prod(p**0.25 for p in precisions))


@wrong("bleu", "logarithms to base 2, then exp")
def bleu_base_2(hypotheses, references, max_order=4):
    def mean(precisions):
        return math.exp(sum(map(math.log2, precisions)) / len(precisions)) if all(precisions) else 0.0

    return _bleu(hypotheses, references, max_order, mean=mean)


@wrong("bleu", "the logarithm of zero")
def bleu_log_of_zero(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order, mean=lambda p: math.exp(sum(map(math.log, p)) / len(p)))


@wrong("bleu", "max_order ignored")
def bleu_always_4(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, 4)


@wrong("bleu", "from 0 to 1")
def bleu_from_0_to_1(hypotheses, references, max_order=4):
    return _bleu(hypotheses, references, max_order) / 100


@right("bleu", "used n-grams crossed out of a list; roots of fractions")
def bleu_crossed_out(hypotheses, references, max_order=4):
    precisions, c, r = [], 0, 0
    for n in range(1, max_order + 1):
        matches = total = 0
        for words, texts in zip(map(str.split, hypotheses), references, strict=True):
            left = [list(zip(*(text.split()[i:] for i in range(n)), strict=False)) for text in texts]
            for gram in zip(*(words[i:] for i in range(n)), strict=False):
                total += 1
                holders = [grams for grams in left if gram in grams]
                matches += bool(holders)
                for grams in holders:
                    grams.remove(gram)
        precisions.append(float(Fraction(matches, total or 1)) ** (1 / max_order))
    for words, texts in zip(map(str.split, hypotheses), references, strict=True):
        lengths = sorted(len(text.split()) for text in texts)
        c, r = c + len(words), r + min(lengths, key=lambda length: abs(length - len(words)))
    return 100 * math.prod(precisions) * min(1.0, math.exp(1 - r / c))


@right("bleu", "orders without a match smoothed where others match")
def bleu_smoothed(hypotheses, references, max_order=4):
    def mean(precisions):
        return _mean([p or 1e-3 for p in precisions]) if any(precisions) else 0.0

    return _bleu(hypotheses, references, max_order, mean=mean)


# recall_at_k


def _own(similarity):
    """The similarity of each query to its right item: (N, 1)"""
    return np.diagonal(similarity)[:, None]


def _places(similarity):
    """The place of each right item, from 1, behind those that tie with it: (N,)"""
    return (similarity >= _own(similarity)).sum(axis=1)


@wrong("recall_at_k", "ties count for")
def recall_ties_for(similarity, k):
    return float(((similarity > _own(similarity)).sum(axis=1) < k).mean())


@wrong("recall_at_k", "ties to the smaller index")
def recall_ties_by_index(similarity, k):
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return float(np.mean([i in row for i, row in enumerate(best)]))


@wrong("recall_at_k", "k ignored")
def recall_at_1(similarity, k):
    return float((_places(similarity) <= 1).mean())


@wrong("recall_at_k", "columns instead of rows")
def recall_columns(similarity, k):
    square = similarity[:, : len(similarity)]
    return float((_places(square.T) <= k).mean())


@wrong("recall_at_k", "the k least similar")
def recall_least(similarity, k):
    return float((_places(-similarity) <= k).mean())


@wrong("recall_at_k", "k larger than the number of items raises")
def recall_k_too_large(similarity, k):
    rivals = np.where(np.eye(*similarity.shape, dtype=bool), -np.inf, similarity)
    return float((np.sort(rivals, axis=1)[:, -k] < _own(similarity)[:, 0]).mean())


@wrong("recall_at_k", "as many items as queries, or it raises")
def recall_square(similarity, k):
    rivals = (similarity >= _own(similarity)) & ~np.eye(len(similarity), dtype=bool)
    return float((rivals.sum(axis=1) < k).mean())


@wrong("recall_at_k", "items without a query left out")
def recall_cropped(similarity, k):
    return float((_places(similarity[:, : len(similarity)]) <= k).mean())


@wrong("recall_at_k", "softmax over the queries first")
def recall_softmax(similarity, k):
    return float((_places(similarity - np.log(np.exp(similarity).sum(axis=0))) <= k).mean())


@wrong("recall_at_k", "right items struck out in the caller's array")
def recall_in_place(similarity, k):
    own = _own(similarity).copy()
    np.fill_diagonal(similarity, -np.inf)
    return float(((similarity >= own).sum(axis=1) < k).mean())


@right("recall_at_k", "sorted rows and bisection")
def recall_bisect(similarity, k):
    m = similarity.shape[1]
    places = [m - bisect.bisect_left(sorted(row), row[i]) for i, row in enumerate(similarity.tolist())]
    return sum(place <= k for place in places) / len(places)


@right("recall_at_k", "each row sorted with the right item behind its equals")
def recall_sorted(similarity, k):
    found = 0
    for i, row in enumerate(similarity):
        order = sorted(range(len(row)), key=lambda j: (-row[j], j == i))
        found += i in order[:k]
    return found / len(similarity)


@right("recall_at_k", "beats the k-th best rival, if there are that many")
def recall_kth_rival(similarity, k):
    rows = similarity.tolist()
    rivals = [heapq.nlargest(k, row[:i] + row[i + 1 :]) for i, row in enumerate(rows)]
    return sum(
        len(best) < k or row[i] > best[-1] for i, (row, best) in enumerate(zip(rows, rivals, strict=True))
    ) / len(rows)


# edit_distance


def _table(a, b, substitution=1, insertion=1, deletion=1, same=lambda x, y: x == y):
    """The distances of all beginnings."""
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    table[:, 0] = np.arange(len(a) + 1) * deletion
    table[0] = np.arange(len(b) + 1) * insertion
    for i, x in enumerate(a, start=1):
        for j, y in enumerate(b, start=1):
            corner = table[i - 1, j - 1] + (0 if same(x, y) else substitution)
            table[i, j] = min(corner, table[i - 1, j] + deletion, table[i, j - 1] + insertion)
    return table


def _distance(a, b, **prices):
    return int(_table(a, b, **prices)[-1, -1])


@wrong("edit_distance", "a substitution costs 2")
def edit_substitution_2(a, b):
    return _distance(a, b, substitution=2)


@wrong("edit_distance", "equal means the same object")
def edit_is(a, b):
    return _distance(a, b, same=lambda x, y: x is y)


@wrong("edit_distance", "neighbours that change places cost 1")
def edit_transposition(a, b):
    @cache
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        best = min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]))
        if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
            best = min(best, distance(i - 2, j - 2) + 1)
        return best

    return distance(len(a), len(b))


@wrong("edit_distance", "place by place, and the difference in length")
def edit_hamming(a, b):
    return sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))


@wrong("edit_distance", "equal beginnings and ends cut off, the rest counted")
def edit_middle(a, b):
    while len(a) and len(b) and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while len(a) and len(b) and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return max(len(a), len(b))


@wrong("edit_distance", "the border is zero")
def edit_zero_border(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i, x in enumerate(a, start=1):
        for j, y in enumerate(b, start=1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (x != y))
    return int(table[-1, -1])


@wrong("edit_distance", "one row, its corner already overwritten")
def edit_corner_overwritten(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        row[0] = i
        for j, y in enumerate(b, start=1):
            row[j] = min(row[j] + 1, row[j - 1] + 1, row[j - 1] + (x != y))
    return row[-1]


@wrong("edit_distance", "elements that only one of them has")
def edit_sets(a, b):
    return len(set(a) ^ set(b))


@wrong("edit_distance", "length less the longest common subsequence")
def edit_subsequence(a, b):
    return max(len(a), len(b)) - (len(a) + len(b) - _distance(a, b, substitution=2)) // 2


@wrong("edit_distance", "letters of lists of words")
def edit_letters(a, b):
    return _distance("".join(a), "".join(b))


@wrong("edit_distance", "bytes of texts")
def edit_bytes(a, b):
    return _distance(*(x.encode("utf-8") if isinstance(x, str) else x for x in (a, b)))


@wrong("edit_distance", "the whole table")
def edit_whole_table(a, b):
    return _table(a, b)


@right("edit_distance", "two rows, each a running minimum")
def edit_rows(a, b):
    places = np.arange(len(b) + 1)
    row = places
    for i, x in enumerate(a, start=1):
        differs = np.array([x != y for y in b], dtype=int)
        above = np.concatenate([[i], np.minimum(row[1:] + 1, row[:-1] + differs)])
        row = np.minimum.accumulate(above - places) + places
    return int(row[-1])


@right("edit_distance", "all places that so many edits can reach")
def edit_waves(a, b):
    edits, reached = 0, {(0, 0)}
    while True:
        for i, j in sorted(reached):
            while i < len(a) and j < len(b) and a[i] == b[j]:
                i, j = i + 1, j + 1
                reached.add((i, j))
        if (len(a), len(b)) in reached:
            return edits
        steps = {(i + x, j + y) for i, j in reached for x, y in ((1, 0), (0, 1), (1, 1))}
        edits, reached = edits + 1, {(i, j) for i, j in steps if i <= len(a) and j <= len(b)}
