"""The laws of the audio encoder: shapes, padding that changes nothing, gradients, and bad input."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.layers.initialization import initialize
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig


def build(num_mels=10, channels=(3, 4), d_model=8):
    model = AudioEncoder(AudioEncoderConfig(num_mels, channels, d_model))
    initialize(model, torch.Generator().manual_seed(0))
    return model.eval()


def sounds(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 3), st.integers(1, 3))
def test_time_is_halved_and_rounded_up_once_for_each_stage(frames, num_mels, stages, batch):
    memory = build(num_mels, (3,) * stages)(sounds(batch, frames, num_mels))
    moments = frames
    for _ in range(stages):
        moments = (moments + 1) // 2
    assert memory.features.shape == (batch, moments, 8) and memory.grid == (moments,)
    assert memory.mask.shape == (batch, moments) and memory.mask.all()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(0, 9))
def test_padding_changes_nothing_whatever_stands_in_it(lengths, more):
    model = build()
    longest = max(lengths) + more
    batch, mask = sounds(len(lengths), longest, 10), torch.arange(longest) < torch.tensor(lengths)[:, None]
    memory = model(batch.masked_fill(~mask[..., None], 1e4), mask)
    for row, length in enumerate(lengths):
        alone = model(batch[row : row + 1, :length])
        torch.testing.assert_close(memory.features[row][memory.mask[row]], alone.features[0], atol=1e-5, rtol=1e-4)
        assert memory.mask[row].sum() == alone.features.shape[1]
        assert torch.all(memory.features[row][~memory.mask[row]] == 0.0)


def test_every_moment_knows_what_came_before_and_what_comes_after():
    model, first = build(), sounds(1, 80, 10)
    for place in (0, 79):
        changed = first.clone()
        changed[:, place] += 3.0
        difference = (model(changed).features - model(first).features).abs().amax(dim=(0, 2))
        assert torch.all(difference > 0.0)


def test_every_weight_gets_a_gradient():
    model = build()
    model(sounds(2, 20, 10)).features.square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients.values())


@pytest.mark.parametrize(
    ("log_mels", "mask", "sentence"),
    [
        (sounds(2, 5, 9), None, r"built for log-mels \(B, F, 10\), but got \(2, 5, 9\)"),
        (sounds(5, 10), None, r"but got \(5, 10\)"),
        (sounds(2, 5, 10), torch.ones(2, 4, dtype=torch.bool), r"need a mask \(2, 5\) of bool"),
        (sounds(1, 3, 10), torch.tensor([[True, False, True]]), "has a gap or no frame at all"),
        (sounds(1, 3, 10), torch.zeros(1, 3, dtype=torch.bool), "has a gap or no frame at all"),
    ],
)
def test_bad_input_is_refused(log_mels, mask, sentence):
    with pytest.raises(MinimmError, match=sentence):
        build()(log_mels, mask)


def test_impossible_shapes_are_refused():
    with pytest.raises(MinimmError, match="d_model=7 must be even"):
        AudioEncoderConfig(d_model=7)
    with pytest.raises(MinimmError, match="at least one band and one stage"):
        AudioEncoderConfig(channels=())
