"""The laws of chance in a model: its first weights and its dropout come from seeds that are passed in."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import seeds
from small_models import POSITIONS

from minimm.errors import MinimmError
from minimm.layers.dropout import Dropout, seed_dropout
from minimm.layers.initialization import initialize
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig


def captioner(num_layers: int = 3, **options) -> EncoderDecoder:
    """A model with every kind of layer."""
    config = LanguageModelConfig(300, 64, 64, 4, num_layers, d_memory=32, bias=True, **options)
    return EncoderDecoder(ImageEncoder(ImageEncoderConfig(8, (16,), 32)), LanguageModel(config))


@given(seeds, st.sampled_from(POSITIONS), st.sampled_from(["gelu", "swiglu"]), st.booleans())
def test_the_seed_alone_decides_the_first_weights_and_the_global_generator_is_left_alone(seed, positions, kind, tie):
    states = []
    for chance in (1, 2):
        torch.manual_seed(chance)  # what PyTorch fills the layers with when they are built
        model = captioner(1, positions=positions, feed_forward=kind, tie_embeddings=tie)
        before = torch.get_rng_state()
        initialize(model, torch.Generator().manual_seed(seed))
        assert torch.get_rng_state().equal(before)
        states.append(model.state_dict())
    assert all(value.equal(states[1][name]) and value.isfinite().all() for name, value in states[0].items())
    initialize(model, torch.Generator().manual_seed(seed + 1))
    same = [n for n, p in model.named_parameters() if p.equal(states[0][n])]
    assert all(name.endswith(("bias", "gain")) for name in same)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("kind", ["gelu", "swiglu"])
def test_first_weights_have_the_papers_spread(positions, kind):
    model = captioner(num_layers=3, positions=positions, feed_forward=kind, normalization="layer")
    initialize(model, torch.Generator().manual_seed(0), num_layers=3)
    residual = ("attention.output.weight", "feed_forward.down.weight")  # also cross_attention.output.weight
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert parameter.eq(0).all(), name
        elif name.endswith("gain"):
            assert parameter.eq(1).all(), name
        else:
            std = 0.02
            if name.endswith(residual):
                std = 0.02 / math.sqrt(2 * 3)
            elif parameter.ndim == 4:
                std = math.sqrt(2 / parameter[0].numel())
            spread = 5 * std / math.sqrt(parameter.numel())
            assert abs(parameter.mean().item()) < spread, name
            assert abs(parameter.std().item() - std) < spread, name


@pytest.mark.parametrize("tie", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(
    ("vocab_size", "d_model", "num_layers"), [(65, 32, 1), (65, 64, 2), (1000, 64, 3), (1000, 128, 4)]
)
def test_an_untrained_model_finds_every_token_equally_likely(vocab_size, d_model, num_layers, positions, tie):
    config = LanguageModelConfig(vocab_size, 64, d_model, 4, num_layers, positions=positions, tie_embeddings=tie)
    model, generator = LanguageModel(config), torch.Generator().manual_seed(0)
    initialize(model, generator, num_layers)
    ids = torch.randint(vocab_size, (8, 65), generator=generator)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).item()
    assert loss == pytest.approx(math.log(vocab_size), rel=0.02)


@given(seeds, st.floats(0.05, 0.9))
def test_dropout_zeroes_the_promised_share_and_keeps_the_mean(seed, probability):
    layer = Dropout(probability)
    seed_dropout(layer, seed)
    x = torch.ones(10000)
    before = torch.get_rng_state()
    dropped = layer(x)
    assert torch.get_rng_state().equal(before)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], x[kept] / (1 - probability))
    assert abs(kept.float().mean().item() - (1 - probability)) < 5 * math.sqrt(probability * (1 - probability) / 10000)


@given(seeds)
def test_the_same_seed_drops_the_same_numbers_and_evaluation_drops_none(seed):
    whole = captioner(1, dropout=0.3)
    initialize(whole, torch.Generator().manual_seed(0))
    model, inputs = whole.decoder, {"ids": torch.arange(6)[None], "memory": whole.encode(torch.zeros(1, 3, 8, 8))}
    runs = []
    for run_seed in (seed, seed, seed + 1):
        seed_dropout(model, run_seed)
        runs.append(model(**inputs))
    assert runs[0].equal(runs[1]) and not runs[0].equal(runs[2])
    calm = model.eval()(**inputs)
    assert calm.equal(model(**inputs)) and not calm.equal(runs[0])
    without = captioner(1).decoder
    without.load_state_dict(model.state_dict())
    assert without(**inputs).equal(calm)


def test_dropout_without_a_generator_or_with_an_impossible_share_is_explained():
    with pytest.raises(MinimmError, match="seed_dropout"):
        Dropout(0.5)(torch.ones(3))
    for probability in (-0.1, 1.0, math.nan):
        with pytest.raises(MinimmError, match="not a probability"):
            Dropout(probability)
