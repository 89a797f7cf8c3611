"""What writing says of a model that cannot write."""

import math

import pytest
import torch
from small_models import random_model

from minimm.errors import MinimmError
from minimm.generation.sampling import Sampling, generate
from minimm.models.language_model import LanguageModelConfig


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300])
def test_of_scores_that_are_no_numbers(value):
    model = random_model(LanguageModelConfig(7, 12, 8, 2, 1), torch.Generator().manual_seed(0))
    model.embedding.weight.data[3] = value
    with pytest.raises(
        MinimmError, match="the model's scores are not finite numbers; its weights are damaged or too large"
    ):
        generate(model, [[3, 4]], 5, sampling=Sampling(temperature=0.8))
