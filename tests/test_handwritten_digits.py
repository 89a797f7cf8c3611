"""Handwritten digits: who is in which split, what a picture of one looks like, and what happens without scikit-learn."""

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from minimm.datasets.handwritten_digits import HandwrittenDigits, augment_digits
from minimm.errors import MinimmError
from minimm.features.image import augment_images


def test_every_digit_of_the_collection_is_in_exactly_one_split():
    train, test = HandwrittenDigits("train"), HandwrittenDigits("test")
    together = torch.cat([train.digits, test.digits]).bincount()
    assert together.tolist() == np.bincount(load_digits().target).tolist()
    assert len(train) == 1442 and len(test) == 355
    assert (test.digits.bincount() - len(test) / 10).abs().max() < 2  # every digit equally often


def test_the_splits_are_the_same_each_time_and_share_no_picture():
    train, test, again = (HandwrittenDigits(split, 10).images.flatten(1) for split in ("train", "test", "test"))
    assert torch.equal(test, again)
    assert torch.cdist(test, train).min() > 0


def test_a_picture_is_dark_ink_on_white_paper_in_the_range_of_pictures():
    digits = HandwrittenDigits("test", 32)
    assert digits.images.shape[1:] == (3, 32, 32) and digits.images.dtype == torch.float32
    assert digits.images.min() >= 0 and digits.images.max() <= 1
    assert min(digits.images[:, :, edge].min() for edge in (0, 31)) > 0.9  # a margin of paper
    assert torch.equal(digits.images[:, 0], digits.images[:, 1])


def test_enlarging_keeps_the_ink_where_it_was():
    small, large = HandwrittenDigits("test", 10), HandwrittenDigits("test", 40)
    back = torch.nn.functional.avg_pool2d(large.images, 4)
    assert (back - small.images).abs().mean() < 0.05


def test_drawn_digits_are_fixed_by_their_generator_and_keep_their_names():
    digits = HandwrittenDigits("train")
    first, again, other = (digits.draw(200, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    reader = LogisticRegression(max_iter=200).fit(digits.images[:, 0].flatten(1), digits.digits)
    assert reader.score(digits.draw(200, torch.Generator().manual_seed(1))[0][:, 0].flatten(1), first[1]) > 0.5


def test_turning_a_picture_turns_it_by_at_most_the_angle_and_about_its_middle():
    image = torch.ones(1, 3, 33, 33)
    image[:, :, 16, 16:31] = 0.0  # a line from the middle to the right
    for seed in range(5):
        options = {"shift": 0.0, "scale": (1.0, 1.0), "recolour": 0.0, "rotation": 30.0}
        turned = 1.0 - augment_images(image, torch.Generator().manual_seed(seed), **options)[0, 0]
        rows, columns = (turned > 0.5).nonzero().T - 16
        angles = torch.atan2(rows.float(), columns.float())[columns.abs() + rows.abs() > 8].rad2deg()
        assert angles.std() < 3 and angles.mean().abs() <= 31
        assert turned[16, 16] > 0.4


def test_augmenting_digits_leaves_paper_white():
    paper = torch.ones(4, 3, 32, 32)
    changed = augment_digits(paper, torch.Generator().manual_seed(0))
    assert changed.std(dim=(2, 3)).max() < 1e-6


def test_bad_input_is_refused_in_one_sentence(monkeypatch):
    with pytest.raises(MinimmError, match="choose from"):
        HandwrittenDigits("validation")
    with pytest.raises(MinimmError, match="at least 10"):
        HandwrittenDigits("train", 8)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MinimmError, match=r"minimm\[digits\]"):
        HandwrittenDigits("train")
