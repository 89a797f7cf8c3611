"""What data sets say of input that they cannot use: each sentence beside what causes it."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from closed_files import closed_to_us

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.coloured_shapes import ColouredShapes
from minimm.datasets.download import is_right
from minimm.datasets.folders import find_splits
from minimm.datasets.labelled_text import read_labelled
from minimm.datasets.occupations import Occupations
from minimm.datasets.pair_splits import read_pair_splits
from minimm.datasets.question_answering import read_squad
from minimm.datasets.reviews import draw_reviews
from minimm.datasets.spans import SpanEncoder, SpanRows
from minimm.datasets.summaries import read_summaries
from minimm.datasets.text_corpus import read_corpus
from minimm.datasets.three_way_digits import ThreeWayDigits
from minimm.datasets.token_pairs import TokenPairs
from minimm.datasets.token_texts import TokenTexts
from minimm.datasets.transcribed_recordings import TranscribedRecordings
from minimm.datasets.visitor_reviews import VisitorReviews
from minimm.datasets.vowels import Vowels
from minimm.errors import MinimmError
from minimm.features.wav import write_wav

TONE = (0.3 * np.sin(np.arange(800) / 3)).astype(np.float32)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


FOLDERS = {  # sentence: the files of a folder, and who reads it
    "data.tsv is empty; give one label and text a line": ({"data.tsv": ""}, lambda at: read_labelled(at / "data.tsv")),
    "news.jsonl is empty; give one article a line": ({"news.jsonl": ""}, lambda at: read_summaries(at / "news.jsonl")),
    "news.jsonl, line 2: expected an object with the texts article and summary, neither empty": (
        {"news.jsonl": '{"article": "It rained.", "summary": "Rain."}\n{"article": "It rained.", "summary": " "}\n'},
        lambda at: read_summaries(at / "news.jsonl"),
    ),
    "has no train.tsv; its .tsv files are ['dev', 'test']. Name the file to learn from train.tsv": (
        {"test.tsv": "good\tyes", "dev.tsv": "good\tyes"},
        lambda at: find_splits(at, ".tsv"),
    ),
    "has no train.jsonl; its .jsonl files are none": ({}, lambda at: find_splits(at, ".jsonl")),
    "has neither train.tsv nor train.en; its files for 'en' are of ['test', 'val']": (
        {"test.en": "a cat", "val.en": "a dog"},
        lambda at: read_pair_splits(at, "en", "de"),
    ),
    "has neither train.tsv nor train.fr; its files for 'fr' are of no part": (
        {"train.en": "a cat", "train.de": "eine Katze"},
        lambda at: read_pair_splits(at, "fr", "de"),
    ),
    "has no test.de and no test.de.gz": (
        {"train.en": "a cat", "train.de": "eine Katze", "test.en": "a dog"},
        lambda at: read_pair_splits(at, "en", "de"),
    ),
    "has neither train.tsv nor train.**; its files for '**' are of no part": (
        {"train.en": "a cat", "train.de": "eine Katze"},
        lambda at: read_pair_splits(at, "**", "de"),  # a pattern that no file name may have
    ),
    "source and target are both 'en'; choose two languages": ({}, lambda at: read_pair_splits(at, "en", "en")),
    "pairs.tsv is empty; give one pair a line": (
        {"pairs.tsv": ""},
        lambda at: read_pair_splits(at / "pairs.tsv", "en", "zh"),
    ),
    "pairs.tsv, line 2: 'a dog\\t' is not source, tab, target; neither may be empty": (
        {"pairs.tsv": "a cat\teine Katze\na dog\t\n"},
        lambda at: read_pair_splits(at / "pairs.tsv", "en", "de"),
    ),
    "is not a folder; give one with captions.json and pictures": (
        {"captions.json": "{}"},
        lambda at: CocoCaptions(at / "captions.json"),
    ),
}


@pytest.mark.parametrize("sentence", FOLDERS)
def test_of_files_that_do_not_fit(tmp_path, sentence):
    files, read = FOLDERS[sentence]
    for name, text in files.items():
        written(tmp_path, name, text)
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        read(tmp_path)


def squad(context: object, question: object, *answers: tuple[str, object]) -> str:
    listed = [{"text": text, "answer_start": start} for text, start in answers]
    asked = [] if question is None else [{"id": "q1", "question": question, "answers": listed}]
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": asked}]}]})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (squad("Ada wrote it.", None), "asked.json has no question in it"),
        (
            squad("Ada wrote it.", 7, ("Ada", 0)),
            "asked.json: a context and a question must be texts, but one is 'Ada wrote it.' with 7",
        ),
        (
            squad("Ada wrote it.", "Who wrote it?"),  # SQuAD 2.0 has questions without an answer
            "asked.json: the question 'q1' has no answer; minimm needs one that stands in the text",
        ),
        (
            squad("Ada wrote it.", "Who wrote it?", ("Ada", 1)),
            "asked.json: the answer 'Ada' of 'q1' does not stand at character 1 of its text",
        ),
        (
            squad("Ada wrote it.", "Who wrote it?", ("Ada", "0")),
            "asked.json: the answer 'Ada' of 'q1' does not stand at character 0 of its text",
        ),
    ],
)
def test_of_questions_and_answers(tmp_path, content, sentence):
    path = written(tmp_path, "asked.json", content)
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        read_squad(path)


DRAWN = {
    "image_size=1 is too small; give at least 2 pixels, such as 64": lambda: CocoCaptions("scenes", image_size=1),
    "noise=-0.1 must not be negative": lambda: ColouredShapes(noise=-0.1),
    "language='fr' is not known; there are en and zh": lambda: Occupations(language="fr"),
    "association=1.5 must be from 0, none, to 1": lambda: VisitorReviews(association=1.5),
    "association=nan must be from 0, none, to 1": lambda: Occupations(association=math.nan),
    "there are 2 sources and 1 targets; give one target for each source": lambda: TokenPairs(
        [[5], [6]], [[7]], pad_id=0, bos_id=1, eos_id=2
    ),
    "there are 0 sources and 0 targets": lambda: TokenPairs([], [], pad_id=0, bos_id=1, eos_id=2),
    "there must be at least one text, each with at least one token": lambda: TokenTexts([[4, 5], []], pad_id=0),
}


@pytest.mark.parametrize("sentence", DRAWN)
def test_of_settings_that_make_no_sense(sentence):
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        DRAWN[sentence]()


@pytest.mark.parametrize("count", [-60, 0, 7])
def test_of_a_count_that_is_not_balanced_or_none(count):
    for kind in (ColouredShapes(), Occupations(), VisitorReviews(), Vowels()):
        with pytest.raises(
            MinimmError, match=rf"count={count} must be a multiple of \d+: \d+ labels in \d groups each"
        ):
            kind.balanced(count, seed=0)


@pytest.mark.parametrize(
    "draw",
    [ColouredShapes().draw, Occupations().draw, Vowels().draw, VisitorReviews().draw, draw_reviews],
    ids=["coloured shapes", "occupations", "vowels", "reviews of visitors", "reviews"],
)
def test_of_a_count_of_none(draw):
    with pytest.raises(MinimmError, match="count=0 must be at least 1"):
        draw(0, seed=0)


class TestSpans:
    """An encoder with one token a word, for a context of 16 tokens."""

    rows = SpanEncoder(lambda text: [5] * len(text.split()), bos_id=1, eos_id=2, context_length=16)

    @pytest.mark.parametrize(("question", "text"), [("", "It rained."), ("Who?", " \n")])
    def test_of_nothing_to_read(self, question, text):
        with pytest.raises(MinimmError, match="the question or the text has no word in it; give both"):
            self.rows.rows(question, text)

    def test_of_a_question_that_fills_the_context(self):
        with pytest.raises(
            MinimmError, match="the question has 12 tokens, too many beside a text in a context of 16; ask"
        ):
            self.rows.rows("why " * 12, "It rained.")

    def test_of_a_context_in_which_windows_could_not_move_on(self):
        rows = SpanEncoder(self.rows.encode, bos_id=1, eos_id=2, context_length=6)
        assert [len(row.ids) for row in rows.rows("who", "a b c d")] == [6, 6, 6]
        with pytest.raises(
            MinimmError, match="the question has 2 tokens, too many beside a text in a context of 6; ask a"
        ):
            rows.rows("who then", "a b c d")  # one token of the text in each window

    def test_of_an_answer_that_is_longer_than_any_window(self):
        text = "a b c d e f g h i j k l m n o p"
        with pytest.raises(MinimmError, match="no question whose answer stands whole in one window"):
            SpanRows(self.rows.answered("Which letters?", text, 0, text), pad_id=0)


def test_of_recordings_that_lack_a_digit(tmp_path):
    for digit in (0, 1, 7):
        write_wav(tmp_path / f"{digit}_ada_5.wav", TONE, 8000)
    with pytest.raises(MinimmError, match=re.escape("say only the digits [0, 1, 7], but all from 0 to 9 are needed")):
        ThreeWayDigits("train", tmp_path)


def test_of_a_part_that_recordings_do_not_have(tmp_path):
    write_wav(tmp_path / "door.wav", TONE, 8000)
    written(tmp_path, "transcripts.tsv", "door.wav\topen the door\n")
    with pytest.raises(MinimmError, match="split='validation' is not known; choose 'train' or 'test'"):
        TranscribedRecordings(tmp_path).split("validation")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_of_a_device():
    with pytest.raises(MinimmError, match=re.escape(f"{os.devnull} could not be read (it is a device, not a file)")):
        read_corpus(os.devnull)


def test_of_a_download_that_may_not_be_read(tmp_path):
    path = written(tmp_path, "train.tsv", "mine")
    with (
        closed_to_us(path),
        pytest.raises(
            MinimmError, match=r"train.tsv could not be read \(Permission denied\); make it readable or remove it"
        ),
    ):
        is_right(path, sha256="0" * 64, num_bytes=4)
