"""Questions about pictures, from the data to the command line: learning, baselines, folders, looking, bad input."""

import json

import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.picture_questions import PictureQuestions, plain_question
from minimm.datasets.scene_questions import SceneQuestions
from minimm.errors import MinimmError
from minimm.features.image import to_pil
from minimm.layers.fusion import FUSIONS
from minimm.metrics.blind import blind_accuracy
from minimm.tasks import ImageCaptioner, VisualQuestionAnswerer

SMALL = {"d_model": 32, "channels": (8, 16), "num_heads": 2, "num_layers": 1, "batch_size": 16, "precision": "float32"}
QUESTION = "how many red shapes are there"


def scenes(count, split="validation", seed=0):
    return SceneQuestions(split).draw(count, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that has learned for a few seconds, and the folder it was trained into."""
    folder = tmp_path_factory.mktemp("answerer")
    task = VisualQuestionAnswerer(**SMALL, learning_rate=4e-3, warmup_steps=10)
    return task.fit(SceneQuestions(), max_steps=60, folder=folder), folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """24 pictures with two questions each, as a user might have them."""
    folder = tmp_path_factory.mktemp("pictures")
    drawn = scenes(24)
    (folder / "images").mkdir()
    entries = []
    for number, image in enumerate(drawn.images):
        to_pil(image.numpy()).save(folder / "images" / f"{number}.png")
        entries.append(
            {"image": f"{number}.png", "question": f"{drawn.questions[number]}?", "answer": drawn.answers[number]}
        )
        entries.append({"image": f"{number}.png", "question": "Is this a scene?", "answer": "yes"})
    (folder / "questions.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def test_it_learns(trained):
    history = trained[0].training.history
    assert history[-1]["validation_loss"] < 0.8 * history[0]["validation_loss"]
    scores = trained[0].evaluate(scenes(200), scenes(500, "train", seed=1))
    assert set(scores) == {"accuracy", "accuracy_chance"} | {
        f"accuracy_{kind}" for kind in ("count", "colour", "shape", "relation", "exists")
    }
    assert 0.15 < scores["accuracy_chance"] < 0.4


def test_it_can_begin_with_the_eyes_of_another_model(trained, tmp_path):
    eyes = trained[0].model.image_encoder.state_dict()
    beginner = VisualQuestionAnswerer(**SMALL, image_encoder=trained[1], seed=1, learning_rate=1e-9)
    beginner.fit(SceneQuestions(), max_steps=1)
    for name, weights in beginner.model.image_encoder.state_dict().items():
        assert torch.allclose(weights, eyes[name], atol=1e-6)
    with pytest.raises(MinimmError, match="encoder of another shape"):
        VisualQuestionAnswerer(**SMALL | {"d_model": 2 * SMALL["d_model"]}, image_encoder=trained[1]).fit(
            SceneQuestions(), max_steps=1
        )


def test_saved_and_loaded_it_answers_the_same(trained, tmp_path):
    task, folder = trained
    drawn = scenes(20)
    expected = task.probabilities(drawn.images, drawn.questions)
    task.save(tmp_path / "copy")
    for place in (tmp_path / "copy", folder):
        loaded = VisualQuestionAnswerer.load(place)
        assert loaded.answers == task.answers
        assert torch.equal(loaded.probabilities(drawn.images, drawn.questions), expected)


def test_one_question_is_answered_as_among_many_and_however_it_is_written(trained):
    task, _ = trained
    drawn = scenes(20)
    probabilities = task.probabilities(drawn.images, drawn.questions)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(20))
    answers = task.answer_all(drawn.images, drawn.questions)
    for image, question, answer in zip(drawn.images, drawn.questions, answers, strict=True):
        assert task.answer(image.numpy(), f" {question.upper()}?") == answer


@pytest.mark.parametrize("fusion", sorted(FUSIONS))
def test_where_it_looks_is_a_distribution_over_the_picture_for_each_word(fusion):
    task = VisualQuestionAnswerer(fusion=fusion, **SMALL).fit(SceneQuestions(), max_steps=1)
    image = scenes(1).images[0].numpy()
    if fusion == "late_concatenation":
        with pytest.raises(MinimmError, match="late concatenation never looks"):
            task.attend(image, QUESTION)
        return
    looked = task.attend(image, QUESTION)
    assert looked.words == ([QUESTION] if fusion == "low_rank_bilinear" else QUESTION.split())
    assert looked.maps.shape == (len(looked.words), 8, 8)
    assert looked.maps.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)
    assert looked.answer in task.answers
    assert looked.plot().get_axes()


@pytest.mark.parametrize("blank", ["image", "question"])
def test_what_is_blank_is_not_felt_even_after_loading(blank, tmp_path):
    task = VisualQuestionAnswerer(blank=blank, **SMALL).fit(SceneQuestions(), max_steps=2)
    task.save(tmp_path)
    task = VisualQuestionAnswerer.load(tmp_path)
    one, other = scenes(8), scenes(8, seed=1)
    images, questions = (other.images, one.questions) if blank == "image" else (one.images, other.questions)
    assert torch.equal(task.probabilities(one.images, one.questions), task.probabilities(images, questions))
    if blank == "image":
        assert not torch.equal(
            task.probabilities(one.images, one.questions), task.probabilities(images, other.questions)
        )


def test_a_folder_is_learned_from_without_every_tenth_picture(folder):
    dataset = PictureQuestions(folder)
    assert (len(dataset), len(dataset.images)) == (48, 24)
    assert str(dataset.report) == "24 pictures with 48 questions"
    kept, validation = dataset.split()
    assert {dataset.pictures[i] for i in validation} == {9, 19}
    assert sorted(kept + validation) == list(range(48))
    task = VisualQuestionAnswerer(**SMALL).fit(folder, max_steps=3)
    assert set(task.evaluate(folder, dataset)) == {"accuracy", "accuracy_chance"}
    assert task.answer(folder / "images" / "0.png", "is this a scene") in task.answers


def test_pictures_that_are_missing_or_broken_are_named_and_left_out(folder, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "good.png").write_bytes((folder / "images" / "0.png").read_bytes())
    entries = [{"image": f"{name}.png", "question": "what", "answer": "it"} for name in ("good", "broken", "missing")]
    (tmp_path / "questions.json").write_text(json.dumps(entries), encoding="utf-8")
    report = str(PictureQuestions(tmp_path).report)
    assert report == (
        "1 pictures with 1 questions; left out because the picture cannot be read: 1 (broken.png); "
        "left out because the picture is missing: 1 (missing.png)"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"image": "a.png"}, "must hold a list of objects with image, question and answer"),
        ([{"image": "a.png", "question": "what"}], "entry 0 must have an image, a question and an answer in words"),
        ([["a.png", "what", "it"]], "entry 0 must have an image, a question and an answer in words"),
        ([{"image": "../a.png", "question": "what", "answer": "it"}], "leads out of the folder"),
        ([{"image": "a.png", "question": "what", "answer": "it"}], "has no picture with a question"),
        ([{"image": "a.png", "question": "?", "answer": "it"}], "the question is empty"),
        ([], "has no picture with a question"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(content, sentence, tmp_path):
    (tmp_path / "questions.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(MinimmError, match=sentence):
        PictureQuestions(tmp_path)


def test_bad_questions_are_refused_with_a_sentence(trained):
    task, _ = trained
    image = scenes(1).images[0].numpy()
    for question, sentence in (
        (" ?", "the question is empty"),
        ("red " * 60, "a question has 60 words"),
        (5, "but a text was expected"),
    ):
        with pytest.raises(MinimmError, match=sentence):
            task.answer(image, question)
    with pytest.raises(MinimmError, match="there are 1 pictures and 2 questions"):
        task.answer_all([image], ["what", "what"])
    with pytest.raises(MinimmError, match="questions is one str"):
        task.answer_all([image], "what")


def test_wrong_settings_and_data_are_refused(tmp_path):
    for options, sentence in (({"blank": "text"}, "blank='text'"), ({"preset": "huge"}, "preset 'huge' is not known")):
        with pytest.raises(MinimmError, match=sentence):
            VisualQuestionAnswerer(**options)
    with pytest.raises(MinimmError, match="fusion='early' is not known"):
        VisualQuestionAnswerer(fusion="early", **SMALL).fit(SceneQuestions(), max_steps=1)
    with pytest.raises(MinimmError, match="cannot learn to answer from int"):
        VisualQuestionAnswerer(**SMALL).fit(3, max_steps=1)
    with pytest.raises(MinimmError, match="has not learned anything yet"):
        VisualQuestionAnswerer().answer("a.png", "what")
    with pytest.raises(MinimmError, match="has no questions.json"):
        VisualQuestionAnswerer(**SMALL).fit(tmp_path, max_steps=1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=20))
def test_blind_accuracy_on_what_was_counted_is_the_share_of_the_most_frequent_answers(pairs):
    questions, answers = zip(*pairs, strict=True)
    most = sum(
        max(sum(pair == (question, answer) for pair in pairs) for answer in "xyz") for question in set(questions)
    )
    assert blind_accuracy(questions, answers, questions, answers) == pytest.approx(most / len(pairs))


def test_blind_accuracy_falls_back_on_the_beginning_of_a_question():
    seen = ["is it red", "is it big", "how many", "how many", "how many"], ["yes", "yes", "two", "two", "two"]
    assert blind_accuracy(*seen, ["is it new", "who"], ["yes", "two"]) == 1
    with pytest.raises(MinimmError, match="there are 1 questions and 2 answers"):
        blind_accuracy(*seen, ["a"], ["b", "c"])


@pytest.mark.parametrize("text", ["What  COLOUR is it ?", "what colour is it", " what colour is it?! "])
def test_a_question_is_the_same_however_it_is_written(text):
    assert plain_question(text) == "what colour is it"


def test_the_commands_train_answer_and_draw(tmp_path, folder, capsys):
    out, figure = tmp_path / "run", tmp_path / "looked.png"
    small = ["--d-model", 16, "--num-heads", 2, "--num-layers", 1, "--batch-size", 8, "--precision", "float32"]
    command = ["train", "visual-question-answerer", "--data", folder, "--max-steps", 2, "--out", out, *small]
    assert run(*command, "--baselines") == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert {"accuracy", "accuracy_chance", "accuracy_text_only", "accuracy_image_only", "steps"} <= set(results)
    assert len((out / "samples.txt").read_text(encoding="utf-8").splitlines()) == 40
    assert {path.name for path in (out / "figures").iterdir()} == {
        "answerer_loss.png", "answers.png", "answerer_attention.png"
    }  # fmt: skip
    capsys.readouterr()
    assert (
        run("answer", folder / "images" / "0.png", "Is this a scene?", "--model", out, "--figure", figure, "--k", 2)
        == 0
    )
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert figure.stat().st_size > 1000
    assert run(*command, "--resume", "--max-steps", 3) == 0


def test_commands_refuse_bad_input_in_a_sentence(tmp_path, refused):
    missing = tmp_path / "none"
    assert "does not exist" in refused(
        "train", "visual-question-answerer", "--data", missing, "--out", tmp_path / "out"
    )
    assert "none" in refused("answer", missing, "what", "--model", missing)
    with pytest.raises(MinimmError):
        ImageCaptioner.load(missing)


@pytest.mark.slow
def test_after_250_steps_it_knows_more_than_the_questions_say_also_of_pairs_never_seen():
    """Seen with this seed: 0.45 where the questions give away 0.29, and 0.37 (0.25) where the pairs are held out."""
    task = VisualQuestionAnswerer().fit(SceneQuestions(), max_steps=250)
    seen = scenes(5_000, "train", seed=1)
    for split, more in (("validation", 0.1), ("held_out", 0.05)):
        scores = task.evaluate(scenes(500, split), seen)
        assert scores["accuracy"] > scores["accuracy_chance"] + more
