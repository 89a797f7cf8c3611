"""Tokenizers cross over to `tokenizers` and `transformers` and back with equal ids, for any text; misfits are named."""

from __future__ import annotations

import json

import pytest
import tokenizers
import transformers
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.tokenizers import (
    BytePairTokenizer,
    CharacterTokenizer,
    WordPieceTokenizer,
    load_bert,
    load_gpt2,
    load_hugging_face_tokenizer,
    load_tokenizer,
    save_gpt2,
    save_hugging_face_tokenizer,
)

TEXT = (
    "The old miller looked at the river. It's 2 red  cats, isn't it?\n\nWe'll see 1,234 of them! "
    "小狐狸在河边喝水。红色的猫和红色的狐狸。 Größe, café, naïve Ünï. "
) * 3
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# Characters that Unicode had named when either side's tables were made.
characters = st.characters(exclude_categories=["Cs", "Cn"], max_codepoint=0x2FFFF)
texts = st.text(st.one_of(characters, st.sampled_from("abcdefgh 'stred \n\t,.!?12的狐狸é")), max_size=60)


def train_theirs(pattern=None):
    """A byte-level BPE of theirs, with one special token in front of all others."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    if pattern is not None:
        split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
        level = tokenizers.pre_tokenizers.Sequence([split, level])
    tokenizer.pre_tokenizer = level
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    return tokenizer


OWN = BytePairTokenizer.train(TEXT, 400)


@pytest.fixture(scope="module", params=[None, LLAMA3], ids=["gpt2 words", "llama 3 words"])
def pair(request, tmp_path_factory):
    """Theirs, and ours from its file."""
    theirs = train_theirs(request.param)
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    theirs.save(str(path))
    return theirs, load_hugging_face_tokenizer(path)


@given(text=texts)
def test_byte_pairs_from_their_file_give_their_ids_for_any_text_and_the_text_back(pair, text):
    theirs, ours = pair
    ids = ours.encode(text)
    assert ids == theirs.encode(text).ids
    assert ours.decode(ids) == text
    assert ours.vocab_size == theirs.get_vocab_size()


def test_saved_and_opened_again_on_either_side_the_ids_are_the_same(pair, tmp_path):
    theirs, ours = pair
    ours.save(tmp_path / "own.json")
    save_hugging_face_tokenizer(ours, tmp_path)
    for other in (load_tokenizer(tmp_path / "own.json"), load_tokenizer(tmp_path / "tokenizer.json")):
        assert other.encode(TEXT) == ours.encode(TEXT)
        assert other.special_ids == ours.special_ids
    assert tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(TEXT).ids == theirs.encode(TEXT).ids


@pytest.fixture(scope="module", params=["theirs", "ours"])
def gpt2(request, tmp_path_factory):
    """A GPT-2 tokenizer on two files that `tokenizers` or minimm wrote, and ours from the same files."""
    folder = tmp_path_factory.mktemp("gpt2")
    if request.param == "theirs":
        train_theirs().model.save(str(folder))
    else:
        save_gpt2(OWN, folder)
    return transformers.GPT2Tokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")), folder


@given(text=texts.filter(lambda text: "<" not in text))
def test_gpt2s_two_files_give_the_ids_of_gpt2s_tokenizer_for_any_text(gpt2, text):
    theirs, folder = gpt2
    ours = load_gpt2(folder / "vocab.json", folder / "merges.txt")
    assert ours.encode(text) == theirs.encode(text)
    assert ours.decode(ours.encode(text)) == text


def test_gpt2s_two_files_keep_ids_and_special_tokens_on_the_way_out_and_back(pair, gpt2, tmp_path):
    ours = load_hugging_face_tokenizer(gpt2[1])
    save_gpt2(ours, tmp_path)
    back = load_hugging_face_tokenizer(tmp_path)
    assert back.encode(TEXT) == ours.encode(TEXT) and back.special_ids == ours.special_ids
    assert {back.token_text(back.eos_id)} <= {"<|endoftext|>", OWN.token_text(OWN.eos_id)}
    with pytest.raises(MinimmError, match="hold byte pairs, but this is a character tokenizer"):
        save_gpt2(CharacterTokenizer.train("abc"), tmp_path)
    if pair[1].saved()["pattern"] is not None:
        with pytest.raises(MinimmError, match="no place for another rule"):
            save_gpt2(pair[1], tmp_path)


def test_the_older_form_of_merges_is_read_too(pair, tmp_path):
    theirs, ours = pair
    saved = json.loads(theirs.to_str())
    saved["model"]["merges"] = [" ".join(merge) for merge in saved["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(saved), encoding="utf-8")
    assert load_hugging_face_tokenizer(tmp_path).encode(TEXT) == ours.encode(TEXT)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    save_hugging_face_tokenizer(OWN, folder)
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), folder


@given(text=texts.filter(lambda text: "<" not in text))
def test_our_byte_pairs_give_the_same_ids_there_for_any_text(exported, text):
    assert exported[0].encode(text).ids == OWN.encode(text)


def test_transformers_opens_what_we_saved_and_knows_the_special_tokens(exported):
    theirs = transformers.AutoTokenizer.from_pretrained(exported[1])
    assert theirs.encode(TEXT) == OWN.encode(TEXT)
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id) == (OWN.pad_id, OWN.bos_id, OWN.eos_id)
    assert theirs.unk_token_id == OWN.unk_id
    assert theirs.decode(OWN.encode(TEXT)) == TEXT


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def word_pieces(request):
    ours = WordPieceTokenizer.train(TEXT, 300, lower_case=request.param)
    vocabulary = {token: i for i, token in enumerate(ours.tokens)}
    return ours, transformers.BertTokenizer(vocab=vocabulary, do_lower_case=request.param)


def young(text):
    """Whether `text` has a mark or punctuation younger than the tables of `tokenizers` (Unicode 8)."""
    clean = tokenizers.normalizers.BertNormalizer(True, False, True, False)
    cut = tokenizers.pre_tokenizers.BertPreTokenizer()
    own = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]).encode
    for character in set(text):
        there = len(cut.pre_tokenize_str(clean.normalize_str(f"a{character}a")))
        if there != len(own(f"a{character}a", unknown="replace")):
            return True
    return False


@given(text=texts.filter(lambda text: "[" not in text))
def test_word_pieces_are_berts_for_any_text(word_pieces, text):
    ours, theirs = word_pieces
    found, expected = ours.encode(text, unknown="replace"), theirs.encode(text, add_special_tokens=False)
    assert found == expected or young(text)


def test_word_pieces_cross_over_and_back(word_pieces, tmp_path):
    ours, theirs = word_pieces
    save_hugging_face_tokenizer(ours, tmp_path)
    opened = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (
        opened.encode(TEXT, add_special_tokens=False)
        == ours.encode(TEXT)
        == theirs.encode(TEXT, add_special_tokens=False)
    )
    assert (opened.cls_token_id, opened.sep_token_id, opened.mask_token_id) == (ours.bos_id, ours.eos_id, ours.mask_id)
    back = load_hugging_face_tokenizer(tmp_path)
    assert back.saved() == ours.saved()
    theirs.save_pretrained(tmp_path / "theirs")
    assert load_hugging_face_tokenizer(tmp_path / "theirs").encode(TEXT) == ours.encode(TEXT)
    (tmp_path / "vocab.txt").write_text("\n".join(ours.tokens) + "\n", encoding="utf-8")
    assert load_bert(tmp_path / "vocab.txt", lower_case=ours.lower_case).encode(TEXT) == ours.encode(TEXT)


def test_what_a_reader_writes_is_never_a_special_token(pair, word_pieces):
    ours = pair[1]
    assert ours.eos_id not in ours.encode("<|endoftext|>")
    assert ours.decode(ours.encode("<|endoftext|>")) == "<|endoftext|>"
    assert word_pieces[0].mask_id not in word_pieces[0].encode("[MASK]", unknown="replace")


LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
SPLIT = {"type": "Split", "pattern": {"Regex": r"\w+|\W"}, "behavior": "Isolated", "invert": False}


def in_turn(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def damaged(**changes):
    saved = json.loads(train_theirs().to_str())
    for path, value in changes.items():
        *inner, last = path.split("__")
        target = saved
        for key in inner:
            target = target[key]
        target[last] = value
    return saved


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__type": "Unigram"}, "'Unigram'"),
        ({"model__byte_fallback": True}, "byte_fallback"),
        ({"model__vocab": None}, "no vocabulary"),
        ({"model__vocab": {"a": 0, "b": 0}}, "one id to two"),
        ({"model__vocab": {"a": "0"}}, "no vocabulary"),
        ({"model__merges": [["a", "bcd"]]}, "merge 0"),
        ({"model__merges": [["a"]]}, "merge 0"),
        ({"model__merges": "a b"}, "no list of merges"),
        ({"normalizer": {"type": "NFC"}}, "normalizer"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "Whitespace"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "space in front"),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "space in front"),  # theirs puts one there unless told otherwise
        ({"pre_tokenizer": LEVEL | {"use_regex": False}}, "space in front"),
        ({"pre_tokenizer": in_turn(1, 2)}, "space in front"),
        ({"pre_tokenizer": in_turn(LEVEL, LEVEL, LEVEL)}, "space in front"),
        ({"pre_tokenizer": in_turn(SPLIT, LEVEL)}, "space in front"),
        ({"pre_tokenizer": in_turn(SPLIT, LEVEL | {"use_regex": True})}, "space in front"),
        (
            {"pre_tokenizer": in_turn(SPLIT, {"type": "Whitespace", "add_prefix_space": False, "use_regex": False})},
            "space",
        ),
        ({"pre_tokenizer": in_turn(SPLIT | {"invert": True}, LEVEL | {"use_regex": False})}, "space in front"),
        ({"pre_tokenizer": in_turn(SPLIT | {"behavior": "Removed"}, LEVEL | {"use_regex": False})}, "space in front"),
        (
            {"pre_tokenizer": in_turn(SPLIT | {"pattern": {"String": "a"}}, LEVEL | {"use_regex": False})},
            "space in front",
        ),
        ({"pre_tokenizer": in_turn(SPLIT | {"type": "Digits"}, LEVEL | {"use_regex": False})}, "space in front"),
        ({"model__continuing_subword_prefix": "##"}, "continuing_subword_prefix='##'"),
        ({"model__end_of_word_suffix": "</w>"}, "end_of_word_suffix='</w>'"),
        ({"model__dropout": 0.1}, "dropout=0.1"),
        ({"added_tokens": [{"id": "x"}]}, "added_tokens"),
        ({"added_tokens": []}, "special"),
        ({"model": []}, "no 'model'"),
    ],
)
def test_what_does_not_fit_is_named(changes, message, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(damaged(**changes)), encoding="utf-8")
    with pytest.raises(MinimmError, match=message):
        load_hugging_face_tokenizer(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"model__continuing_subword_prefix": "", "model__end_of_word_suffix": ""},
        {"model__dropout": 0.0, "model__byte_fallback": None},
        {"pre_tokenizer": in_turn(LEVEL)},
        {"pre_tokenizer": LEVEL | {"use_regex": True}},
        {"pre_tokenizer": in_turn(SPLIT, LEVEL | {"use_regex": False})},
    ],
)
def test_other_ways_to_say_the_same_are_understood(changes, tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(damaged(**changes)), encoding="utf-8")
    found = load_hugging_face_tokenizer(tmp_path)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert found.encode(TEXT) == theirs.encode(TEXT).ids


@pytest.mark.parametrize("name", ["continuing_subword_prefix", "max_input_chars_per_word"])
def test_what_a_word_piece_file_leaves_out_is_as_bert_has_it(word_pieces, name, tmp_path):
    ours, _ = word_pieces
    save_hugging_face_tokenizer(ours, tmp_path)
    saved = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    del saved["model"][name]
    (tmp_path / "tokenizer.json").write_text(json.dumps(saved), encoding="utf-8")
    assert load_hugging_face_tokenizer(tmp_path).encode(TEXT) == ours.encode(TEXT)


@pytest.mark.parametrize(
    ("told", "lower_case"),
    [(None, True), ({}, True), ({"do_lower_case": True}, True), ({"do_lower_case": False}, False), ([], True)],
)
def test_a_folder_of_older_files_says_whether_case_counts(told, lower_case, tmp_path):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "A"]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    if told is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    found = load_hugging_face_tokenizer(tmp_path)
    assert found.lower_case is lower_case and found.encode("A a") == ([5, 5] if lower_case else [6, 5])


def test_folders_and_kinds_without_a_counterpart_are_refused(tmp_path):
    with pytest.raises(MinimmError, match="no tokenizer.json"):
        load_hugging_face_tokenizer(tmp_path)
    with pytest.raises(MinimmError, match="character tokenizer has no counterpart"):
        save_hugging_face_tokenizer(CharacterTokenizer.train("abc"), tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(MinimmError, match=r"lacks \[PAD\]"):
        load_hugging_face_tokenizer(tmp_path)
