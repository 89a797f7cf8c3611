"""What must hold for scenes of emoji. Their pictures are stand-ins here, so that no font and no download is needed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.datasets.coco_captions import write_coco_captions
from minimm.datasets.emoji_scenes import NAMES, EmojiObject, EmojiScenes, describe_emoji, is_held_out
from minimm.errors import MinimmError
from minimm.interpretation.grounding import named_objects

SPLITS = ("train", "validation", "held_out")
seeds = st.integers(0, 2**40)
PAIRS = {frozenset((i, j)) for i in range(len(NAMES)) for j in range(i)}
HELD_OUT = {pair for pair in PAIRS if is_held_out(torch.tensor(min(pair)), torch.tensor(max(pair)))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with every emoji of the scenes: a square of its own colour, white all around, and one that scenes lack."""
    path = tmp_path_factory.mktemp("emoji")
    images = np.ones((len(NAMES) + 1, 3, 16, 16), dtype=np.float32)
    images[:, :, 2:14, 2:14] = np.random.default_rng(0).uniform(0.0, 0.6, (len(NAMES) + 1, 3, 1, 1))
    write_coco_captions(path, images, [*NAMES, "chocolate bar"])
    return path


def draw(folder: Path, split: str, seed: int, count: int = 12, size: int = 64):
    return EmojiScenes(split, size, folder).draw(count, torch.Generator().manual_seed(seed))


@settings(max_examples=15)
@given(seeds, st.sampled_from(SPLITS))
def test_sentences_are_true_of_the_boxes_and_name_two_or_three_different_emoji(folder, seed, split):
    scenes = draw(folder, split, seed)
    for caption, objects in zip(scenes.captions, scenes.objects, strict=True):
        assert caption == describe_emoji(objects) and 2 <= len({item.name for item in objects}) == len(objects) <= 3
        for one, other in zip(objects, objects[1:], strict=False):
            (x0, y0), (x1, y1) = (((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in (one.box, other.box))
            relation = caption.split(one.name)[1].split()[0]
            assert x0 + y0 < x1 + y1 and relation == ("left" if abs(x1 - x0) > abs(y1 - y0) else "above")


@settings(max_examples=15)
@given(seeds)
def test_held_out_pairs_never_meet_in_training_and_are_all_neighbours_in_held_out(folder, seed):
    for split in SPLITS:
        for objects in draw(folder, split, seed).objects:
            which = [NAMES.index(item.name) for item in objects]
            together = {frozenset((i, j)) for i in which for j in which if i != j}
            neighbours = {frozenset(pair) for pair in zip(which, which[1:], strict=False)}
            assert neighbours <= HELD_OUT if split == "held_out" else not together & HELD_OUT


def test_one_pair_in_five_is_held_out_and_every_emoji_is_in_both_kinds_of_pairs(folder):
    assert len(HELD_OUT) / len(PAIRS) == pytest.approx(1 / 5, abs=0.01)
    for index in range(len(NAMES)):
        assert 0 < sum(index in pair for pair in HELD_OUT) < sum(index in pair for pair in PAIRS)
    for split in SPLITS:
        assert {item.name for objects in draw(folder, split, 0, 400).objects for item in objects} == set(NAMES)


@settings(max_examples=15)
@given(seeds)
def test_an_emoji_is_seen_where_its_box_is_and_nothing_is_seen_elsewhere(folder, seed):
    scenes = draw(folder, "train", seed)
    axis = torch.arange(64) + 0.5
    for image, objects in zip(scenes.images, scenes.objects, strict=True):
        ink = image.max() - image.min(dim=0).values  # how far below the paper's tone
        elsewhere = torch.ones(64, 64, dtype=torch.bool)
        for item in objects:
            left, top, right, bottom = item.box
            inside = ((left <= axis) & (axis <= right))[None] & ((top <= axis) & (axis <= bottom))[:, None]
            assert ink[inside].mean() > 0.1 and min(item.box) >= 0 and max(item.box) <= 64
            elsewhere &= ~inside
        assert ink[elsewhere].max() < 0.02


@settings(max_examples=10)
@given(seeds, st.integers(32, 80))
def test_pictures_are_in_range_of_the_size_asked_for_and_fixed_by_the_seed(folder, seed, size):
    scenes, again = draw(folder, "train", seed, 3, size), draw(folder, "train", seed, 3, size)
    assert scenes.images.shape == (3, 3, size, size) and scenes.images.dtype == torch.float32
    assert scenes.images.min() >= 0.0 and scenes.images.max() <= 1.0
    assert torch.equal(scenes.images, again.images) and scenes.captions == again.captions


def test_the_first_word_of_a_name_points_at_its_emoji_and_no_other_word_does():
    objects = [EmojiObject("evergreen tree", (0, 0, 9, 9)), EmojiObject("owl", (20, 0, 30, 9))]
    words = describe_emoji(objects).split()
    assert words == ["an", "evergreen", "tree", "left", "of", "an", "owl"]
    assert named_objects(words, objects) == [None, objects[0], None, None, None, None, objects[1]]
    assert len({name.split()[0] for name in NAMES}) == len(NAMES)
    assert all(len(name.split()) <= 2 and not {"a", "an", "left", "of", "above"} & set(name.split()) for name in NAMES)


def test_a_folder_that_lacks_some_of_the_emoji_is_refused_by_name(tmp_path):
    write_coco_captions(tmp_path, [np.zeros((3, 8, 8))] * 2, ["owl", "key"])
    with pytest.raises(MinimmError, match="46 of the 48 .* such as .'dog face'"):
        EmojiScenes(folder=tmp_path)


def test_sources_that_cannot_be_drawn_are_refused(folder):
    for options in ({"split": "test"}, {"image_size": 16}):
        with pytest.raises(MinimmError):
            EmojiScenes(folder=folder, **options)
