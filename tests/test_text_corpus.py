"""What must hold for reading text and cutting it into windows."""

import gzip
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.bundled import bundled
from minimm.datasets.text_corpus import (
    IGNORE,
    TokenWindows,
    encode_pieces,
    pieces_before,
    read_corpus,
    split_text,
    text_after,
)
from minimm.datasets.text_stream import TextStream
from minimm.errors import MinimmError
from minimm.tasks.text.text_generator import TextGenerator
from minimm.tokenizers import WordTokenizer
from minimm.tokenizers.splitting import split_words


def test_a_single_file_is_read_as_it_is_and_line_ends_are_unified(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\ntwo\rthree \N{SNOWMAN}\n\n".encode())
    assert read_corpus(tmp_path / "a.txt") == "one\ntwo\nthree \N{SNOWMAN}\n\n"


def test_a_folder_is_read_in_order_of_name_with_blank_lines_between(tmp_path):
    (tmp_path / "b.md").write_text("second\n", encoding="utf-8")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.txt.gz").write_bytes(gzip.compress(b"third\n"))
    (tmp_path / "a.txt").write_text("first", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\xff\xfe")
    (tmp_path / ".hidden.txt").write_text("no", encoding="utf-8")
    assert read_corpus(tmp_path) == "first\n\nsecond\n\nthird\n"


def test_every_unreadable_text_is_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbfcaf\xe9 au lait")  # a byte order mark counts as three bytes
    (tmp_path / "damaged.gz").write_bytes(gzip.compress(b"x" * 1000)[:12] + bytes(20))
    (tmp_path / "short.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    (tmp_path / "fake.gz").write_bytes(b"plain")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder").mkdir()
    for name, part in {
        "latin.txt": "byte 3 is 0xe9",
        "marked.txt": "byte 6 is 0xe9",
        "damaged.gz": "gzip",
        "long" * 200: "could not be read",
        "short.gz": "gzip",
        "fake.gz": "gzip",
        "empty.txt": "empty",
        "folder": "no text",
        "missing.txt": "does not exist",
    }.items():
        with pytest.raises(MinimmError, match=part) as caught:
            read_corpus(tmp_path / name)
        assert name in str(caught.value)


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("minimm.datasets.text_files.MAX_BYTES", 1_000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"0" * 2_000))
    with pytest.raises(MinimmError, match="unpacks to more"):
        read_corpus(tmp_path / "bomb.gz")


def test_an_empty_file_is_named_even_among_others_but_left_out_of_a_folder(tmp_path):
    (tmp_path / "full.txt").write_text("full", encoding="utf-8")
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    assert read_corpus(tmp_path) == "full"
    with pytest.raises(MinimmError, match=r"empty\.txt is empty"):
        read_corpus(tmp_path / "full.txt", tmp_path / "empty.txt")
    with pytest.raises(MinimmError, match="no text"):
        read_corpus()
    (tmp_path / "menu.html").write_text("<html><nav>Home</nav></html>", encoding="utf-8")
    with pytest.raises(MinimmError, match=r"menu\.html is empty"):
        read_corpus(tmp_path / "menu.html")


odd_text = st.text(st.sampled_from("ab1'. \n\n\n\r\t\x0b\x1c\x85\xa0\ufeff我😀"), max_size=40)


@given(st.lists(odd_text, min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 9))
def test_a_text_in_pieces_is_the_text_and_its_words_are_those_of_the_whole(texts, size, part):
    documents = [text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    documents = [text for text in documents if text.strip()]
    whole = documents[0] if len(documents) == 1 else "\n\n".join(text.strip("\n") for text in documents) + "\n"
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("minimm.datasets.text_files.PIECE", size),
        patch("minimm.tokenizers.splitting.parts_of.__defaults__", (part,)),
    ):
        for number, text in enumerate(texts):
            Path(folder, f"{number}.txt").write_bytes(text.encode())
        if not documents:
            with pytest.raises(MinimmError, match="is empty"):
                TextStream(folder)
            return
        stream = TextStream(folder)
        for _ in range(2):  # it can be read again
            pieces = list(stream)
            assert "".join(pieces) == whole
            assert [word for piece in pieces for word in split_words(piece)] == split_words(whole)


@given(st.lists(st.text(max_size=9)), st.integers(0, 30))
def test_pieces_are_cut_where_a_text_would_be(pieces, cut):
    text = "".join(pieces)
    assert "".join(pieces_before(pieces, cut)) == text[:cut]
    assert text_after(pieces, cut) == text[cut:]


@pytest.mark.parametrize(("vocab_size", "dtype"), [(400, torch.int16), (40_000, torch.int32)])
def test_ids_of_pieces_are_small_and_those_of_the_text(vocab_size, dtype):
    words = [f"w{number}" for number in range(vocab_size)]
    tokenizer = WordTokenizer.train(" ".join(words), vocab_size)
    text = "\n".join(words[::7])
    ids = encode_pieces(tokenizer, [text[:500], text[500:]] if vocab_size > 400 else [text])
    assert ids.dtype == dtype
    assert tokenizer.decode(ids) == tokenizer.decode(tokenizer.encode(text, unknown="replace"))


def test_a_generator_learns_the_same_from_files_in_pieces(tmp_path):
    text = read_corpus(bundled("text"))[:60_000]
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    with (
        patch("minimm.datasets.text_files.PIECE", 777),
        patch("minimm.tokenizers.splitting.parts_of.__defaults__", (99,)),
    ):
        streamed = TextGenerator("tiny").fit(tmp_path / "text.txt", max_steps=2)
    whole = TextGenerator("tiny").fit(text, max_steps=2)
    assert streamed.tokenizer.merges == whole.tokenizer.merges
    assert streamed.opening == whole.opening and streamed.validation_text == whole.validation_text
    for name, weights in streamed.model.state_dict().items():
        assert torch.equal(weights, whole.model.state_dict()[name])


@given(st.text())
def test_the_default_cut_is_the_one_that_nanogpt_makes(text):
    assert split_text(text) == (text[: int(len(text) * 0.9)], text[int(len(text) * 0.9) :])


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_that_is_no_share_is_refused(fraction):
    with pytest.raises(MinimmError, match="validation_fraction"):
        split_text("text", fraction)


@given(st.text(), st.floats(0.0, 1.0))
def test_the_two_parts_of_a_text_are_the_text(text, fraction):
    training, validation = split_text(text, fraction)
    assert training + validation == text
    assert abs(len(validation) - fraction * len(text)) <= 1


@given(st.integers(2, 300), st.integers(1, 40), st.integers(1, 7))
def test_evaluation_predicts_every_token_but_the_first_exactly_once(num_tokens, context_length, batch_size):
    ids = torch.arange(num_tokens)
    if num_tokens <= context_length:
        with pytest.raises(MinimmError, match=f"{num_tokens} tokens.*at least {context_length + 1}"):
            TokenWindows(ids, context_length)
        return
    predicted = []
    for inputs, targets in TokenWindows(ids, context_length).evaluation_batches(batch_size):
        assert inputs.shape == targets.shape and inputs.shape[1] == context_length and len(inputs) <= batch_size
        counts = targets != IGNORE
        assert torch.equal(targets[counts], inputs[counts] + 1)  # the target is the token after its input
        predicted += targets[counts].tolist()
    assert predicted == list(range(1, num_tokens))


@given(st.integers(2, 200), st.integers(1, 30), st.data())
def test_sliding_windows_predict_every_token_once_from_at_least_what_they_overlap(num_tokens, context_length, data):
    context_length = min(context_length, num_tokens - 1)
    stride = data.draw(st.integers(1, context_length))
    predicted = []
    for inputs, targets in TokenWindows(torch.arange(num_tokens), context_length).evaluation_batches(3, stride):
        for row, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
            for before, target in enumerate(wanted, start=1):  # the tokens of the window that it is predicted from
                if target != IGNORE:
                    predicted.append(target)
                    assert row[before - 1] == target - 1
                    assert before >= min(target, context_length - stride + 1)
    assert predicted == list(range(1, num_tokens))


def test_a_stride_that_leaves_tokens_out_is_refused():
    windows = TokenWindows(torch.arange(20), 8)
    for stride in (0, 9):
        with pytest.raises(MinimmError, match=f"stride={stride} must be from 1 to the context of 8"):
            next(windows.evaluation_batches(2, stride))


def test_only_one_long_sequence_is_cut_into_windows():
    with pytest.raises(MinimmError, match=r"\(2, 8\)"):
        TokenWindows(torch.zeros(2, 8, dtype=torch.int64), 4)


@given(st.integers(1, 20), st.integers(1, 80), st.integers(0, 99))
def test_training_windows_come_from_the_text_and_reach_both_ends(context_length, num_more, seed):
    num_tokens = context_length + num_more
    windows = TokenWindows(torch.arange(num_tokens), context_length)
    inputs, targets = windows.batch(torch.Generator().manual_seed(seed), 2_000)
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs[:, 1:], inputs[:, :-1] + 1)
    assert inputs.min() == 0 and targets.max() == num_tokens - 1
