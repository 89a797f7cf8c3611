"""A `config.json` that somebody edited, and inputs that a model cannot read."""

from __future__ import annotations

import pytest
import torch
from stranger_changes import edited
from stranger_tasks import new_task, save_task

from minimm.errors import MinimmError
from minimm.tasks.any_task import load_any_task


@pytest.mark.parametrize(
    ("name", "place", "value", "words"),
    [
        ("language model", "kind", None, "does not say which kind of model it describes: kind=None"),
        ("language model", "kind", "dreamer", "holds a dreamer model, which this version of minimm does not know"),
        (
            "language model",
            "architecture",
            [8, 2],
            r"a LanguageModelConfig is an object with its fields, but this is \[8, 2",
        ),
        ("language model", "architecture/vocab_size", ..., "a LanguageModelConfig needs vocab_size"),
        (
            "translator",
            "architecture/decoder/vocab_size",
            500,
            r"the encoder's is \(\d+, 8\) and the decoder's \(500, 8\)",
        ),
        ("classifier", "architecture/labels", ["good"], "num_labels=1, but there is nothing to decide"),
        ("classifier", "architecture/labels", [0, 1], r"labels must be a list of texts, but it is \[0, 1\]"),
        ("classifier", "architecture/pooling", "max", "pooling='max' is not known; choose from .*'first'"),
        ("visual question answerer", "architecture/blank", "sound", "blank='sound' is not known; choose 'image'"),
    ],
)
def test_a_description_of_no_model(name, place, value, words, tmp_path):
    save_task(name, tmp_path)
    edited(tmp_path / "config.json", place, value)
    with pytest.raises(MinimmError, match=words):
        load_any_task(tmp_path, "cpu")


def test_a_text_longer_than_the_encoder_reads():
    with pytest.raises(MinimmError, match=r"reads ids \(B, T\) of 1 to context_length=16 tokens, but got \(1, 24\)"):
        new_task("masked language model").fill("the red cat " * 7 + "___")


def test_a_classifier_without_room_for_a_word(tmp_path):
    save_task("classifier", tmp_path)
    edited(tmp_path / "config.json", "architecture/encoder/context_length", 2)
    with pytest.raises(
        MinimmError, match="reads context_length=2 tokens, but a text and its two marks take at least 3"
    ):
        load_any_task(tmp_path, "cpu").predict(["a red cat"])


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ({"mask": torch.ones(2, 4, dtype=torch.bool)}, r"the mask must mark every token, \(2, 3\), but it is \(2, 4\)"),
        (
            {"token_types": torch.zeros(2, 3, dtype=torch.int64)},
            "built without token types; build it with num_token_types=2",
        ),
    ],
)
def test_what_does_not_belong_to_the_ids(beside, words):
    encoder = new_task("classifier").model.encoder
    with pytest.raises(MinimmError, match=words):
        encoder(torch.tensor([[1, 7, 8], [1, 8, 9]]), **beside)
