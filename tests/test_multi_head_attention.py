"""The laws of multi-head attention. Oracle: `torch.nn.MultiheadAttention` with the same weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, in_pytorchs_names, normal, seeds

from minimm.errors import MinimmError
from minimm.layers.masks import causal_mask
from minimm.layers.multi_head_attention import CrossAttention, SelfAttention

sizes = st.integers(1, 5)


def assert_equals_pytorchs_module(layer, run, inputs: list[torch.Tensor], generator: torch.Generator) -> None:
    """`run(mask, x)` or `run(mask, x, memory)` against PyTorch's module: output, recorded weights, and every gradient."""
    x, memory = inputs[0], inputs[-1]
    fill(layer.double(), generator)
    width = None if memory.shape[-1] == x.shape[-1] else memory.shape[-1]
    oracle = torch.nn.MultiheadAttention(
        x.shape[-1], layer.num_heads, bias=layer.output.bias is not None, kdim=width, vdim=width, batch_first=True
    ).double()
    mask = torch.rand(len(x), layer.num_heads, x.shape[1], memory.shape[1], generator=generator) < 0.6
    mask[..., 0] = True  # PyTorch's module gives NaN to a query that may see nothing

    def theirs(*inputs):
        forbidden = {"attn_mask": ~mask.flatten(0, 1), "average_attn_weights": False}  # its masks mean the opposite
        state = in_pytorchs_names(layer, packed=width is None)
        output, weights = torch.func.functional_call(oracle, state, (inputs[0], inputs[-1], inputs[-1]), forbidden)
        if layer.record:
            assert_same(layer.weights, weights.detach())
        return output

    parameters = list(layer.parameters())
    assert_same_value_and_gradients(lambda *inputs: run(mask, *inputs), theirs, *inputs, parameters=parameters)
    assert (layer.weights is not None) == layer.record


@given(sizes, st.integers(1, 3), sizes, st.integers(1, 7), st.booleans(), st.booleans(), seeds)
def test_self_attention_equals_pytorchs_module_with_the_same_weights(b, num_heads, d_head, length, bias, record, seed):
    generator = torch.Generator().manual_seed(seed)
    layer = SelfAttention(num_heads * d_head, num_heads, bias=bias)
    layer.record = record
    x = normal(generator, b, length, num_heads * d_head)
    assert_equals_pytorchs_module(layer, lambda mask, x: layer(x, mask), [x], generator)


@given(sizes, st.integers(1, 3), sizes, st.integers(1, 7), st.integers(1, 7), st.booleans(), st.booleans(), seeds)
def test_cross_attention_equals_pytorchs_module_with_the_same_weights(
    d_memory, num_heads, d_head, length, memory_length, bias, record, seed
):
    generator = torch.Generator().manual_seed(seed)
    layer = CrossAttention(num_heads * d_head, num_heads, d_memory, bias=bias)
    layer.record = record
    x, memory = normal(generator, 2, length, num_heads * d_head), normal(generator, 2, memory_length, d_memory)
    assert_equals_pytorchs_module(
        layer, lambda mask, x, memory: layer(x, layer.project_memory(memory), mask), [x, memory], generator
    )


@given(st.integers(1, 3), st.integers(1, 3), sizes, st.integers(1, 6), st.booleans(), st.booleans(), seeds)
def test_grouped_key_value_heads_equal_full_heads_with_repeated_weights(groups, repeats, d, length, bias, record, seed):
    generator = torch.Generator().manual_seed(seed)
    num_heads, d_model = groups * repeats, groups * repeats * d
    grouped = SelfAttention(d_model, num_heads, num_key_value_heads=groups, bias=bias).double()
    full = SelfAttention(d_model, num_heads, bias=bias).double()
    fill(grouped, generator)
    state = grouped.state_dict()
    for name in list(state):
        if name.startswith("query_key_value"):
            heads = state[name].unflatten(0, (num_heads + 2 * groups, d))
            query, key, value = heads.split([num_heads, groups, groups])
            repeated = [query, key.repeat_interleave(repeats, 0), value.repeat_interleave(repeats, 0)]
            state[name] = torch.cat(repeated).flatten(0, 1)
    full.load_state_dict(state)
    grouped.record = full.record = record
    x = normal(generator, 2, length, d_model)
    mask = causal_mask(length)
    assert_same_value_and_gradients(lambda x: grouped(x, mask), lambda x: full(x, mask), x)
    assert not record or torch.allclose(grouped.weights, full.weights, rtol=1e-12, atol=1e-15)


def test_recording_a_causal_layer_shows_a_lower_triangle():
    layer = SelfAttention(6, 2).double()
    x = normal(torch.Generator().manual_seed(0), 2, 5, 6)
    expected = layer(x, causal=True)
    layer.record = True
    assert_same(layer(x, causal=True), expected)
    assert layer.weights.triu(diagonal=1).eq(0).all() and not layer.weights.requires_grad


def test_sizes_that_do_not_divide_are_explained():
    with pytest.raises(MinimmError, match=r"d_model=10 .* num_heads=4; choose num_heads from \[1, 2, 5, 10\]"):
        SelfAttention(10, 4)
    with pytest.raises(MinimmError, match="num_heads=0"):
        CrossAttention(10, 0, 3)
    with pytest.raises(MinimmError, match="num_key_value_heads=3"):
        SelfAttention(8, 4, num_key_value_heads=3)
