"""The laws of normalisation and of the feed-forward part. Oracles: `torch.nn.LayerNorm`, `torch.nn.RMSNorm`, the formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, normal, seeds

from minimm.errors import MinimmError
from minimm.layers.feed_forward import GELUFeedForward, SwiGLUFeedForward, build_feed_forward, default_d_ff, gelu, silu
from minimm.layers.normalization import LayerNorm, RMSNorm, build_normalization, layer_norm, rms_norm

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)  # also a single vector, (d_model,)
scales = st.sampled_from([0.0, 1e-3, 1.0, 1e3])  # 0: the vectors are all zero
every_norm = pytest.mark.parametrize("name", ["layer", "rms"])


def random_norm(name: str, d_model: int, generator: torch.Generator) -> torch.nn.Module:
    norm = build_normalization(name, d_model).double()
    fill(norm, generator)
    return norm


@given(shapes, scales, seeds)
def test_layer_norm_equals_pytorchs(shape, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    x, norm = scale * normal(generator, *shape), random_norm("layer", shape[-1], generator)
    parameters = [norm.gain, norm.bias]
    assert_same_value_and_gradients(
        norm, lambda x: F.layer_norm(x, shape[-1:], norm.gain, norm.bias, eps=1e-5), x, parameters=parameters
    )
    assert_same(layer_norm(x, norm.gain, norm.bias), norm(x))
    assert norm.eps == torch.nn.LayerNorm(1).eps


@given(shapes, scales, st.sampled_from([1e-6, 1e-2]), seeds)
def test_rms_norm_equals_pytorchs_and_the_formula(shape, scale, eps, seed):
    generator = torch.Generator().manual_seed(seed)
    x, norm = scale * normal(generator, *shape), RMSNorm(shape[-1], eps).double()
    fill(norm, generator)
    oracle = torch.nn.RMSNorm(shape[-1], eps=eps).double()

    def theirs(x):
        return torch.func.functional_call(oracle, {"weight": norm.gain}, (x,))

    assert_same_value_and_gradients(norm, theirs, x, parameters=[norm.gain])
    assert_same_value_and_gradients(norm, lambda x: rms_norm(x, norm.gain, eps), x, parameters=[norm.gain])


@given(shapes, seeds, st.sampled_from([(True, True), (True, False), (False, True)]))
def test_the_hand_written_gradient_of_rms_norm_equals_the_numerical_one(shape, seed, needed):
    generator = torch.Generator().manual_seed(seed)
    norm = random_norm("rms", shape[-1], generator)
    norm.gain.requires_grad_(needed[1])
    x = normal(generator, *shape).requires_grad_(needed[0])

    def function(x, gain):
        return torch.func.functional_call(norm, {"gain": gain}, (x,))

    assert torch.autograd.gradcheck(function, (x, norm.gain))


@given(shapes, seeds)
def test_going_back_twice_through_rms_norm_gives_the_same_gradient(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    norm, x = random_norm("rms", shape[-1], generator), normal(generator, *shape).requires_grad_()
    total = norm(x).square().sum()
    first, second = (torch.autograd.grad(total, [x, norm.gain], retain_graph=True) for _ in range(2))
    assert all(a.equal(b) for a, b in zip(first, second, strict=True))


def test_normalisation_worked_by_hand():
    x = torch.tensor([3.0, 4.0])
    torch.testing.assert_close(RMSNorm(2)(x), x / math.sqrt(12.5))  # mean of 9 and 16
    torch.testing.assert_close(LayerNorm(2)(x), torch.tensor([-1.0, 1.0]), rtol=0, atol=1e-4)  # mean 3.5, deviation 0.5


@given(shapes.filter(lambda shape: shape[-1] > 1), st.floats(0.1, 100.0), st.floats(-100.0, 100.0), seeds)
def test_layer_norm_forgets_shift_and_scale_and_rms_norm_forgets_scale(shape, scale, shift, seed):
    x = normal(torch.Generator().manual_seed(seed), *shape).cumsum(-1)
    ones, zeros = torch.ones(shape[-1]).double(), torch.zeros(shape[-1]).double()
    assert_same(layer_norm(scale * x + shift, ones, zeros, 0.0), layer_norm(x, ones, zeros, 0.0), tolerance=1e-6)
    assert_same(rms_norm(scale * x, ones, 0.0), rms_norm(x, ones, 0.0))


@every_norm
@given(st.integers(2, 6), st.integers(2, 6), seeds, st.data())
def test_a_vector_is_normalised_without_a_look_at_its_neighbours(name, length, d_model, seed, data):
    generator = torch.Generator().manual_seed(seed)
    norm, x = random_norm(name, d_model, generator), normal(generator, length, d_model)
    changed = data.draw(st.integers(0, length - 1))
    other = x.clone()
    other[changed] = 1e3 * normal(generator, d_model)
    kept = torch.arange(length) != changed
    assert norm(other)[kept].equal(norm(x)[kept])


@given(shapes, st.sampled_from([1.0, 10.0]), seeds)
def test_gelu_and_silu_equal_pytorchs(shape, scale, seed):
    x = scale * normal(torch.Generator().manual_seed(seed), *shape)
    assert_same_value_and_gradients(gelu, F.gelu, x)
    assert_same_value_and_gradients(silu, F.silu, x)


def test_gelu_and_silu_worked_by_hand():
    x = torch.tensor([-1.0, 0.0, 1.0])
    torch.testing.assert_close(gelu(x), torch.tensor([-0.158655, 0.0, 0.841345]))  # Phi(1) = 0.841345
    torch.testing.assert_close(silu(x), torch.tensor([-0.268941, 0.0, 0.731059]))  # sigmoid(1) = 0.731059


@pytest.mark.parametrize("name", ["gelu", "swiglu"])
@given(st.integers(1, 5), st.integers(1, 7), shapes, st.booleans(), seeds)
def test_a_feed_forward_layer_is_its_formula(name, d_model, d_ff, shape, bias, seed):
    generator = torch.Generator().manual_seed(seed)
    layer = build_feed_forward(name, d_model, d_ff, bias=bias).double()
    fill(layer, generator)
    assert isinstance(layer, {"gelu": GELUFeedForward, "swiglu": SwiGLUFeedForward}[name])

    def linear(x, part):
        return x @ part.weight.T + (part.bias if bias else 0.0)

    def formula(x):
        up = linear(x, layer.up)
        wide = gelu(up) if name == "gelu" else silu(linear(x, layer.gate)) * up
        return linear(wide, layer.down)

    x = normal(generator, *shape, d_model)
    assert_same_value_and_gradients(layer, formula, x, parameters=list(layer.parameters()))


@given(st.integers(1, 4096))
def test_by_default_swiglu_costs_what_gelu_costs_rounded_up_to_a_multiple_of_32(d_model):
    assert default_d_ff("gelu", d_model) == 4 * d_model
    d_ff = default_d_ff("swiglu", d_model)
    assert d_ff % 32 == 0 and 0 <= 3 * d_ff - 2 * 4 * d_model < 3 * 32
    assert build_feed_forward("swiglu", 8).up.out_features == 32


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(MinimmError, match="'batch' is not known; choose from .*'layer', 'rms'"):
        build_normalization("batch", 4)
    with pytest.raises(MinimmError, match="'relu' is not known; choose from .*'gelu', 'gelu_tanh', 'swiglu'"):
        build_feed_forward("relu", 4)


@given(rows=st.integers(1, 5), width=st.integers(1, 9), seed=seeds)
def test_the_fused_layer_norm_is_the_formula_in_value_and_gradient(rows, width, seed):
    generator = torch.Generator().manual_seed(seed)
    x, incoming = (normal(generator, rows, width) for _ in range(2))
    norm = LayerNorm(width).double()
    with torch.no_grad():
        norm.gain.copy_(normal(generator, width))
        norm.bias.copy_(normal(generator, width))
    inputs = [x.requires_grad_(), norm.gain, norm.bias]
    fused, plain = norm(x), layer_norm(x, norm.gain, norm.bias, norm.eps)
    torch.testing.assert_close(fused, plain)
    for ours, theirs in zip(
        torch.autograd.grad(fused, inputs, incoming), torch.autograd.grad(plain, inputs, incoming), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
