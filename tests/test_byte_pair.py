"""Byte-pair tokens: learnt as by counting everything anew, applied as the Rust library applies them, never lossy."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers

from minimm.errors import MinimmError
from minimm.tokenizers import (
    BytePairTokenizer,
    byte_pair_decode,
    byte_pair_encode,
    byte_pair_training,
    split_words,
    train_byte_pair,
)
from minimm.tokenizers import byte_pair as byte_pair_module
from minimm.tokenizers.splitting import parts_of

GPT2_WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False)
# Python and the Rust library know different versions of Unicode: leave out what is assigned in one of them only.
ASSIGNED = st.characters(exclude_categories=("Cs", "Cn"))
TRICKY = [
    "'s",
    "'ll",
    "'",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "\u00a0",
    "\u3000",
    "e\u0301",
    "😀",
    "👩‍🚀",
    "我爱你",
    "²",
    "٣",
    "_",
    "don't",
]
any_text = st.lists(st.text(ASSIGNED, max_size=8) | st.sampled_from(TRICKY), max_size=12).map("".join)
repetitive_text = st.text(st.sampled_from("aab é中' \n"), max_size=60)

CORPUS = (
    "The red fox saw the other red fox. It's theirs, they'll say, and we've 1024 reasons  to\n\n believe them!\n"
    "小狐狸看见了另一只小狐狸。它们都是红色的。 The café's crème brûlée cost 12 €; the naïve fox paid 24 € 😀😀😀.\n"
) * 4
MERGES = train_byte_pair(CORPUS, 456)


def rust_words(text: str) -> list[str]:
    """GPT-2's words by the Rust library, as an oracle for ours."""
    return [text[start:end] for _, (start, end) in GPT2_WORDS.pre_tokenize_str(text)]


def merges_by_counting_anew(text: str, num_merges: int) -> list[tuple[int, int]]:
    """The algorithm as printed: count all pairs, merge the best one everywhere, start over. Tokens are bytes objects."""
    words = [[bytes([byte]) for byte in word.encode("utf-8")] for word in rust_words(text)]
    id_of = {bytes([i]): i for i in range(256)}
    merges = []
    for _ in range(num_merges):
        counts = Counter(pair for word in words for pair in zip(word, word[1:], strict=False))
        if not counts:
            break
        first, second = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append((id_of[first], id_of[second]))
        id_of[first + second] = 256 + len(merges) - 1
        words = [join_pair(word, first, second, first + second) for word in words]
    return merges


def join_pair(symbols: list, first: object, second: object, joined: object) -> list:
    """Replace `first, second` by `joined`, from left to right."""
    result = []
    for symbol in symbols:
        if result and (result[-1], symbol) == (first, second):
            result[-1] = joined
        else:
            result.append(symbol)
    return result


def ids_by_applying_every_merge(text: str, merges: list[tuple[int, int]]) -> list[int]:
    """Encoding by its definition: within each word, every merge in the order learnt."""
    ids = []
    for word in rust_words(text):
        symbols = list(word.encode("utf-8"))
        for i, (first, second) in enumerate(merges):
            symbols = join_pair(symbols, first, second, 256 + i)
        ids += symbols
    return ids


def rust_tokenizer(merges: list[tuple[int, int]]) -> RustTokenizer:
    """The Rust library's byte-pair encoder with our merges and our ids."""
    # It names bytes by characters: those that print by themselves, the others by U+0100, U+0101, ... in order.
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b <= 255]
    shown = {b: chr(b) for b in printable}
    shown |= {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in shown)}
    names = [shown[b] for b in range(256)]
    for first, second in merges:
        names.append(names[first] + names[second])
    assert len(set(names)) == len(names) == 256 + len(merges)
    model = models.BPE(
        vocab={name: i for i, name in enumerate(names)}, merges=[(names[a], names[b]) for a, b in merges]
    )
    tokenizer = RustTokenizer(model)
    tokenizer.pre_tokenizer = GPT2_WORDS
    return tokenizer


RUST = rust_tokenizer(MERGES)


def test_a_worked_example_by_hand():
    # The words are "low", "low" and " lower". Pairs: lo 3, ow 3, " l" 1, we 1, er 1.
    # o w ties with l o and is greater: 256 = "ow". l ow is now the most frequent with 3: 257 = "low".
    # All others occur once: " " low, low e, e r; the greatest is low e: 258 = "lowe"; by the same rule
    # 259 = "lower" and 260 = " lower". Every word is one token: nothing is left to join.
    merges = train_byte_pair(["low", "low lower"], 300)
    assert merges == [(ord("o"), ord("w")), (ord("l"), 256), (257, ord("e")), (258, ord("r")), (ord(" "), 259)]
    assert byte_pair_encode("low lower slow", merges) == [257, 260, ord(" "), ord("s"), 257]
    assert byte_pair_decode([257, 260, ord(" "), ord("s"), 257], merges) == "low lower slow"


@given(st.lists(repetitive_text, max_size=3), st.integers(0, 40))
def test_merges_learnt_incrementally_equal_those_of_counting_anew(texts, num_merges):
    text = "\n".join(texts)
    assert train_byte_pair(text, 256 + num_merges) == merges_by_counting_anew(text, num_merges)


def test_merges_of_the_corpus_equal_those_of_counting_anew():
    assert merges_by_counting_anew(CORPUS, 200) == MERGES


@given(repetitive_text, st.integers(0, 20), st.integers(0, 20))
def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one(text, small, more):
    assert train_byte_pair(text, 256 + small) == train_byte_pair(text, 256 + small + more)[:small]


@given(st.permutations(["red fox", "red hen", "a foxy hen", "hen\n", "fox fox"]))
def test_the_order_of_the_texts_does_not_change_the_merges(texts):
    assert train_byte_pair(texts, 280) == train_byte_pair(["red fox", "red hen", "a foxy hen", "hen\n", "fox fox"], 280)


def test_words_of_a_sentence_with_every_contraction_and_kind_of_space():
    text = "It's I'd I'm don't we'll I've you're HE'S 3rd   x?! \n\ty \n"
    expected = [
        *("It", "'s", " I", "'d", " I", "'m", " don", "'t", " we", "'ll", " I", "'ve", " you", "'re", " HE", "'", "S"),
        *(" 3", "rd", "  ", " x", "?!", " \n", "\t", "y", " \n"),
    ]
    assert split_words(text) == expected == rust_words(text)


@given(any_text)
def test_words_are_those_of_gpt2_and_joined_give_the_text_back(text):
    assert split_words(text) == rust_words(text)
    assert "".join(split_words(text)) == text


@given(st.text(st.sampled_from("ab1'. \n\n\n\r\t\x0b\x1c\x85\xa0\u2028\u3000我"), max_size=60), st.integers(1, 8))
def test_the_words_of_the_parts_of_a_text_are_those_of_the_whole(text, size):
    parts = list(parts_of(text, size))
    assert "".join(parts) == text and all(len(part) >= size for part in parts[:-1])
    assert [word for part in parts for word in split_words(part)] == split_words(text)


@given(any_text | st.text(st.sampled_from("redfoxthe '小狐狸😀\n"), max_size=80))
def test_encoding_equals_the_rust_library_with_the_same_merges(text):
    assert byte_pair_encode(text, MERGES) == RUST.encode(text).ids


@given(repetitive_text, st.integers(0, 30), repetitive_text)
def test_encoding_equals_applying_every_merge_in_turn(training_text, num_merges, text):
    merges = train_byte_pair(training_text, 256 + num_merges)
    assert byte_pair_encode(text, merges) == ids_by_applying_every_merge(text, merges)


@given(st.text(st.sampled_from("abc"), min_size=300, max_size=400))
def test_a_word_too_long_to_remember_is_encoded_by_the_same_rule(word):
    merges = train_byte_pair("abcabcab cabba aaab", 270)
    assert byte_pair_encode(word, merges) == ids_by_applying_every_merge(word, merges)


@given(st.lists(any_text | st.sampled_from(["\ud83d", "\ude00", "\udcff"])).map("".join))
def test_any_text_even_with_lone_surrogates_comes_back_from_the_tokenizer(text):
    assert BytePairTokenizer(MERGES).decode(byte_pair_encode(text, MERGES)) == text


def test_the_plain_function_gives_utf_8_alone_so_a_lone_surrogate_is_replaced():
    assert byte_pair_decode([0xED, 0xA0, 0x80, 97], MERGES) == "\ufffd\ufffd\ufffda"


@given(any_text)
def test_encoding_a_text_is_encoding_its_words_one_after_the_other(text):
    words = [byte_pair_encode(word, MERGES) for word in split_words(text)]
    assert byte_pair_encode(text, MERGES) == [token_id for word in words for token_id in word]


@given(st.lists(st.integers(0, 255 + len(MERGES)), max_size=30))
def test_any_ids_decode_and_broken_utf8_becomes_the_replacement_character(ids):
    tokens = [bytes([i]) for i in range(256)]
    for first, second in MERGES:
        tokens.append(tokens[first] + tokens[second])
    expected = b"".join(tokens[token_id] for token_id in ids)
    decoded = byte_pair_decode(ids, MERGES)
    if 0xED in expected:  # may begin a surrogate, which Python's decoder would refuse and ours gives back
        assert "\ufffd" in decoded or decoded.encode("utf-8", "surrogatepass") == expected
    else:
        assert decoded == expected.decode("utf-8", "replace")


def test_half_a_character_decodes_to_one_replacement_character():
    assert byte_pair_decode([*b"a", *"中".encode()[:2], *b"b"], []) == "a\ufffdb"


def test_words_are_remembered_and_a_full_cache_changes_nothing(monkeypatch):
    monkeypatch.setattr(byte_pair_module, "CACHED_WORDS", 3)
    tokenizer = BytePairTokenizer(MERGES)
    first = tokenizer.encode(CORPUS)
    assert len(tokenizer._words) <= 3
    assert tokenizer.encode(CORPUS) == first == byte_pair_encode(CORPUS, MERGES)


def test_the_vocabulary_size_counts_bytes_merges_and_special_tokens():
    tokenizer = BytePairTokenizer.train(CORPUS, vocab_size=300)
    assert tokenizer.vocab_size == 300
    assert len(tokenizer.merges) == 300 - 256 - 4
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id) == (296, 297, 298, 299)
    assert tokenizer.merges == train_byte_pair(CORPUS, 296)


def test_too_few_pairs_give_fewer_merges():
    assert train_byte_pair("abc", 1000) == [(98, 99), (97, 256)]
    assert train_byte_pair("", 1000) == []
    assert BytePairTokenizer.train("abc", 1000).vocab_size == 256 + 2 + 4
    assert BytePairTokenizer.train("abc", 260).vocab_size == 256 + 4  # no merge at all


def test_pairs_never_cross_words_or_texts():
    assert train_byte_pair(["a", "b", "a", "b"], 300) == []
    assert byte_pair_encode("a1", train_byte_pair("a1 a1 a1", 300)) == [97, 49]


@pytest.mark.parametrize("vocab_size", [0, 255, -1, 2_000_000, 300.5, "300", None])
def test_a_vocabulary_size_that_cannot_be_is_refused(vocab_size):
    with pytest.raises(MinimmError, match="vocab_size"):
        train_byte_pair("abc", vocab_size)


@pytest.mark.parametrize("vocab_size", [0, 259, "300", 300.5])
def test_a_tokenizer_without_room_for_its_special_tokens_is_refused(vocab_size):
    with pytest.raises(MinimmError, match="260"):
        BytePairTokenizer.train("abc", vocab_size)


@pytest.mark.parametrize(
    ("merges", "said"),
    [
        ([(97, 256)], "older tokens"),  # refers to itself
        ([(97, 98), (257, 97)], "older tokens"),
        ([(-1, 98)], "older tokens"),
        ([(97, 98), (97, 98)], "an earlier merge"),
        ([(97, 98, 99)], "two integer ids"),
        ([(97.0, 98)], "two integer ids"),
        ([(True, 98)], "two integer ids"),
        (["ab"], "two integer ids"),
        ({97: 98}, "list of pairs"),
        ([(97, 97)] + [(256 + i, 256 + i) for i in range(40)], "bytes"),  # doubles 40 times
    ],
)
def test_merges_that_cannot_be_are_refused(merges, said):
    with pytest.raises(MinimmError, match=said):
        byte_pair_encode("abc", merges)


def test_each_merge_looks_at_a_word_once_however_often_the_pair_occurs_in_it(monkeypatch):
    looks = []
    original = byte_pair_training._changed_neighbours
    monkeypatch.setattr(byte_pair_training, "_changed_neighbours", lambda *given: looks.append(1) or original(*given))
    letters = "".join(random.Random(0).choices("acgt", k=20_000))  # one word
    merges = train_byte_pair(letters, 500)
    assert len(merges) == len(looks) == 244
    assert byte_pair_decode(byte_pair_encode(letters, merges), merges) == letters
