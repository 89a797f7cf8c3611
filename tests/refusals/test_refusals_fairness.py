"""What measuring and mending bias say of input that they cannot use: each sentence beside what causes it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from minimm.errors import MinimmError
from minimm.fairness.association import association_test
from minimm.fairness.groups import (
    demographic_parity_difference,
    equalized_odds_difference,
    group_accuracies,
    spread_p_value,
)
from minimm.fairness.robust import GroupRobustLoss
from minimm.fairness.swapping import Swapper, read_lists
from minimm.metrics.intervals import bootstrap, share_interval

TWO = np.eye(2)

REFUSED = {
    "ways=0 must be at least 1, the true division": lambda: association_test(TWO, TWO, TWO, TWO, ways=0),
    "there is no example, so there is no share of what is right; give at least one": lambda: share_interval([]),
    "there is no example; give at least one of every group": lambda: group_accuracies([], [], []),
    "a difference between groups takes two of them, but every example is of ['she']": lambda: (
        demographic_parity_difference(["yes", "no"], ["she", "she"], "yes")
    ),
    "takes two of them, but every example is of [('she', 'old')]": lambda: equalized_odds_difference(
        ["yes", "no"], ["yes", "no"], [("she", "old")] * 2, "yes"
    ),
    "groups are whole numbers, one for each example, not torch.float32; use groups.long()": lambda: GroupRobustLoss(2)(
        torch.ones(2), torch.tensor([0.0, 1.0])
    ),
    "one of the words to swap is empty; give two words for each pair": lambda: Swapper("zh", [("", "a")]),
    "rounds=0 must be at least 1; a thousand give": lambda: bootstrap(len, 2, rounds=0),
    "level=95 must be a share between 0 and 1": lambda: bootstrap(len, 2, level=95),
    "there are 2 examples, but strata of 3; give one for each": lambda: bootstrap(len, 2, strata="abc"),
    "give one loss and one group for each example, (B,), not (3, 1) and (3,)": lambda: GroupRobustLoss(2)(
        torch.ones(3, 1), torch.tensor([0, 1, 1])
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_of_examples_that_tell_nothing(sentence):
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        REFUSED[sentence]()


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_of_a_level_that_is_no_share(level):
    with pytest.raises(MinimmError, match=f"level={level} must be a share between 0 and 1, such as 0.95"):
        share_interval([True, False], level)


def test_of_no_rounds():
    with pytest.raises(MinimmError, match="rounds=0 must be at least 1"):
        spread_p_value([True, False], ["she", "he"], rounds=0)


def test_of_chance_without_examples():
    with pytest.raises(MinimmError, match="there is no example; give at least one of every group"):
        spread_p_value([], [])


@pytest.mark.parametrize("entry", ["king", "king/queen/prince", "king/", "/"])
def test_of_words_without_a_partner(tmp_path, entry):
    path = tmp_path / "swaps.txt"
    path.write_text(f"[words]\nman/woman, {entry}\n", encoding="utf-8")
    with pytest.raises(MinimmError, match=re.escape(f"swaps.txt has ['{entry}'], but a pair is written as one/other")):
        read_lists(path)
