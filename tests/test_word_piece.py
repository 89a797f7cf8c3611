"""The laws of WordPiece alone; `test_tokenizer_files.py` compares it with BERT's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.tokenizers import WordPieceTokenizer, load_tokenizer
from minimm.tokenizers.bert_text import split_bert_words
from minimm.tokenizers.word_piece import BERT_NAMES, CONTINUES, LONGEST_WORD

TEXT = "The old miller looked at the river. Größe, café, the CAT and the cats looked at the Mill! 小狐狸在河边。" * 3
UNCASED = WordPieceTokenizer.train(TEXT, 120)
CASED = WordPieceTokenizer.train(TEXT, 120, lower_case=False)
SPECIAL = set(BERT_NAMES.values())
either = st.sampled_from([UNCASED, CASED])
own_texts = st.lists(st.sampled_from(TEXT.split() + list("ot ,!")), max_size=12).map(" ".join)


def longest_from_the_left(word, pieces):
    """The definition, character by character; None where nothing fits."""
    found, rest = [], word
    while rest:
        prefix = CONTINUES if found else ""
        fits = [rest[:end] for end in range(1, len(rest) + 1) if prefix + rest[:end] in pieces]
        if not fits:
            return None
        found.append(prefix + fits[-1])
        rest = rest[len(fits[-1]) :]
    return found


@given(either, own_texts | st.text(max_size=30))
def test_each_word_becomes_the_longest_pieces_from_the_left_or_unknown(tokenizer, text):
    pieces = set(tokenizer.tokens) - SPECIAL
    expected = []
    for word in split_bert_words(text, lower_case=tokenizer.lower_case, strip_accents=tokenizer.strip_accents):
        expected += longest_from_the_left(word, pieces) or ["[UNK]"]
    ids = tokenizer.encode(text, unknown="replace")
    assert [tokenizer.tokens[token_id] for token_id in ids] == expected
    assert tokenizer.encode(text, unknown="replace") == ids  # from memory now
    if "[UNK]" in expected:
        with pytest.raises(MinimmError, match="cannot be spelled"):
            tokenizer.encode(text)
    else:
        assert tokenizer.encode(text) == ids


@given(either, own_texts)
def test_decoding_gives_the_words_with_a_space_between(tokenizer, text):
    words = split_bert_words(text, lower_case=tokenizer.lower_case, strip_accents=tokenizer.strip_accents)
    assert tokenizer.decode(tokenizer.encode(text)) == " ".join(words)


def test_special_tokens_decode_to_nothing_and_the_unknown_to_a_mark():
    ids = [
        UNCASED.bos_id,
        *UNCASED.encode("the"),
        UNCASED.unk_id,
        *UNCASED.encode("cats"),
        UNCASED.eos_id,
        UNCASED.pad_id,
    ]
    assert UNCASED.decode(ids) == "the \N{REPLACEMENT CHARACTER} cats"
    part = UNCASED.tokens.index("##s")
    assert UNCASED.decode([part]) == "s" and UNCASED.decode([*UNCASED.encode("the"), part]) == "thes"


def test_labels_are_the_pieces_and_the_names():
    assert UNCASED.token_text(UNCASED.tokens.index("##s")) == "##s"
    assert UNCASED.token_text(UNCASED.mask_id) == "<mask>"


def test_case_and_accents_are_dropped_unless_told_otherwise():
    assert split_bert_words("Café") == ["cafe"] == split_bert_words("Café", lower_case=True)
    assert split_bert_words("Café", lower_case=False) == ["Cafe"]
    assert split_bert_words("Café", strip_accents=False) == ["café"]
    assert split_bert_words("Café", lower_case=False, strip_accents=False) == ["Café"]
    assert UNCASED.encode("THE CAT") == UNCASED.encode("the cat") and UNCASED.strip_accents
    assert CASED.encode("The") != CASED.encode("the") and not CASED.strip_accents
    assert not any(token != token.lower() for token in UNCASED.tokens if token not in SPECIAL)
    assert "CAT" not in UNCASED.decode(UNCASED.encode("CAT")) and CASED.decode(CASED.encode("CAT")) == "CAT"
    kept = WordPieceTokenizer([*BERT_NAMES.values(), "caf\u00e9"], strip_accents=False)
    assert kept.encode("CAF\u00c9") == [5] and kept.lower_case


@given(st.integers(1, 2 * LONGEST_WORD))
def test_a_word_of_more_than_a_hundred_characters_is_unknown(length):
    tokenizer = WordPieceTokenizer([*BERT_NAMES.values(), "a", "##a"])
    expected = [5] + [6] * (length - 1) if length <= LONGEST_WORD else [tokenizer.unk_id]
    assert tokenizer.encode("a" * length, unknown="replace") == expected


def test_the_memory_of_words_begins_anew_when_it_is_full(monkeypatch):
    monkeypatch.setattr("minimm.tokenizers.word_piece.CACHED_WORDS", 3)
    tokenizer = WordPieceTokenizer([*BERT_NAMES.values(), *"abcdef"])
    assert tokenizer.encode("a b c d e f a") == [5, 6, 7, 8, 9, 10, 5]
    assert len(tokenizer._known) <= 3


@given(st.integers(8, 200), st.booleans())
def test_a_vocabulary_is_as_large_as_asked_and_its_first_are_berts(vocab_size, lower_case):
    tokenizer = WordPieceTokenizer.train(TEXT, vocab_size, lower_case=lower_case)
    assert tokenizer.vocab_size == len(tokenizer.tokens) == len(set(tokenizer.tokens)) <= vocab_size
    assert tokenizer.tokens[:5] == list(BERT_NAMES.values())
    assert list(tokenizer.special_ids.values()) == [0, 1, 2, 3, 4]
    if vocab_size >= 120:  # every character of the text is in it
        assert tokenizer.unk_id not in tokenizer.encode(TEXT)


def test_frequent_words_become_one_token():
    assert [len(UNCASED.encode(word)) for word in ("the", "looked")] == [1, 1]
    assert len(WordPieceTokenizer.train("wow " * 9 + "cow bow", 20).encode("wow")) == 1


@pytest.mark.parametrize("tokenizer", [UNCASED, CASED], ids=["uncased", "cased"])
def test_it_is_the_same_after_saving(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert again.saved() == tokenizer.saved() and again.encode(TEXT) == tokenizer.encode(TEXT)
    assert (again.lower_case, again.strip_accents) == (tokenizer.lower_case, tokenizer.strip_accents)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": UNCASED.tokens},
        {"tokens": UNCASED.tokens, "lower_case": 1, "strip_accents": True},
        {"tokens": UNCASED.tokens, "lower_case": True, "strip_accents": None},
        {"tokens": UNCASED.tokens, "lower_case": True, "strip_accents": True, "more": 0},
    ],
)
def test_a_damaged_file_says_which_keys_it_has(wrong):
    with pytest.raises(
        MinimmError, match=re.escape(f"it has the keys {sorted(wrong)}, expected tokens, and true or false")
    ):
        WordPieceTokenizer.from_saved({"kind": "word_piece", **wrong}, "tokenizer.json")
