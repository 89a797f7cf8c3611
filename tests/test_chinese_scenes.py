"""What must hold for Chinese captions of scenes: they say what the English ones say, in words that can be found again."""

import doctest

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets import chinese_scenes, coco_captions, emoji_scenes, layout
from minimm.datasets.chinese_scenes import COLOURS, SHAPES, SIZES, WORDS
from minimm.datasets.pair_splits import read_pair_splits
from minimm.datasets.scene_pairs import scene_pairs
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.interpretation.grounding import named_objects
from minimm.tasks.caption_language import CAPTION_LANGUAGES, check_language

seeds = st.integers(0, 2**40)


def draw(language: str, seed: int, count: int = 8, split: str = "train"):
    return Shapes(split, 16, language=language).draw(count, torch.Generator().manual_seed(seed))


def parsed(chinese: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Objects and relations of a Chinese caption, in English: by looking words up, whatever the order of the sentence."""

    def english(table: dict[str, str], part: str) -> str:
        (found,) = [name for name, word in table.items() if word in part]
        return found

    objects, relations = [], []
    for part in chinese.split("一个")[1:]:
        objects.append((english(SIZES, part), english(COLOURS, part), english(SHAPES, part)))
        relations += ["left"] * part.count("左边") + ["above"] * part.count("上方")
    return objects, relations


@given(seeds, st.sampled_from(["train", "validation", "held_out"]))
def test_both_languages_say_the_same_of_the_same_picture(seed, split):
    english, chinese = draw("en", seed, split=split), draw("zh", seed, split=split)
    assert torch.equal(english.images, chinese.images) and english.objects == chinese.objects
    for one, other in zip(english.captions, chinese.captions, strict=True):
        words = [word for word in one.split() if word not in ("a", "of")]
        objects, relations = parsed(other)
        assert [word for word in words if word in ("left", "above")] == relations
        assert [word for word in words if word not in ("left", "above")] == [w for item in objects for w in item]


@given(seeds)
def test_words_of_a_chinese_caption_are_found_by_the_segmenter_and_each_object_has_two_that_point_at_it(seed):
    scenes = draw("zh", seed)
    for caption, objects in zip(scenes.captions, scenes.objects, strict=True):
        words = CAPTION_LANGUAGES["zh"].words(caption)
        assert "".join(words) == caption and set(words) <= set(WORDS)
        pointed = [item for item in named_objects(words, objects) if item is not None]
        assert pointed == [item for item in objects for _ in range(2)]


def test_a_relation_of_the_second_object_begins_anew_with_the_latter():
    captions = draw("zh", 0, 200).captions
    assert {caption.count("一个") - 2 for caption in captions if "后者" in caption} == {1}
    assert all(caption.count("在") == caption.count("一个") - 1 for caption in captions)
    assert all(caption.endswith(("左边", "上方")) == (caption.count("一个") > 1) for caption in captions)


@pytest.mark.parametrize("module", [chinese_scenes, layout, emoji_scenes, coco_captions])
def test_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_pairs_of_captions_are_the_same_in_either_direction_and_no_test_pair_is_learned_from():
    parts = scene_pairs()
    assert set(parts) == {"train", "val", "test", "held_out"} and len(parts["train"]) > 5_000
    assert not set(parts["train"]) & set(parts["test"] + parts["val"] + parts["held_out"])
    assert read_pair_splits("shapes", "zh", "en")["test"] == [(chinese, english) for english, chinese in parts["test"]]
    held_out = {(colour, shape) for _, text in parts["held_out"] for _, colour, shape in parsed(text)[0]}
    assert held_out == set(zip(COLOURS, SHAPES, strict=True))


def test_other_languages_are_refused_with_those_that_there_are():
    with pytest.raises(MinimmError, match="en or zh"):
        Shapes(language="de")
    with pytest.raises(MinimmError, match="from 'en' to 'de'"):
        scene_pairs("en", "de")


@pytest.mark.parametrize(("captions", "language"), [(["一个红色的小圆形"], "en"), (["a small red circle"], "zh")])
def test_captions_of_another_language_than_the_captioners_are_refused(captions, language):
    other = "zh" if language == "en" else "en"
    with pytest.raises(MinimmError, match=f"language='{language}'; give such captions, .*language='{other}'"):
        check_language(captions, language)
    check_language(captions, other)
