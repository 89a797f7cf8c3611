"""The laws that hold for every tokenizer, and the files they are kept in."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.tokenizers import (
    SPECIAL_TOKENS,
    TOKENIZERS,
    BytePairTokenizer,
    CharacterTokenizer,
    WordTokenizer,
    load_tokenizer,
    split_words,
)

KINDS = tuple(cls for cls in TOKENIZERS.values() if cls.kind != "word_piece")  # those that give every text back
VOCAB_SIZES = {"character": None, "word": None, "byte_pair": 280}
CORPUS = "The red fox saw 2 red foxes.\nIt's red <pad> , isn't it? 小狐狸 naïve café 😀\t<eos>  the end"
TRAINED = {cls.kind: cls.train(CORPUS, VOCAB_SIZES[cls.kind]) for cls in KINDS}
any_text = st.text(max_size=40)
# Text that every kind knows: words of the corpus, in any order and number.
known_text = (
    st.lists(st.sampled_from(split_words(CORPUS)))
    .map("".join)
    .filter(lambda text: set(split_words(text)) <= set(split_words(CORPUS)))
)
every_kind = pytest.mark.parametrize("cls", KINDS, ids=[cls.kind for cls in KINDS])
every_tokenizer = pytest.mark.parametrize("tokenizer", TRAINED.values(), ids=TRAINED)


@every_kind
@given(text=any_text.filter(bool))
def test_any_text_learnt_from_comes_back(cls, text):
    tokenizer = cls.train(text, VOCAB_SIZES[cls.kind])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@every_tokenizer
@given(text=known_text)
def test_ids_are_integers_in_the_vocabulary_and_never_special(tokenizer, text):
    ids = tokenizer.encode(text)
    special = {tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id}
    assert all(type(token_id) is int and 0 <= token_id < tokenizer.vocab_size for token_id in ids)
    assert special.isdisjoint(ids)
    assert tokenizer.decode(ids) == text


@every_tokenizer
def test_special_tokens_written_out_are_ordinary_text(tokenizer):
    text = "<pad> <eos>"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.pad_id not in ids and tokenizer.eos_id not in ids


@every_tokenizer
@given(text=known_text, data=st.data())
def test_special_tokens_are_skipped_in_decoding_and_unk_is_the_replacement_character(tokenizer, text, data):
    ids = tokenizer.encode(text)
    for skipped in (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id):
        ids.insert(data.draw(st.integers(0, len(ids))), skipped)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([*ids, tokenizer.unk_id]) == text + "\ufffd"


@pytest.mark.parametrize(("cls", "ids"), [(CharacterTokenizer, [0, 1, 2, 3]), (WordTokenizer, [0, 1, 2, 3])])
def test_special_tokens_come_first_where_the_vocabulary_is_a_list(cls, ids):
    tokenizer = TRAINED[cls.kind]
    assert [tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id] == ids


@every_tokenizer
def test_each_token_has_a_label_that_prints(tokenizer):
    labels = [tokenizer.token_text(token_id) for token_id in range(tokenizer.vocab_size)]
    assert all(label and label.isprintable() for label in labels)
    first = tokenizer.pad_id
    assert tuple(labels[first : first + 4]) == SPECIAL_TOKENS


def test_labels_show_spaces_line_ends_and_parts_of_characters():
    word, byte_pair = TRAINED["word"], TRAINED["byte_pair"]
    assert [word.token_text(i) for i in word.encode(" red\nThe")] == ["␣red", "\\n", "The"]
    assert [byte_pair.token_text(byte) for byte in (0x41, 0x20, 0x0A, 0xE4)] == ["A", "␣", "\\n", "\\xe4"]


def test_ids_follow_frequency_and_ties_follow_code_points():
    assert CharacterTokenizer.train("banana").encode("banxa", unknown="replace") == [6, 4, 5, 3, 4]
    tokenizer = WordTokenizer.train("so red, so blue; so red")  # " red" and " so" twice, the others once
    labels = [tokenizer.token_text(token_id) for token_id in range(4, tokenizer.vocab_size)]
    assert labels == ["␣red", "␣so", "␣blue", ",", ";", "so"]


def test_a_word_keeps_the_space_before_it():
    tokenizer = WordTokenizer.train("a red cat and a red dog")
    ids = tokenizer.encode("a red dog")
    assert [tokenizer.decode([token_id]) for token_id in ids] == ["a", " red", " dog"]


@given(st.integers(5, 12), st.integers(1, 3))
def test_a_limited_vocabulary_keeps_the_most_frequent_pieces(vocab_size, min_count):
    text = "aaaabbbccd"  # a 4, b 3, c 2, d 1
    tokenizer = CharacterTokenizer.train(text, vocab_size, min_count=min_count)
    kept = [c for c in "abcd" if text.count(c) >= min_count][: vocab_size - 4]
    assert [tokenizer.token_text(token_id) for token_id in range(4, tokenizer.vocab_size)] == kept


@every_kind
@given(texts=st.lists(st.sampled_from(["red fox", "a hen", "fox", "it's 12"]), min_size=1, max_size=5))
def test_texts_that_meet_between_words_are_learnt_from_like_one_text(cls, texts):
    texts = [f"{text}\n" for text in texts]  # "...\n" ends a word, whatever comes next
    together = cls.train("".join(texts), VOCAB_SIZES[cls.kind])
    apart = cls.train(iter(texts), VOCAB_SIZES[cls.kind])
    every_id = range(together.vocab_size)
    assert list(map(apart.token_text, range(apart.vocab_size))) == list(map(together.token_text, every_id))


@pytest.mark.parametrize("cls", [CharacterTokenizer, WordTokenizer])
def test_an_unknown_piece_is_named_with_its_code_point_and_position(cls):
    tokenizer = TRAINED[cls.kind]
    with pytest.raises(MinimmError) as caught:
        tokenizer.encode("The red foxЖ" if cls is CharacterTokenizer else "The red Ж")
    said = str(caught.value)
    position = 11 if cls is CharacterTokenizer else 7
    for part in ("Ж", "U+0416", f"position {position} ", f"{tokenizer.vocab_size} tokens", "unknown='replace'"):
        assert part in said


@pytest.mark.parametrize("cls", [CharacterTokenizer, WordTokenizer])
@given(text=any_text)
def test_replacing_what_is_unknown_leaves_the_rest_as_it_was(cls, text):
    tokenizer = TRAINED[cls.kind]
    pieces = cls.split(text)
    known = set(cls.split(CORPUS))
    ids = tokenizer.encode(text, unknown="replace")
    assert len(ids) == len(pieces)
    assert [token_id == tokenizer.unk_id for token_id in ids] == [piece not in known for piece in pieces]
    assert tokenizer.decode(ids) == "".join(piece if piece in known else "\ufffd" for piece in pieces)


@every_tokenizer
@given(
    texts=st.lists(known_text, max_size=5),
    add_bos=st.booleans(),
    add_eos=st.booleans(),
    max_length=st.none() | st.integers(2, 12),
)
def test_a_batch_is_its_texts_one_by_one_padded_on_the_right(tokenizer, texts, add_bos, add_eos, max_length):
    ids, mask = tokenizer.encode_batch(texts, add_bos=add_bos, add_eos=add_eos, max_length=max_length)
    expected = []
    for text in texts:
        room = 10**6 if max_length is None else max_length - add_bos - add_eos
        row = tokenizer.encode(text)[:room]
        expected.append([tokenizer.bos_id] * add_bos + row + [tokenizer.eos_id] * add_eos)
    assert ids.dtype == np.int64 and mask.dtype == bool
    assert ids.shape == mask.shape == (len(texts), max(map(len, expected), default=0))
    assert [row[real].tolist() for row, real in zip(ids, mask, strict=True)] == expected
    assert [real.tolist() for real in mask] == [[i < len(row) for i in range(mask.shape[1])] for row in expected]
    assert (ids[~mask] == tokenizer.pad_id).all()


@every_tokenizer
def test_arrays_of_ids_decode_like_lists(tokenizer):
    ids, _ = tokenizer.encode_batch(["The red fox", "The"], add_eos=True)
    assert [tokenizer.decode(row) for row in ids] == ["The red fox", "The"]


@every_kind
@given(text=any_text.filter(bool), query=any_text)
def test_a_saved_tokenizer_opens_as_the_same(cls, text, query, tmp_path_factory):
    tokenizer = cls.train(text, VOCAB_SIZES[cls.kind])
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer.save(path)
    for opened in (cls.load(path), load_tokenizer(path)):
        assert type(opened) is cls
        assert opened.vocab_size == tokenizer.vocab_size
        assert opened.encode(query, unknown="replace") == tokenizer.encode(query, unknown="replace")
        every_id = range(tokenizer.vocab_size)
        assert list(map(opened.token_text, every_id)) == list(map(tokenizer.token_text, every_id))
    assert json.loads(path.read_text(encoding="utf-8"))["kind"] == cls.kind


@every_tokenizer
@pytest.mark.parametrize("ids", [[-1], [10**6], [0.5], ["a"], [[0]], 3, None, [None]])
def test_ids_that_are_not_in_the_vocabulary_are_refused(tokenizer, ids):
    with pytest.raises(MinimmError, match="token id|integer ids"):
        tokenizer.decode(ids)


@every_tokenizer
def test_bad_arguments_end_in_a_sentence(tokenizer):
    with pytest.raises(MinimmError, match=r"encode_batch\(\[text\]\)"):
        tokenizer.encode_batch("one text")
    with pytest.raises(MinimmError, match="max_length=1"):
        tokenizer.encode_batch(["red"], add_bos=True, add_eos=True, max_length=1)
    with pytest.raises(MinimmError, match="neither 'error' nor 'replace'"):
        tokenizer.encode("red", unknown="ignore")
    with pytest.raises(MinimmError, match="expected a text"):
        tokenizer.encode(b"red")
    with pytest.raises(MinimmError, match="not in this vocabulary"):
        tokenizer.token_text(tokenizer.vocab_size)


@every_kind
@pytest.mark.parametrize("text", [None, 3, [b"red"], ["red", None]])
def test_training_on_what_is_not_text_is_refused(cls, text):
    with pytest.raises(MinimmError, match="expected a text"):
        cls.train(text)


@pytest.mark.parametrize("cls", [CharacterTokenizer, WordTokenizer])
def test_a_vocabulary_that_would_be_empty_is_refused(cls):
    with pytest.raises(MinimmError, match="no (character|word) occurs 1 times"):
        cls.train("")
    with pytest.raises(MinimmError, match="lower min_count"):
        cls.train("abc", min_count=5)
    with pytest.raises(MinimmError, match="vocab_size=4"):
        cls.train("abc", vocab_size=4)
    with pytest.raises(MinimmError, match="lone surrogate"):
        cls.train("a\ud800")


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ("", "not readable JSON"),
        ('{"kind": "word", "tokens": ["a"', "not readable JSON"),
        ("[]", "kind=None"),
        ("{}", "kind=None"),
        ('{"kind": "sentence"}', "kind='sentence'"),
        ('{"kind": ["word"], "tokens": []}', "kind="),
        ('{"kind": "word"}', "expected 'tokens'"),
        ('{"kind": "byte_pair", "tokens": []}', "expected 'merges'"),
        ('{"kind": "word", "tokens": "abc"}', "list of str"),
        ('{"kind": "word", "tokens": ["a", 3]}', r"tokens\[1\] is 3"),
        ('{"kind": "word", "tokens": ["a red"]}', "exactly one word"),
        ('{"kind": "character", "tokens": ["a", "bc"]}', "exactly one character"),
        ('{"kind": "character", "tokens": ["a", ""]}', "exactly one character"),
        ('{"kind": "character", "tokens": ["a", "b", "a"]}', "occur twice"),
        ('{"kind": "character", "tokens": ["\\ud800"]}', "lone surrogate"),
        ('{"kind": "byte_pair", "merges": [[97, 98], [97, 300]]}', r"merges\[1\].*older tokens, 0 to 256"),
        ('{"kind": "byte_pair", "merges": [[97, "b"]]}', "two integer ids"),
        ('{"kind": "byte_pair", "merges": {"97": 98}}', "list of pairs"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(contents, said, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(contents, encoding="utf-8")
    with pytest.raises(MinimmError, match=said) as caught:
        load_tokenizer(path)
    assert str(path) in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "tokens", "merges"]), inner),
    max_leaves=6,
)


@every_tokenizer
@given(data=st.data())
def test_whatever_is_wrong_with_a_file_ends_in_a_minimm_error(tokenizer, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "tokenizer.json"
    tokenizer.save(path)
    saved = json.loads(path.read_text(encoding="utf-8"))
    key = next(key for key in saved if key != "kind")
    if data.draw(st.booleans()):  # one entry replaced
        saved[key][data.draw(st.integers(0, len(saved[key]) - 1))] = data.draw(json_values)
    else:  # all of it replaced
        saved = data.draw(json_values | st.fixed_dictionaries({"kind": st.just(tokenizer.kind), key: json_values}))
    path.write_text(json.dumps(saved), encoding="utf-8")
    try:
        opened = load_tokenizer(path)
    except MinimmError as error:
        assert str(path) in str(error)
    else:  # the damage happened to be a valid vocabulary: then it must work as one
        every_id = list(range(opened.vocab_size))
        assert isinstance(opened.decode(every_id), str)


@every_tokenizer
@given(data=st.data())
def test_a_truncated_file_is_refused(tokenizer, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("truncated") / "tokenizer.json"
    tokenizer.save(path)
    whole = path.read_bytes().rstrip()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(MinimmError, match="not readable JSON"):
        load_tokenizer(path)


def test_a_file_of_another_kind_is_refused_by_the_class_and_opened_by_load_tokenizer(tmp_path):
    path = tmp_path / "tokenizer.json"
    TRAINED["word"].save(path)
    with pytest.raises(MinimmError, match="kind='word', expected 'character'"):
        CharacterTokenizer.load(path)
    assert isinstance(load_tokenizer(path), WordTokenizer)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(MinimmError, match="does not exist"):
        load_tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(MinimmError, match="could not be read"):
        BytePairTokenizer.load(tmp_path)


def test_importing_the_tokenizers_does_not_import_torch():
    code = "import sys, minimm.tokenizers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
