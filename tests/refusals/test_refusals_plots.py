"""Numbers and names that are no figure together."""

import numpy as np
import pytest

from minimm.errors import MinimmError
from minimm.plots.alignment import alignment_map
from minimm.plots.contributions import token_contributions
from minimm.plots.growth import growth_curves
from minimm.plots.induction import induction_figure
from minimm.plots.ratios import ratio_bars
from minimm.plots.stages import stage_scores
from minimm.plots.trade_off import trade_off

LINE = ([1.0, 2.0], [1.0, 2.0], np.asarray)
ONCE = {"steps": [0], "loss": [4.2], "induction": [[0.0]], "previous": [[0.0]]}


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (
            lambda: alignment_map(np.full((2, 3), 0.3), ["la", "casa"], ["the", "house"], "translation"),
            r"weights of shape \(2, 3\) do not fit 2 row tokens and 2 column tokens; give one token for each",
        ),
        (
            lambda: token_contributions(["the", "cat"], np.ones(3), "cat"),
            "there are 2 tokens and 3 values; give one for each token",
        ),
        (
            lambda: growth_curves(dict.fromkeys("abcd", LINE), "time", "tokens", "ms"),
            "there are 4 curves; draw 1 to 3 in one figure",
        ),
        (
            lambda: induction_figure(ONCE, {"loss_uniform": 4.2}),
            "a model that was looked at only once has not grown; train it for longer",
        ),
        (lambda: ratio_bars({}, "speed"), "there are no ratios to draw; measure beside at least one peer"),
        (
            lambda: stage_scores({"joint": {"captions": 0.98}, "text": {"captions": 97.0}}),
            r"scores are shares from 0 to 1, but these are \[0.98, 97.0\]; divide percentages by 100",
        ),
        (
            lambda: trade_off({"reviews": {"remedies": {"plain": {}}}}),
            "there are 0 remedies to draw; give 1 to 9 beside the plain way",
        ),
    ],
)
def test_what_cannot_be_drawn(draw, words):
    with pytest.raises(MinimmError, match=words):
        draw()
