"""What is no vocabulary, no tokenizer file and no text, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from stranger_changes import edited
from stranger_tasks import BYTE_PAIR, TOKENIZERS, WORD_PIECE

from minimm.errors import MinimmError
from minimm.tokenizers import (
    BytePairTokenizer,
    WordPieceTokenizer,
    load_hugging_face_tokenizer,
    load_tokenizer,
    save_hugging_face_tokenizer,
)

NO_REGEX = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def split_by(pattern: Any) -> dict[str, Any]:
    """What Llama 3's files say about how text is cut into words."""
    return {
        "type": "Sequence",
        "pretokenizers": [{"type": "Split", "pattern": pattern, "behavior": "Isolated"}, NO_REGEX],
    }


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("model/vocab/the", 1_000, r"the \d+ tokens must have the ids from 0 on, each once, but they have \[.*\] ... 1000"),
        ("model/vocab/colour", 1_000, r"the vocabulary has 1 tokens that no merge makes: \['colour'\]"),
        ("model/vocab", {"a": 0, "b": 1}, r"the vocabulary lacks \d+ of the tokens that its merges use"),
        ("model/merges", [["Ġ", "t"], ["h", "e"], ["Ġt", "h"], ["Ġ", "t"]], "merge 3 makes 'Ġt', which was there already"),
        ("pre_tokenizer", split_by({"Regex": r"(\p{L}+"}), r"is not a regular expression \(.*\): '\(\\\\p\{L\}\+'"),
        ("pre_tokenizer", split_by(r"\s+"), "cuts text into words in a way that minimm does not have"),
    ],
)  # fmt: skip
def test_byte_pairs_of_another_library_whose_parts_do_not_fit_together(place, value, words, tmp_path):
    save_hugging_face_tokenizer(BYTE_PAIR, tmp_path)
    file = edited(tmp_path / "tokenizer.json", place, value)
    with pytest.raises(MinimmError, match=f"{file.name} .*{words}"):
        load_hugging_face_tokenizer(file)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("normalizer", {"type": "NFC"}, r"prepares text in another way than BERT \({'type': 'NFC'}\)"),
        ("pre_tokenizer", {"type": "Whitespace"}, r"cuts text in another way than BERT \({'type': 'Whitespace'}\)"),
        ("model/continuing_subword_prefix", "@@", "says continuing_subword_prefix='@@', .*BERT's is '##'"),
        ("model/max_input_chars_per_word", 20, "says max_input_chars_per_word=20, .*BERT's is 100"),
        ("model/vocab/colour", 1_000, r"has ids with holes or twice; they must be 0 to \d+"),
        ("model/vocab", {"the": 0, "cat": 1}, r"does not hold BERT's vocabulary: the vocabulary lacks \[PAD\]"),
    ],
)
def test_word_pieces_of_another_library_that_are_not_berts(place, value, words, tmp_path):
    save_hugging_face_tokenizer(WORD_PIECE, tmp_path)
    edited(tmp_path / "tokenizer.json", "added_tokens", [])
    file = edited(tmp_path / "tokenizer.json", place, value)
    with pytest.raises(MinimmError, match=f"{file.name} .*{words}"):
        load_hugging_face_tokenizer(file)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([*WORD_PIECE.tokens[:5], "", "cat"], r"tokens\[5\] is '', expected a str that is not empty"),
        ([*WORD_PIECE.tokens, "[PAD]", "[SEP]"], r"2 of the 61 tokens occur twice, expected each once"),
    ],
)
def test_berts_older_file_with_a_line_too_many(tokens, words, tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    with pytest.raises(MinimmError, match=f"{file.name} does not hold BERT's vocabulary: {words}"):
        load_hugging_face_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("kind", "place", "value", "words"),
    [
        ("foreign_byte_pair", "special_texts", ["<|endoftext|>"], r"its parts are not as they were saved \(AttributeError"),
        ("foreign_byte_pair", "pattern", 5, "its pattern is no text, but 5"),
        ("foreign_byte_pair", "special", {"<eos>": 283}, "must each have the id of one that is special there"),
        ("word_piece", "lower_case", "yes", "expected tokens, and true or false for lower_case and strip_accents"),
        ("word_piece", "tokens", "the cat", "tokens is a str, expected a list of str"),
    ],
)  # fmt: skip
def test_our_own_file_after_somebody_edited_it(kind, place, value, words, tmp_path):
    file = tmp_path / "tokenizer.json"
    TOKENIZERS[kind].save(file)
    with pytest.raises(MinimmError, match=f"{file.name} is a damaged {kind} tokenizer: .*{words}"):
        load_tokenizer(edited(file, place, value))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: WordPieceTokenizer.train("the cat", 5), "vocab_size=5, expected an integer from 7, five special tokens and"),
        (lambda: WordPieceTokenizer.train(["", " \n"]), "the training text has no words; give more text"),
        (lambda: WORD_PIECE.encode("the fox 狐狸"), "the word '狐' cannot be spelled with the 59 tokens of this vocabulary"),
        (lambda: BytePairTokenizer([(97, 98)] * 1_113_857), "there are 1,113,857 merges, but .* there is room for 1,113,856"),
    ],
)  # fmt: skip
def test_numbers_and_texts_that_do_not_suit_a_vocabulary(call: Callable[[], Any], words):
    with pytest.raises(MinimmError, match=words):
        call()


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_what_was_read_as_bytes_is_no_text(kind):
    with pytest.raises(MinimmError, match=r"expected a text \(str\), got bytes; pass one text, bytes decoded"):
        TOKENIZERS[kind].encode(b"the fox")


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_who_spoils_what_was_saved_spoils_the_copy_alone(kind):
    before = json.dumps(TOKENIZERS[kind].saved())
    for value in TOKENIZERS[kind].saved().values():
        if isinstance(value, list | dict):
            value.clear()
    assert json.dumps(TOKENIZERS[kind].saved()) == before
