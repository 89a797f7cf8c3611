"""The laws of the metrics. Oracles: sacrebleu for BLEU, dense vectors over the whole vocabulary for CIDEr-D."""

from __future__ import annotations

import doctest
import importlib
import itertools
import math
import random

import numpy as np
import pytest
import sacrebleu
from hypothesis import example, given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.metrics import bits_per_byte, bleu, cider, exact_match, perplexity

CAPTION_METRICS = (bleu, cider, exact_match)
every_caption_metric = pytest.mark.parametrize("metric", CAPTION_METRICS, ids=lambda metric: metric.__name__)

words = st.sampled_from(["a", "red", "fox", "sees", "the", "blue", "bird"])
sentences = st.lists(words, max_size=9).map(" ".join)
# Pieces that the rules of the 13a tokeniser treat specially, glued in any order.
pieces = [
    "fox",
    "7",
    " ",
    ".",
    ",",
    "-",
    "\n",
    "-\n",
    "'",
    '"',
    "&",
    "&amp;",
    "&lt;",
    "&quot;",
    "<skipped>",
    "é",
    "狐",
    "\t",
]
messy_sentences = st.lists(st.sampled_from(pieces), max_size=14).map("".join)


def corpora(texts: st.SearchStrategy[str], min_segments: int = 1) -> st.SearchStrategy[list[tuple[str, list[str]]]]:
    segment = st.tuples(texts, st.lists(texts, min_size=1, max_size=3))
    return st.lists(segment, min_size=min_segments, max_size=5)


def split(corpus):
    return [hypothesis for hypothesis, _ in corpus], [references for _, references in corpus]


def sacrebleu_score(hypotheses, references, max_order=4):
    # sacrebleu wants the first reference of every segment, then the second, ...; None where there is none.
    streams = list(itertools.zip_longest(*references))
    return sacrebleu.BLEU(max_ngram_order=max_order).corpus_score(hypotheses, streams).score


# Perplexity


@given(st.integers(2, 10_000), st.integers(1, 30))
def test_a_uniform_guess_has_the_vocabulary_size_as_perplexity(vocab_size, length):
    assert perplexity([-math.log(vocab_size)] * length) == pytest.approx(vocab_size, rel=1e-12)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20))
def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities(probabilities):
    expected = math.prod(probabilities) ** (-1 / len(probabilities))
    assert perplexity(np.log(probabilities)) == pytest.approx(expected, rel=1e-9)
    assert perplexity(np.log(probabilities)) >= 1 - 1e-12


def test_an_impossible_token_makes_perplexity_infinite_without_a_warning(recwarn):
    assert perplexity([-0.5, -math.inf]) == math.inf
    assert perplexity([-1e6]) == math.inf
    assert not recwarn.list


@given(st.integers(1, 200), st.integers(1, 8))
def test_a_uniform_guess_over_bytes_needs_eight_bits_per_byte_however_many_bytes_a_token_has(
    num_tokens, bytes_per_token
):
    total_nll = num_tokens * bytes_per_token * math.log(256)
    assert bits_per_byte(total_nll, num_tokens * bytes_per_token) == pytest.approx(8.0)


@pytest.mark.parametrize("bad", [[], [math.nan, -1.0], [0.7, 0.2]])
def test_perplexity_refuses_what_cannot_be_log_probabilities(bad):
    with pytest.raises(MinimmError, match="perplexity"):
        perplexity(bad)


@pytest.mark.parametrize(("nll", "num_bytes"), [(1.0, 0), (-1.0, 5), (math.nan, 5)])
def test_bits_per_byte_refuses_impossible_amounts(nll, num_bytes):
    with pytest.raises(MinimmError, match="bits_per_byte"):
        bits_per_byte(nll, num_bytes)


# BLEU


@given(corpora(sentences), st.integers(1, 5))
def test_bleu_equals_sacrebleu_on_words(corpus, max_order):
    hypotheses, references = split(corpus)
    assert bleu(hypotheses, references, max_order) == pytest.approx(
        sacrebleu_score(hypotheses, references, max_order), abs=1e-9
    )


@given(corpora(messy_sentences | st.text(max_size=12)))
@example([("It costs 3.50, not 3,5 - ok?", ["It costs 3.50 , not 3,5 - ok ?"])])
def test_bleu_equals_sacrebleu_on_any_text(corpus):
    hypotheses, references = split(corpus)
    for max_order in (1, 4):
        expected = sacrebleu_score(hypotheses, references, max_order)
        assert bleu(hypotheses, references, max_order) == pytest.approx(expected, abs=1e-9)


def test_bleu_equals_sacrebleu_on_a_long_noisy_corpus():
    source = random.Random(0)
    vocabulary = [f"w{i}" for i in range(40)] + ["U.S.", "1,000.5", "e-mail,", "(so)"]
    references = [[" ".join(source.choices(vocabulary, k=source.randint(4, 25))) for _ in range(2)] for _ in range(200)]
    hypotheses = [" ".join(w for w in texts[0].split() if source.random() > 0.15) for texts in references]
    score = bleu(hypotheses, references)
    assert 30 < score < 95
    assert score == pytest.approx(sacrebleu_score(hypotheses, references), abs=1e-9)


def test_bleu_of_the_texts_themselves_is_100_and_of_other_words_0():
    texts = ["a red fox sees the bird", "the blue bird flies away"]
    assert bleu(texts, [[text] for text in texts]) == pytest.approx(100.0)
    assert bleu(["x y z w v"], [["a b c d e"]]) == 0.0


def test_bleu_refuses_an_order_below_one():
    with pytest.raises(MinimmError, match="max_order=0"):
        bleu(["a"], [["a"]], max_order=0)


# CIDEr-D


def dense_cider(hypotheses, references):
    """CIDEr-D from its formula with one NumPy vector over all n-grams of the corpus for each caption."""
    tokens = lambda text: text.split()  # noqa: E731  the drawn sentences are plain words
    everything = [*hypotheses, *itertools.chain(*references)]
    per_order = []
    for n in range(1, 5):
        grams = lambda text, n=n: [tuple(tokens(text)[i : i + n]) for i in range(len(tokens(text)) - n + 1)]  # noqa: E731
        index = {gram: i for i, gram in enumerate(sorted({gram for text in everything for gram in grams(text)}))}
        vector = lambda text, index=index, grams=grams: np.bincount(  # noqa: E731
            [index[gram] for gram in grams(text)], minlength=len(index)
        )
        presence = np.array([np.sum([vector(text) for text in texts], axis=0) > 0 for texts in references])
        idf = np.log(len(references)) - np.log(np.maximum(1, presence.sum(axis=0)))
        scores = []
        for hypothesis, texts in zip(hypotheses, references, strict=True):
            c = vector(hypothesis) * idf
            for text in texts:
                s = vector(text) * idf
                norm = np.linalg.norm(c) * np.linalg.norm(s)
                gap = len(tokens(hypothesis)) - len(tokens(text))
                value = np.minimum(c, s) @ s / norm if norm > 0 else 0.0
                scores.append(value * np.exp(-(gap**2) / 72) / len(texts))
        per_order.append(10 * sum(scores) / len(hypotheses))
    return np.mean(per_order)


@given(corpora(sentences, min_segments=2))
def test_cider_equals_its_formula_on_dense_vectors(corpus):
    hypotheses, references = split(corpus)
    assert cider(hypotheses, references) == pytest.approx(dense_cider(hypotheses, references), abs=1e-9)


def test_cider_ignores_what_every_picture_is_said_to_show_and_rewards_what_sets_one_apart():
    references = [["a photo of a small grey cat"], ["a photo of a large green tree"], ["a photo of a tall red tower"]]
    everywhere = cider(["a photo of a"] * 3, references)
    specific = cider(["small grey cat", "large green tree", "tall red tower"], references)
    assert everywhere == pytest.approx(0.0, abs=1e-12)
    assert specific > 4


def test_cider_ignores_case_and_punctuation():
    references = [["a red fox runs away"], ["two blue birds sing loudly"]]
    assert cider(["A red fox, runs away!", "Two blue birds sing -- loudly."], references) == pytest.approx(10.0)


def test_cider_earns_nothing_by_repeating_a_good_word():
    references = [["the red fox runs"], ["two blue birds sing"]]
    once = cider(["red", "x"], references)
    assert cider(["red red red red", "x"], references) < once


@given(sentences.filter(lambda text: len(text.split()) >= 4))
def test_cider_of_a_single_document_is_ten_for_the_reference_itself_and_zero_for_other_words(text):
    assert cider([text], [[text]]) == pytest.approx(10.0)
    assert cider(["x y z w"], [[text]]) == 0.0


# Exact match and what all metrics of captions share


@given(st.lists(st.tuples(words, words), min_size=1, max_size=20))
def test_exact_match_is_the_share_of_equal_texts(pairs):
    expected = np.mean([a == b for a, b in pairs])
    assert exact_match([a for a, _ in pairs], [["other", f" {b}\n "] for _, b in pairs]) == pytest.approx(expected)


def test_exact_match_collapses_whitespace_but_keeps_case_and_punctuation():
    assert exact_match([" a\tred \n fox"], [["a red fox"]]) == 1.0
    assert exact_match(["A red fox"], [["a red fox"]]) == 0.0
    assert exact_match(["a red fox."], [["a red fox"]]) == 0.0


@every_caption_metric
@given(corpora(sentences), st.randoms(use_true_random=False))
def test_the_order_of_segments_and_of_references_changes_nothing(metric, corpus, shuffler):
    shuffled = [(hypothesis, shuffler.sample(texts, len(texts))) for hypothesis, texts in corpus]
    shuffler.shuffle(shuffled)
    assert metric(*split(shuffled)) == pytest.approx(metric(*split(corpus)), abs=1e-9)


@every_caption_metric
@given(corpora(sentences))
def test_scores_stay_in_their_range(metric, corpus):
    best = {bleu: 100.0, cider: 10.0, exact_match: 1.0}[metric]
    assert 0.0 <= metric(*split(corpus)) <= best + 1e-9


@every_caption_metric
@pytest.mark.parametrize(
    ("hypotheses", "references", "said"),
    [
        ([], [], "hypotheses is empty"),
        (["a"], [["a"], ["b"]], "1 hypotheses but 2 lists"),
        (["a", "b"], [["a"], []], r"references\[1\] is empty"),
        (["a"], ["a"], r"references\[0\] is one text"),
        ("a", [["a"]], "hypotheses is one text"),
    ],
)
def test_unequal_or_empty_lists_are_refused_in_words(metric, hypotheses, references, said):
    with pytest.raises(MinimmError, match=said):
        metric(hypotheses, references)


@pytest.mark.parametrize("name", ["perplexity", "segments", "bleu", "cider", "matching"])
def test_the_examples_in_the_docstrings_are_true(name):
    outcome = doctest.testmod(importlib.import_module(f"minimm.metrics.{name}"))
    assert outcome.attempted > 0 and outcome.failed == 0
