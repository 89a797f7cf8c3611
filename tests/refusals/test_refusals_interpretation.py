"""What looking inside says of models and weights in which there is nothing to see: each sentence beside what causes it."""

from __future__ import annotations

import re

import pytest
import torch
from small_models import random_ids, random_model
from torch import nn

from minimm.errors import MinimmError
from minimm.interpretation.gradients import integrated_gradients
from minimm.interpretation.head_summary import head_summary
from minimm.interpretation.recorder import recorded_attention
from minimm.interpretation.regions import grad_cam, occlusion
from minimm.layers.multi_head_attention import CrossAttention, SelfAttention
from minimm.models.language_model import LanguageModelConfig

IMAGE = torch.zeros(3, 4, 4)
GENERATOR = torch.Generator().manual_seed(0)


def score(images):
    return images.sum(dim=(1, 2, 3))


REFUSED = {
    "steps=0 must be at least 1": lambda: integrated_gradients(score, IMAGE[None], torch.zeros(1), steps=0),
    "x (0, 3, 4, 4) is a batch of no inputs; give at least one": lambda: integrated_gradients(
        score, IMAGE[None][:0], torch.zeros(1)
    ),
    "over at least two tokens, but got (2, 1, 4, 1, 1)": lambda: head_summary(torch.ones(2, 1, 4, 1, 1)),
    "over at least two tokens, but got (4, 5, 5)": lambda: head_summary(torch.ones(4, 5, 5)),
    "over at least two tokens, but got (2, 1, 4, 5, 9)": lambda: head_summary(torch.ones(2, 1, 4, 5, 9)),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_of_numbers_that_do_not_fit(sentence):
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        REFUSED[sentence]()


@pytest.mark.parametrize(("kind", "run"), [(CrossAttention, True), (SelfAttention, False)])
def test_of_attention_that_the_model_does_not_have_or_did_not_use(kind, run):
    model = random_model(LanguageModelConfig(7, 12, 8, 2, 1), GENERATOR)
    ids = random_ids(1, 5, GENERATOR)
    with pytest.raises(
        MinimmError, match=f"no {kind.__name__} layer ran while it was recorded, so there is nothing to"
    ):
        recorded_attention(model, lambda: model(ids) if run else None, kind)


def test_of_a_grid_without_cells():
    with pytest.raises(MinimmError, match="a grid of 0 x 2 cells does not divide a picture of 4 x 4 pixels"):
        occlusion(score, IMAGE, (0, 2), torch.zeros(1))


@pytest.mark.parametrize("times", [0, 2])
def test_of_a_layer_that_has_no_one_map(times):
    layer = nn.Identity()

    def scored(images):
        for _ in range(times):
            layer(images)
        return score(images)

    with pytest.raises(MinimmError, match=f"the layer must be run once for a picture, but it was run {times} times"):
        grad_cam(scored, IMAGE, layer)
