"""Weights in few bits: the error is at most half a step, what is shared stays shared, and a saved model is the same again."""

from __future__ import annotations

import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from minimm.errors import MinimmError
from minimm.files import read_json
from minimm.layers.initialization import initialize
from minimm.layers.quantization import (
    GROUP,
    ROWS_AT_ONCE,
    QuantizedLinear,
    QuantizedMatrix,
    is_quantized,
    quantize,
    stored_bytes,
)
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.tasks import TextGenerator

seeds = st.integers(0, 2**30)


def matrix(rows, columns, seed, scale=1.0):
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def small_model(**changes):
    config = {"vocab_size": 70, "context_length": 32, "d_model": 64, "num_heads": 4, "num_layers": 2, **changes}
    model = LanguageModel(LanguageModelConfig(**config))
    initialize(model, torch.Generator().manual_seed(0), model.config.num_layers)
    return model.eval()


@given(st.integers(1, 20), st.integers(1, 5), seeds, st.sampled_from((1e-6, 1.0, 1e6)), st.sampled_from((4, 8)))
def test_every_number_is_off_by_at_most_half_a_step(rows, groups, seed, scale, bits):
    weight = matrix(rows, groups * GROUP, seed, scale)
    error = (QuantizedMatrix(*weight.shape, bits).fill(weight).as_floats() - weight).abs()
    if bits == 8:
        step = weight.abs().amax(dim=1, keepdim=True) / 127
    else:
        parts = weight.unflatten(1, (-1, GROUP))
        step = ((parts.amax(dim=2) - parts.amin(dim=2)) / 15).repeat_interleave(GROUP, dim=1)
    assert (error <= 0.501 * step + 1e-6 * scale).all()


@given(st.integers(1, 9), st.sampled_from((4, 8)), st.sampled_from((0.0, -2.5, 1.0)))
def test_rows_of_one_number_and_the_largest_and_least_are_kept(rows, bits, number):
    constant = torch.full((rows, GROUP), number)
    torch.testing.assert_close(QuantizedMatrix(rows, GROUP, bits).fill(constant).as_floats(), constant)
    weight = matrix(rows, GROUP, rows)
    stored = QuantizedMatrix(rows, GROUP, bits).fill(weight).as_floats()
    strongest = weight.abs().argmax(dim=1, keepdim=True)
    torch.testing.assert_close(stored.gather(1, strongest), weight.gather(1, strongest), rtol=1e-5, atol=1e-6)
    if bits == 4:
        torch.testing.assert_close(stored.amin(dim=1), weight.amin(dim=1), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(stored.amax(dim=1), weight.amax(dim=1), rtol=1e-5, atol=1e-6)


@given(seeds, st.sampled_from((4, 8)), st.sampled_from((3, ROWS_AT_ONCE + 5)), st.booleans())
def test_a_product_is_that_with_the_stored_numbers_and_rows_are_looked_up(seed, bits, rows, biased):
    weight, x = matrix(rows, GROUP, seed), matrix(4, GROUP, seed + 1).view(2, 2, GROUP)
    linear = nn.Linear(GROUP, rows, bias=biased)
    stored = QuantizedMatrix(rows, GROUP, bits).fill(weight)
    product = QuantizedLinear(stored, linear.bias)(x)
    expected = nn.functional.linear(x, stored.as_floats(), linear.bias)
    torch.testing.assert_close(product, expected, rtol=1e-4, atol=1e-4)
    ids = torch.tensor([[0, rows - 1], [1, 1]])
    assert stored.as_floats(ids).equal(stored.as_floats()[ids])


@pytest.mark.parametrize("bits", [4, 8])
def test_a_model_keeps_what_it_shares_and_writes_with_a_cache_as_without(bits):
    model = small_model()
    ids = torch.randint(70, (2, 12), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before, size = model(ids), stored_bytes(model)
        quantize(model, bits)
        after = model(ids)
        cache = model.new_cache()
        pieces = torch.cat([model(ids[:, :5], cache=cache), model(ids[:, 5:], cache=cache)], dim=1)
    assert model.embedding.matrix is model.output.matrix and is_quantized(model)
    torch.testing.assert_close(pieces, after, rtol=1e-4, atol=1e-5)
    # In units of the logits' own spread: 8 bits are a few thousandths off, 4 bits some hundredths.
    error = ((after - before).std() / before.std()).item()
    assert error < {8: 0.02, 4: 0.3}[bits] and size / stored_bytes(model) > {8: 3.2, 4: 4.5}[bits]
    with pytest.raises(MinimmError, match="in few bits already"):
        quantize(model, bits)


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(MinimmError, match="bits=3 is not known; weights are stored in 8 or 4 bits"):
        quantize(small_model(), 3)
    with pytest.raises(MinimmError, match="multiple of 32 long.*use 8"):
        quantize(small_model(d_model=48), 4)
    with pytest.raises(MinimmError, match="nothing to quantise"):
        quantize(nn.Sequential(nn.Conv2d(3, 3, 1)), 8)


TEXT = "the cat sat on the mat and the dog sat on the cat. " * 60


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantization") / "book"
    task = TextGenerator(d_model=64, num_heads=2, num_layers=2, context_length=32, tokenizer="character")
    task.fit(TEXT, max_steps=60, folder=folder)
    return folder


@pytest.mark.parametrize(("bits", "allowed"), [(8, 1.01), (4, 1.05)])
def test_the_command_writes_a_smaller_model_that_is_as_good_and_cannot_be_trained(
    trained, tmp_path, bits, allowed, capsys
):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    out = tmp_path / "small"
    command = ("quantize", "--model", trained, "--bits", bits, "--out", out)
    assert run(*command, "--text", tmp_path / "text.txt") == 0
    results = read_json(out / "results.json")
    assert results["perplexity"] / results["perplexity_before"] < allowed
    assert results["times_smaller"] == results["bytes_before"] / results["bytes"] > 3
    small = (out / "model.safetensors").stat().st_size
    assert small < 0.4 * (trained / "model.safetensors").stat().st_size
    one, two = TextGenerator.load(out), TextGenerator.load(trained)
    two.quantize(bits)
    assert one.generate("the ", 40) == two.generate("the ", 40)
    with pytest.raises(MinimmError, match="in few bits and cannot learn; train the one that it was made from"):
        one._train(
            TextGenerator().preset.training,
            max_steps=1,
            max_seconds=None,
            folder=None,
            resume=False,
            draw_batch=lambda generator: None,
            loss=lambda model, batch: None,
            validate=None,
            batch_items=1,
            unit="token",
        )
    capsys.readouterr()
    assert run("quantize", "--model", out, "--out", tmp_path / "again") == 2
    assert "in few bits already" in capsys.readouterr().err
    assert run("export", "--model", out, "--out", tmp_path / "exported") == 2
    assert "weights in few bits cannot be exported" in capsys.readouterr().err
    assert run("quantize", "--model", trained, "--out", trained) == 2
    assert "holds the model itself" in capsys.readouterr().err
