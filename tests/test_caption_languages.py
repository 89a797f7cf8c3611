"""Captioners of other languages and with other encoders, end to end: trained for seconds, kept, opened, drawn, translated."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.shapes import Scenes, Shapes
from minimm.errors import MinimmError
from minimm.metrics.bleu import tokenize_zh
from minimm.runs.captioner import scene_results
from minimm.tasks import ImageCaptioner, Translator
from minimm.tasks.caption_language import CAPTION_LANGUAGES, maps_of_words
from minimm.tasks.writing.pivot_captioner import PivotCaptioner

SMALL = {"warmup_steps": 5, "d_model": 32, "num_layers": 1, "num_heads": 2, "channels": (8, 16), "batch_size": 16}
CHINESE = "一个红色的小圆形在一个蓝色的大正方形左边"


def scenes_in(language: str, count: int = 6) -> Scenes:
    return Shapes("validation", max_objects=2, language=language).draw(count, torch.Generator().manual_seed(9))


@pytest.fixture(scope="module", autouse=True)
def few_pictures_for_validation():
    """As many as there are usually would take longer than these trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageCaptioner, "validation_count", 16)
        yield


@pytest.fixture(scope="module")
def chinese(tmp_path_factory) -> tuple[ImageCaptioner, Path]:
    """A captioner that has read Chinese for seconds, and its folder."""
    folder = tmp_path_factory.mktemp("chinese")
    task = ImageCaptioner("tiny", language="zh", **SMALL)
    return task.fit(Shapes(max_objects=2, language="zh"), max_steps=50, folder=folder), folder


@pytest.fixture(scope="module")
def english(tmp_path_factory) -> Path:
    """The folder of an English captioner that looks at patches."""
    folder = tmp_path_factory.mktemp("english")
    ImageCaptioner("tiny", encoder="patches", patch_size=8, **SMALL).fit(Shapes(), max_steps=5, folder=folder)
    return folder


@pytest.fixture(scope="module")
def translator(tmp_path_factory) -> Path:
    """The folder of a translator that has read a few captions."""
    folder = tmp_path_factory.mktemp("translator")
    pairs = [scenes_in(language, 100).captions for language in ("en", "zh")]
    sizes = {"vocab_size": 400, "d_model": 16, "num_heads": 2, "num_encoder_layers": 1, "num_decoder_layers": 1}
    Translator("tiny", **sizes, batch_size=8).fit(*pairs, max_steps=5, folder=folder)
    return folder


def test_chinese_is_learned_character_by_character(chinese):
    task, _ = chinese
    losses = [row["validation_loss"] for row in task.training.history if "validation_loss" in row]
    assert losses[-1] < 0.6 * np.log(task.tokenizer.vocab_size)
    assert all(len(task.tokenizer.token_text(i)) == 1 for i in range(4, task.tokenizer.vocab_size))


def test_chinese_captions_are_scored_and_pointed_at_by_their_words(chinese):
    task, _ = chinese
    scores = task.evaluate(scenes_in("zh"))
    assert {"exact_match", "bleu4", "cider", "pointing_accuracy", "pointing_accuracy_chance"} == set(scores)
    perfect = scenes_in("zh").captions
    task.generate_captions = lambda images, **_: perfect  # as if it had learned everything
    try:
        assert task.evaluate(scenes_in("zh"))["bleu4"] == pytest.approx(100.0)
        assert task.evaluate(scenes_in("zh"))["exact_match"] == 1.0
    finally:
        del task.generate_captions


def test_a_figure_of_attention_has_one_map_for_each_chinese_word(chinese):
    task, _ = chinese
    attended = task.attend(scenes_in("zh").images[0].numpy(), CHINESE)
    assert attended.words == ["一个", "红色", "的", "小", "圆形", "在", "一个", "蓝色", "的", "大", "正方形", "左边"]
    assert attended.maps.shape == (12, 8, 8) and np.allclose(attended.maps.sum(axis=(1, 2)), 1.0, atol=1e-4)
    assert attended.plot().get_size_inches()[0] > 1


def test_language_and_encoder_are_kept_with_the_model(chinese, english):
    task, folder = chinese
    loaded = ImageCaptioner.load(folder)
    images = scenes_in("zh").images
    assert loaded.language == "zh" and loaded.generate_captions(images) == task.generate_captions(images)
    architecture = json.loads((english / "config.json").read_text(encoding="utf-8"))["architecture"]
    assert (architecture["encoder_kind"], architecture["language"]) == ("patches", "en")
    patches = ImageCaptioner.load(english)
    assert patches.language == "en" and patches.attend(images[0].numpy(), "a red circle").maps.shape == (3, 4, 4)


def test_a_captioner_saved_before_there_were_languages_and_encoders_opens_as_an_english_one_with_a_cnn(tmp_path):
    task = ImageCaptioner("tiny", **SMALL).fit(Shapes(), max_steps=2)
    task.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del config["architecture"]["language"], config["architecture"]["encoder_kind"]
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    loaded, images = ImageCaptioner.load(tmp_path), scenes_in("en").images
    assert loaded.language == "en" and loaded.generate_captions(images) == task.generate_captions(images)


@pytest.mark.parametrize(
    ("change", "message"), [({"language": "de"}, "language 'de'"), ({"encoder_kind": "eye"}, "does not describe")]
)
def test_a_saved_language_or_encoder_that_is_not_known_is_named(english, tmp_path, change, message):
    shutil.copytree(english, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["architecture"].update(change)
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(MinimmError, match=message):
        ImageCaptioner.load(tmp_path)


def test_languages_and_encoders_that_are_not_known_are_refused_with_those_that_are():
    with pytest.raises(MinimmError, match="language 'de'.*en.*zh"):
        ImageCaptioner(language="de")
    with pytest.raises(MinimmError, match="encoder 'eye'.*cnn.*patches"):
        ImageCaptioner(encoder="eye")
    with pytest.raises(MinimmError, match="language='zh'"):
        ImageCaptioner(language="zh").fit(Shapes(), max_steps=1)


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_a_words_map_is_that_of_the_token_in_which_it_begins(words, data):
    text = "".join(words)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text)))) | {len(text)})
    pieces = [text[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    maps = np.random.default_rng(0).uniform(size=(2, len(pieces), 3, 3))
    token_of = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])  # for each character
    found, start = maps_of_words(maps, pieces, words), 0
    for index, word in enumerate(words):
        assert np.array_equal(found[:, index], maps[:, token_of[start]])
        start += len(word)


def test_english_words_keep_the_maps_of_their_tokens():
    tokenizer = CAPTION_LANGUAGES["en"].tokenizer.train("a red ring left of an owl")
    maps = np.random.default_rng(0).uniform(size=(3, 3, 3))
    assert np.array_equal(maps_of_words(maps, tokenizer.split("a red ring"), ["a", "red", "ring"]), maps)
    assert CAPTION_LANGUAGES["zh"].counted(CHINESE).split() == tokenize_zh(CHINESE)


def test_a_pivot_writes_what_the_translator_makes_of_the_captioners_words(english, translator):
    pivot = PivotCaptioner.load(english, translator)
    scenes = scenes_in("zh")
    captions = pivot.captioner.generate_captions(scenes.images)
    assert pivot.generate_captions(scenes.images) == pivot.translate(captions)
    assert pivot.generate_caption(scenes.images[0].numpy()) == pivot.translate(captions)[0]
    assert pivot.translate(["", "a small red circle"]) == [
        "",
        pivot.translator.translate("a small red circle", num_beams=1),
    ]
    assert set(pivot.evaluate(scenes)) == {"exact_match", "bleu4", "cider"}


def test_a_pivot_into_the_captioners_own_language_is_refused(chinese, translator):
    with pytest.raises(MinimmError, match="writes 'zh' already"):
        PivotCaptioner(chinese[0], Translator.load(translator))


def test_captions_in_another_language_from_the_command_line(english, translator, tmp_path, capsys):
    from minimm.features.image import to_pil

    to_pil(scenes_in("en").images[0]).save(tmp_path / "scene.png")
    capsys.readouterr()
    assert run("caption", tmp_path / "scene.png", "--model", english, "--translator", translator) == 0
    pivot = PivotCaptioner.load(english, translator)
    assert capsys.readouterr().out.strip() == pivot.generate_caption(tmp_path / "scene.png").strip()


def test_the_command_trains_in_chinese_on_patches_and_shows_samples(tmp_path, monkeypatch):
    monkeypatch.setattr("minimm.runs.captioner.EVALUATION_SCENES", 8)
    options = ["--language", "zh", "--encoder", "patches", "--d-model", "16", "--num-layers", "1", "--num-heads", "2"]
    assert run("train", "captioner", *options, "--max-steps", "2", "--out", tmp_path) == 0
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {
        "exact_match",
        "exact_match_held_out",
        "pointing_accuracy",
        "pointing_accuracy_chance_held_out",
    } <= results.keys()
    assert "一个" in (tmp_path / "samples.txt").read_text(encoding="utf-8")


def test_a_language_that_a_data_set_lacks_is_refused(refused, tmp_path):
    line = refused("train", "captioner", "--data", "emoji-scenes", "--language", "zh", "--out", tmp_path / "out")
    assert "described in English" in line and "--data shapes" in line


@pytest.mark.slow
def test_chinese_captions_of_unseen_scenes_and_pairs_are_right():
    task = ImageCaptioner("tiny", language="zh").fit(Shapes(language="zh"), max_steps=1_100)
    results = scene_results(task)
    assert results["exact_match"] >= 0.80 and results["exact_match_held_out"] >= 0.60
    assert results["pointing_accuracy"] >= 0.60 > 0.15 > results["pointing_accuracy_chance"]
