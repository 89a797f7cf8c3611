"""What a task is asked to learn from, to answer or to show, when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from all_tasks import BOTH, LABELS, QUESTIONS, READ, SEEN, SIZES, TEXTS
from PIL import Image
from stranger_changes import edited
from stranger_folders import save_foreign
from stranger_tasks import PICTURE, SOUND, TASKS, new_task, save_task

from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.errors import MinimmError
from minimm.tasks import (
    MaskedTextModel,
    MultimodalAssistant,
    Summarizer,
    TextClassifier,
    TextGenerator,
    Translator,
    VisualQuestionAnswerer,
)
from minimm.tasks.any_task import load_any_task
from minimm.tasks.text.insight import probes
from minimm.tasks.text.question_answerer import QuestionAnswerer
from minimm.tokenizers import BytePairTokenizer, WordPieceTokenizer, save_hugging_face_tokenizer

LONG = " ".join(TEXTS)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TextGenerator(seed=-1), r"seed=-1 must be a whole number from 0 to 2\^40 - 1"),
        (lambda: TextGenerator(seed=1.5), r"seed=1.5 must be a whole number"),
        (lambda: TextGenerator(**READ, tokenizer="bpe").fit(LONG), "tokenizer 'bpe' is not known; choose from .'byte_pair', "),
        (
            lambda: TextGenerator(**READ, tokenizer="word").fit(LONG),
            r"the text has \d+ characters; its last tenth, kept for validation, is \d+ tokens, but a context of 128 needs",
        ),
        (lambda: TextClassifier(method="adapter"), r"method='adapter' is not known; choose from .*'lora'"),
        (lambda: TextClassifier().fit([*TEXTS[:-1], " "], LABELS), r"texts\[59\] is empty; leave it out, or write"),
        (lambda: TextClassifier().fit([*TEXTS[:-1], None], LABELS), r"texts\[59\] is None, but a text was expected"),
        (lambda: TextClassifier().fit(LONG, LABELS), r"texts is one str, but a list of texts was expected; put it into"),
        (lambda: MaskedTextModel().fit([TEXTS[0], "", " \n"]), "there are 1 texts that are not empty; give at least two"),
        (lambda: QuestionAnswerer().fit(QUESTIONS[:1]), "there are 1 different texts; give questions about at least two"),
        (lambda: Translator(**BOTH).fit([], []), "there are no pairs to learn from; give at least two"),
        (lambda: Translator(**BOTH).fit(["a cat"], ["un gato"]), "there is only one pair; give at least two, one to"),
        (
            lambda: Summarizer(**BOTH, context_length=4).fit(TEXTS, [text.split()[0] for text in TEXTS]),
            "every pair is longer than the 3 tokens that the model reads; give shorter texts or a larger context_length",
        ),
    ],
)  # fmt: skip
def test_what_nothing_can_be_learned_from_or_with(make, words):
    with pytest.raises(MinimmError, match=words):
        make()


@pytest.mark.parametrize(
    ("name", "ask", "words"),
    [
        ("language model", lambda task: task.generate(""), "the prompt is empty; give at least one character to continue"),
        ("language model", lambda task: probes(task, ["the fox"], []), "there are 1 texts and 0 rows of labels; give one"),
        ("classifier", lambda task: task.predict(["the fox", ""]), r"texts\[1\] is empty; leave it out, or write at"),
        ("masked language model", lambda task: task.evaluate(["\u200b"]), "no token was hidden; give longer or more texts"),
        ("masked language model", lambda task: task.fill("the ___", k=0), "k=0 must be at least 1"),
        ("question answerer", lambda task: task.answer_from("who?", []), "there is no text in the documents; give a folder"),
        ("translator", lambda task: task.translate_all("the fox"), "texts is one str, but a list of texts was expected"),
        ("translator", lambda task: task.attend("the fox", target=""), "the written text is empty, so there is no token"),
        ("translator", lambda task: task.evaluate(["a cat"], []), "there are 1 source sentences and 0 translations; give"),
        ("captioner", lambda task: task.attend(PICTURE, caption=""), "the caption is empty, so there is no word"),
        ("speech recognizer", lambda task: task.attend(SOUND, text=" "), "the transcription is empty, so there is no word"),
        ("assistant", lambda task: task.attend("what is there", answer=""), "the answer is empty, so there is no word"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_or_shown(name, ask, words):
    with pytest.raises(MinimmError, match=words):
        ask(new_task(name))


def test_words_in_the_picture_asked_of_a_model_that_never_learned_it(tmp_path):
    save_task("retriever", tmp_path)
    edited(tmp_path / "config.json", "architecture/space/fine_grained", False)
    with pytest.raises(MinimmError, match="never compared words with regions; train it with fine_grained=True"):
        load_any_task(tmp_path, "cpu").align(PICTURE, "the red fox")


def test_pictures_whose_questions_have_one_answer(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    entries = [{"image": "a.png", "question": f"is this {colour}?", "answer": "yes"} for colour in ("black", "dark")]
    (tmp_path / "questions.json").write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(MinimmError, match="every answer is 'yes', so there is nothing to learn; give others too"):
        VisualQuestionAnswerer(**SIZES, **SEEN).fit(tmp_path, max_steps=1)


@pytest.mark.parametrize(
    ("kind", "tokenizer", "open_it"),
    [
        ("gpt2", BytePairTokenizer.train(LONG, 300), lambda folder: TextGenerator.load(folder, "cpu")),
        (
            "bert",
            WordPieceTokenizer.train(LONG, 90),
            lambda folder: TextClassifier(pretrained=folder).fit(TEXTS, LABELS),
        ),
    ],
)
def test_a_folder_with_the_tokenizer_of_another_model(kind, tokenizer, open_it, tmp_path: Path):
    save_foreign(kind, tmp_path)
    save_hugging_face_tokenizer(tokenizer, tmp_path)
    words = f"has {tokenizer.vocab_size} tokens, but its model knows .*; they belong to different models"
    with pytest.raises(MinimmError, match=words):
        open_it(tmp_path)


def test_an_assistant_that_begins_with_what_cannot_learn_its_jobs(tmp_path, monkeypatch):
    save_task("captioner", tmp_path / "small", bits=8)
    with pytest.raises(MinimmError, match="has weights in few bits, which cannot learn; give the one it was made from"):
        MultimodalAssistant(**SIZES).fit(
            MultimodalInstructions(("captions",), "train", "speech"), encoders={"image": tmp_path / "small"}
        )
    cls, architecture, tokenizer = TASKS["assistant"]
    seeing = {part: {"image": architecture[part]["image"]} for part in ("encoders", "place_ids", "merge")}
    monkeypatch.setitem(TASKS, "assistant", (cls, architecture | seeing, tokenizer))
    save_task("assistant", tmp_path / "seeing")
    with pytest.raises(
        MinimmError, match="was not trained on audio, which these jobs need; train it with such jobs from the"
    ):
        MultimodalAssistant(**SIZES).fit(
            MultimodalInstructions(("spoken_digits",), "train", "speech"), start=tmp_path / "seeing"
        )
