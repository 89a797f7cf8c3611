"""What the bundled data promise: sizes, layouts, nothing of the test in training, and generators that repeat themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import regex

from minimm.datasets.bundled import bundled
from minimm.datasets.collection import collect
from minimm.datasets.labelled_text import read_labelled
from minimm.datasets.pair_splits import read_pair_splits
from minimm.datasets.question_answering import read_squad
from minimm.datasets.reviews import draw_reviews
from minimm.datasets.spoken_digits import SpokenDigits
from minimm.datasets.summaries import read_summaries
from minimm.files import read_json

SAMPLES = bundled("text").parent
HAN = regex.compile(r"\p{Han}")


def test_pairs_are_many_and_different_in_both_languages():
    parts = read_pair_splits("parallel", "en", "zh")
    assert len(parts["train"]) >= 2000
    everything = [pair for part in ("train", "test", "held_out") for pair in parts[part]]
    for column in (0, 1):
        assert len({pair[column] for pair in everything}) == len(everything)
    assert all(HAN.search(chinese) and not HAN.search(english) for english, chinese in everything)


def test_every_held_out_sentence_has_a_pair_of_words_that_no_training_sentence_has():
    held = []
    for line in (SAMPLES / "parallel" / "held_out_pairs.txt").read_text(encoding="utf-8").splitlines():
        _, one, two = line.split("\t")
        held.append((set(one.split()), set(two.split())))
    parts = read_pair_splits("parallel", "en", "zh")

    def has_pair(sentence):
        inside = set(regex.findall("[a-z]+", sentence.lower()))
        return any(one & inside and two & inside for one, two in held)

    assert all(has_pair(english) for english, _ in parts["held_out"])
    assert not any(has_pair(english) for part in ("train", "test") for english, _ in parts[part])


def test_reviews_are_balanced_and_no_text_is_in_both_parts():
    parts = {part: read_labelled(SAMPLES / "sentiment" / f"{part}.tsv") for part in ("train", "test")}
    for pairs in parts.values():
        assert sum(label == "positive" for label, _ in pairs) == pytest.approx(len(pairs) / 2, rel=0.02)
    assert not {text for _, text in parts["train"]} & {text for _, text in parts["test"]}
    assert draw_reviews(50, seed=1) == draw_reviews(50, seed=1) != draw_reviews(50, seed=2)


def test_summaries_are_of_both_languages_and_none_of_the_test_is_in_training():
    parts = {part: read_summaries(SAMPLES / "summaries" / f"{part}.jsonl") for part in ("train", "test", "chinese")}
    assert len(parts["train"]) >= 300
    trained = {article.summary for article in parts["train"]}
    assert not trained & {article.summary for part in ("test", "chinese") for article in parts[part]}
    assert all(HAN.search(article.summary) for article in parts["chinese"])
    assert all(len(article.summary) < len(article.article) for articles in parts.values() for article in articles)


def test_questions_are_answered_in_their_texts_and_the_test_asks_about_new_names():
    parts = {part: read_squad(SAMPLES / "questions" / f"{part}.json") for part in ("train", "test", "chinese")}
    assert len(parts["train"]) >= 1500 and len(parts["test"]) >= 300
    trained = {question.context for question in parts["train"]}
    assert not trained & {question.context for part in ("test", "chinese") for question in parts[part]}


def test_every_question_about_the_documents_is_answered_in_the_one_that_is_named():
    documents = {document.source: document.text for document in collect([SAMPLES / "knowledge" / "documents"])}
    assert len(documents) >= 25
    for item in read_json(SAMPLES / "knowledge" / "questions.json"):
        assert item["answer"].lower() in documents[item["source"]].lower()


def test_spoken_digits_are_whole_in_both_languages_and_small():
    digits = SpokenDigits("speech")
    for part, takes in (("test", 1), ("train", 2)):
        said = [(r.language, r.speaker, r.digit) for r in digits.split(part).recordings]
        assert len(said) == 2 * 5 * 10 * takes and len(set(said)) == 2 * 5 * 10
    assert all(0.1 <= len(r.waveform) / digits.sample_rate <= 1.0 for r in digits.recordings)
    assert sum(file.stat().st_size for file in (SAMPLES / "speech").rglob("*.wav")) <= 1_600_000


@pytest.mark.slow
def test_the_generators_write_what_is_there(tmp_path):
    copy = Path(shutil.copytree(SAMPLES, tmp_path / "data_samples"))
    scripts = set(copy.glob("make_*.py"))
    if shutil.which("espeak-ng") is None:
        scripts.remove(copy / "make_speech.py")
    for script in sorted(scripts):
        subprocess.run([sys.executable, str(script)], check=True, cwd=copy)
    for path in sorted(SAMPLES.rglob("*")):
        if path.suffix in (".tsv", ".jsonl", ".json", ".txt", ".md") and path.is_file():
            assert (copy / path.relative_to(SAMPLES)).read_bytes() == path.read_bytes(), path.name
