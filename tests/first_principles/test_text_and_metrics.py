"""The plain tokens, metrics, filters and mel bands equal the library's own or another library's, and refuse what is wrong."""

from __future__ import annotations

import doctest
import importlib
import itertools
import math
import sys
import unicodedata
from functools import cache

import numpy as np
import pytest
import regex
import sacrebleu
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from transformers.audio_utils import mel_filter_bank as their_mel_filter_bank
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

from minimm import metrics, tokenizers
from minimm.errors import MinimmError
from minimm.features import audio
from minimm.first_principles.bleu import bleu
from minimm.first_principles.byte_pair import byte_pair_decode, byte_pair_encode, split_words, train_byte_pair
from minimm.first_principles.edit_distance import edit_distance
from minimm.first_principles.mel import mel_filter_bank
from minimm.first_principles.perplexity import perplexity, perplexity_backward
from minimm.first_principles.retrieval import recall_at_k
from minimm.first_principles.sampling import top_k_filter, top_p_filter

seeds = st.integers(0, 2**16)
both_dtypes = st.sampled_from([np.float64, np.float32])
batch_shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)


# Byte pairs

UNASSIGNED = regex.compile(r"\p{Cn}")  # two versions of Unicode: leave out what is assigned in one of them only
WHITE_SPACE = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
TRICKY = [
    "'s",
    "'ll",
    "'",
    "don't",
    " ",
    "  ",
    "\r\n",
    "e\u0301",
    "😀",
    "👩‍🚀",
    "我爱你",
    "²",
    "٣",
    "Ⅷ",
    "_",
    *WHITE_SPACE,
]
characters = st.characters(exclude_categories=("Cs", "Cn")).filter(lambda character: not UNASSIGNED.match(character))
texts = st.one_of(
    st.lists(st.text(characters, max_size=8) | st.sampled_from(TRICKY), max_size=12).map("".join),
    st.text(st.sampled_from("aab é中😀' \n"), max_size=60),  # pairs repeat and overlap
)
vocab_sizes = st.integers(256, 300)


@given(texts)
def test_words_are_cut_as_the_regular_expression_cuts_them(text):
    assert split_words(text) == tokenizers.split_words(text)


def test_words_are_cut_as_the_regular_expression_cuts_them_around_every_character_there_is():
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    assigned = [c for c in every if unicodedata.category(c) not in ("Cn", "Cs", "Co") and not UNASSIGNED.match(c)]
    assert len(assigned) > 100_000
    text = "".join(f"a{c} {c}1" for c in assigned)
    assert split_words(text) == tokenizers.split_words(text)


def test_words_are_cut_as_the_regular_expression_cuts_them_behind_every_apostrophe():
    endings = [a + b for a, b in itertools.product("stdmlverSTx1 '", repeat=2)]
    text = "".join(f"we'{ending} '{ending}" for ending in endings)
    assert split_words(text) == tokenizers.split_words(text)


@given(texts, vocab_sizes)
def test_the_same_merges_are_learnt_as_by_the_indexed_trainer(text, vocab_size):
    assert train_byte_pair(text, vocab_size) == tokenizers.train_byte_pair(text, vocab_size)


@given(texts, texts, vocab_sizes)
def test_any_text_gets_the_same_ids_as_from_the_fast_encoder_and_comes_back(text, other, vocab_size):
    merges = train_byte_pair(text + other, vocab_size)
    ids = byte_pair_encode(text, merges)
    assert ids == tokenizers.byte_pair_encode(text, merges)
    assert byte_pair_decode(ids, merges) == text


@st.composite
def invented_merges(draw):
    """Any pairs of older tokens over three letters, in an order that no training would give."""
    merges = []
    for i in range(draw(st.integers(1, 8))):
        older = st.sampled_from([*b"abc", *range(256, 256 + i)])
        merges.append(draw(st.tuples(older, older).filter(lambda pair: pair not in merges)))
    return merges


@given(invented_merges(), st.text(st.sampled_from("abc"), max_size=30))
def test_the_merge_learnt_first_is_joined_first_whatever_the_merges(merges, text):
    ids = byte_pair_encode(text, merges)
    assert ids == tokenizers.byte_pair_encode(text, merges)
    assert byte_pair_decode(ids, merges) == text


@given(texts, st.data())
def test_any_ids_mean_the_same_text_as_to_the_fast_decoder(text, data):
    merges = train_byte_pair(text, 280)
    ids = data.draw(st.lists(st.integers(0, 255 + len(merges)), max_size=20))
    assert byte_pair_decode(ids, merges) == tokenizers.byte_pair_decode(ids, merges)


def test_bytes_that_are_not_utf_8_become_replacement_characters():
    half, lone_surrogate = [0xE4, 0xBD], [0xED, 0xA0, 0x80]
    assert byte_pair_decode([97, *half], []) == "a\ufffd"
    assert byte_pair_decode(lone_surrogate, []) == "\ufffd\ufffd\ufffd"


# Perplexity


@given(seeds, batch_shapes, st.integers(1, 9), st.floats(-3, 3))
def test_perplexity_and_its_gradient_equal_torchs(seed, batch, tokens, grad_output):
    values = -np.random.default_rng(seed).exponential(2.0, (*batch, tokens))
    leaf = torch.tensor(values, requires_grad=True)
    expected = torch.exp(-leaf.mean())
    expected.backward(torch.tensor(grad_output, dtype=torch.float64))
    assert perplexity(values) == pytest.approx(expected.item(), rel=1e-12)
    gradient = perplexity_backward(grad_output, values)
    np.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-8, atol=1e-8, strict=True)


def test_an_impossible_token_makes_perplexity_infinite_and_the_gradient_keeps_its_dtype():
    assert perplexity(np.array([-1.0, -np.inf])) == math.inf
    assert perplexity_backward(1.0, np.array([-1.0], dtype=np.float32)).dtype == np.float32


# BLEU

word_lists = st.lists(st.sampled_from(["the", "cat", "sat", "on"]), max_size=12)
segments = st.tuples(word_lists, st.lists(word_lists, min_size=1, max_size=3))


@given(st.lists(segments, min_size=1, max_size=4), st.integers(1, 5))
def test_bleu_equals_sacrebleu_without_smoothing_and_tokenizer(corpus, max_order):
    hypotheses = [" ".join(words) for words, _ in corpus]
    references = [[" ".join(words) for words in alternatives] for _, alternatives in corpus]
    peer = sacrebleu.BLEU(tokenize="none", smooth_method="none", max_ngram_order=max_order, force=True)
    streams = [list(stream) for stream in itertools.zip_longest(*references)]  # None where there is no such reference
    expected = peer.corpus_score(hypotheses, streams).score
    assert bleu(hypotheses, references, max_order) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.lists(word_lists, min_size=1, max_size=3))
def test_bleu_of_texts_that_equal_a_reference_is_100_if_they_have_n_grams_of_every_order(lists):
    hypotheses = ["a b c d", *(" ".join(words) for words in lists)]
    assert bleu(hypotheses, [[text] for text in hypotheses]) == pytest.approx(100.0)


def test_of_two_references_equally_close_in_length_the_shorter_one_decides_the_brevity():
    shorter, longer = "a a a", "a a a a a"
    assert bleu(["a a a a"], [[shorter, longer]], max_order=1) == pytest.approx(100.0)
    assert bleu(["a a a a"], [[longer, shorter]], max_order=1) == pytest.approx(100.0)


def test_bleu_without_a_match_in_one_order_is_0():
    assert bleu(["the cat sat on"], [["the cat on sat"]]) == 0.0
    assert bleu(["the cat sat on"], [["the cat on sat"]], max_order=2) == pytest.approx(100 * math.sqrt(1 / 3))


# Recall at k


@st.composite
def searches(draw):
    """similarity (N, M) of few different values, so that there are ties, and k from 1 to beyond M."""
    n = draw(st.integers(1, 6))
    m = n + draw(st.integers(0, 3))
    values = draw(st.lists(st.integers(-2, 2), min_size=n * m, max_size=n * m))
    return np.array(values, dtype=draw(both_dtypes)).reshape(n, m) / 2, draw(st.integers(1, m + 2))


@given(searches())
def test_recall_is_the_share_of_queries_whose_item_stands_among_the_first_k_of_a_ranking(search):
    similarity, k = search
    found = 0
    for query, row in enumerate(similarity):
        ranking = sorted(range(len(row)), key=lambda item, row=row, query=query: (-row[item], item == query))
        found += query in ranking[:k]
    assert recall_at_k(similarity, k) == metrics.recall_at_k(similarity.tolist(), k) == found / len(similarity)


@pytest.mark.parametrize(
    ("similarity", "k", "said"),
    [
        (np.zeros(3), 1, r"shape \(3,\)"),
        (np.zeros((0, 3)), 1, "at least one query"),
        (np.zeros((3, 2)), 1, "an item for each query"),
        (np.array([[0.0, np.nan]]), 1, "NaN"),
        (np.array([["a", "b"]]), 1, "numbers"),
        (np.zeros((2, 2)), 0, "k=0"),
        (np.zeros((2, 2)), 1.5, "k=1.5"),
    ],
)
def test_recall_says_what_is_wrong_with_its_input(similarity, k, said):
    with pytest.raises(MinimmError, match=said):
        metrics.recall_at_k(similarity, k)


# Edit distance

short_texts = st.text(st.sampled_from("ab中😀"), max_size=7)
short_lists = st.lists(st.sampled_from(["the", "cat", 3, (1, 2)]), max_size=6)


def recursive_edit_distance(a, b) -> int:
    """The recursion as it is defined, from the front."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        if a[i] == b[j]:
            return distance(i + 1, j + 1)
        return 1 + min(distance(i + 1, j), distance(i, j + 1), distance(i + 1, j + 1))

    return distance(0, 0)


@given(st.tuples(short_texts, short_texts) | st.tuples(short_lists, short_lists))
def test_the_edit_distance_is_the_fewest_edits_of_the_recursive_definition(pair):
    assert edit_distance(*pair) == metrics.edit_distance(*pair) == recursive_edit_distance(*pair)


def test_the_edit_distance_of_arrays_is_a_plain_int():
    distance = metrics.edit_distance(np.array([5, 6, 7]), np.array([6, 7, 8]))
    assert distance == 2
    assert type(distance) is int


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (None, "a", "a of type NoneType"),
        ("a", 3, "b of type int"),
        ({"a"}, "a", "a of type set"),
        ("a", np.zeros((2, 2)), r"b of type ndarray and shape \(2, 2\)"),
    ],
)
def test_the_edit_distance_says_what_is_not_a_sequence(a, b, said):
    with pytest.raises(MinimmError, match=said):
        metrics.edit_distance(a, b)


# Filters in front of sampling


def drawn_logits(seed: int, batch: tuple[int, ...], size: int, dtype: type, ties: bool) -> np.ndarray:
    """logits (*batch, size); with ties they are whole numbers from -2 to 2, without them all different."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(-2, 3, (*batch, size)) if ties else 3 * generator.standard_normal((*batch, size))
    return drawn.astype(dtype)


def as_torch_filters(warper, logits: np.ndarray) -> np.ndarray:
    """What a warper of transformers, which wants (B, V), makes of logits (..., V)."""
    rows = torch.from_numpy(logits.reshape(-1, logits.shape[-1]))
    return warper(None, rows).numpy().reshape(logits.shape)


def softmax_in_float64(logits: np.ndarray) -> np.ndarray:
    """Independent of the code under test; for small logits only."""
    exponentials = np.exp(logits.astype(np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@given(seeds, batch_shapes, st.integers(1, 12), st.integers(1, 14), both_dtypes)
def test_top_k_without_ties_equals_the_warper_of_transformers(seed, batch, size, k, dtype):
    logits = drawn_logits(seed, batch, size, dtype, ties=False)
    np.testing.assert_array_equal(top_k_filter(logits, k), as_torch_filters(TopKLogitsWarper(k), logits), strict=True)


@given(seeds, batch_shapes, st.integers(1, 8), st.integers(1, 9), both_dtypes)
def test_top_k_keeps_a_token_exactly_if_fewer_than_k_are_likelier(seed, batch, size, k, dtype):
    logits = drawn_logits(seed, batch, size, dtype, ties=True)
    before = logits.copy()
    likelier = (logits[..., None, :] > logits[..., :, None]).sum(axis=-1)  # (..., V)
    expected = np.where(likelier < k, logits, dtype(-np.inf))
    np.testing.assert_array_equal(top_k_filter(logits, k), expected, strict=True)
    np.testing.assert_array_equal(logits, before)


@given(seeds, batch_shapes, st.integers(1, 12), st.floats(0.01, 0.99), both_dtypes)
def test_top_p_without_ties_equals_the_warper_of_transformers(seed, batch, size, p, dtype):
    logits = drawn_logits(seed, batch, size, dtype, ties=False)
    sums = np.cumsum(np.sort(softmax_in_float64(logits), axis=-1)[..., ::-1], axis=-1)
    assume((np.abs(sums - p) > 1e-5).all())  # where a sum meets p, rounding decides
    np.testing.assert_array_equal(top_p_filter(logits, p), as_torch_filters(TopPLogitsWarper(p), logits), strict=True)


@given(seeds, batch_shapes, st.integers(1, 8), st.sampled_from([1e-6, 0.25, 0.5, 0.77, 0.999]), both_dtypes)
def test_top_p_keeps_the_smallest_set_of_likeliest_tokens_that_reaches_p_ties_or_not(seed, batch, size, p, dtype):
    logits = drawn_logits(seed, batch, size, dtype, ties=True)
    before = logits.copy()
    filtered = top_p_filter(logits, p)
    kept = filtered > -np.inf
    np.testing.assert_array_equal(filtered, np.where(kept, logits, dtype(-np.inf)), strict=True)
    np.testing.assert_array_equal(logits, before)
    probabilities = softmax_in_float64(logits)
    mass = np.where(kept, probabilities, 0).sum(axis=-1)
    least_kept = np.where(kept, probabilities, np.inf).min(axis=-1)
    assert (mass >= p - 1e-6).all()
    assert (mass - least_kept < p + 1e-6).all()
    assert (np.where(kept, 0, probabilities).max(axis=-1) <= least_kept).all()


@given(seeds, batch_shapes, st.integers(1, 8), both_dtypes)
def test_top_p_of_1_keeps_every_token(seed, batch, size, dtype):
    logits = drawn_logits(seed, batch, size, dtype, ties=True)
    np.testing.assert_array_equal(top_p_filter(logits, 1.0), logits, strict=True)


@pytest.mark.parametrize("size", [4, 32, 1024])
def test_of_equally_likely_tokens_top_p_keeps_the_first(size):
    kept = top_p_filter(np.tile([0.0, -50.0], size), 0.5) > -np.inf  # every second token is next to impossible
    np.testing.assert_array_equal(np.flatnonzero(kept), np.arange(0, size, 2))


def test_a_token_that_was_ruled_out_before_stays_out():
    logits = np.array([-np.inf, 0.0, 1.0])
    np.testing.assert_array_equal(top_k_filter(logits, 3), logits)
    np.testing.assert_array_equal(top_p_filter(logits, 1.0), logits)


# Mel bands

even_rates = st.sampled_from([8000, 16000, 22050, 44100, 48000])


@given(st.integers(1, 40), st.integers(1, 400), even_rates)
@pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")
def test_mel_bands_equal_those_of_transformers(num_mels, half_fft, sample_rate):
    theirs = their_mel_filter_bank(half_fft + 1, num_mels, 0.0, sample_rate / 2, sample_rate, None, "htk")
    ours = mel_filter_bank(num_mels, 2 * half_fft, sample_rate)
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(audio.mel_filter_bank(num_mels, 2 * half_fft, sample_rate), ours, strict=True)


@given(st.integers(1, 20), st.integers(2, 300), st.sampled_from([8000, 11025, 22050.5]))
def test_mel_bands_are_triangles_over_the_bins_of_even_and_odd_transforms(num_mels, fft_size, sample_rate):
    mels = np.linspace(
        0, 1127.0104806 * math.log1p(sample_rate / 1400), num_mels + 2
    )  # the scale with ln: 2595 / ln 10
    corners = 700 * np.expm1(mels / 1127.0104806)
    bins = np.fft.rfftfreq(fft_size, 1 / sample_rate)
    expected = np.stack([np.interp(bins, corners[m : m + 3], [0, 1, 0]) for m in range(num_mels)])
    np.testing.assert_allclose(mel_filter_bank(num_mels, fft_size, sample_rate), expected, atol=1e-6, strict=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, 400, 16000), "num_mels=0"),
        ((80.0, 400, 16000), "num_mels=80.0"),
        ((80, 1, 16000), "fft_size=1"),
        ((80, 400, 0), "sample_rate=0"),
        ((80, 400, math.nan), "sample_rate=nan"),
        ((80, 400, "16 kHz"), "sample_rate='16 kHz'"),
    ],
)
def test_mel_bands_say_what_is_wrong_with_their_input(arguments, said):
    with pytest.raises(MinimmError, match=said):
        audio.mel_filter_bank(*arguments)


@pytest.mark.parametrize(
    "module",
    [
        *(f"first_principles.{name}" for name in ("byte_pair", "perplexity", "bleu", "retrieval", "edit_distance")),
        *("first_principles.sampling", "first_principles.mel"),
        *("metrics.retrieval", "metrics.edit_distance", "features.audio"),
    ],
)
def test_the_examples_in_the_docstrings_are_true(module):
    outcome = doctest.testmod(importlib.import_module(f"minimm.{module}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0
