"""The laws of attention and masks. Oracles: a loop over the allowed keys, and PyTorch's kernel."""

from __future__ import annotations

import doctest
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, normal, seeds, value_and_gradients

from minimm.errors import MinimmError
from minimm.layers import masks
from minimm.layers.attention import fused_attention, scaled_dot_product_attention, softmax
from minimm.layers.blockwise_attention import blockwise_attention, prefers_blocks
from minimm.layers.masks import causal_mask, mask_keys, mask_unless_all, padding_mask

sizes = st.integers(1, 5)


@st.composite
def problems(draw, blind_rows: bool = True):
    """query, key, value of any shape, and a mask that broadcasts against the scores in any way, or None."""
    generator = torch.Generator().manual_seed(draw(seeds))
    batch = draw(st.sampled_from([(), (2,), (2, 3), (1, 2), (2, 1, 3)]))
    t_q, t_k, d, d_v = draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(sizes), draw(sizes)
    query, key, value = (normal(generator, *batch, *tail) for tail in ((t_q, d), (t_k, d), (t_k, d_v)))
    query = query * draw(st.sampled_from([1.0, 10.0]))
    shape = draw(st.sampled_from([None, (t_q, t_k), (1, t_k), (t_k,), (*batch, t_q, t_k), (*batch, 1, t_k)]))
    if shape is None:
        return query, key, value, None
    mask = torch.rand(shape, generator=generator) < draw(st.sampled_from([0.2, 0.5, 0.9]))
    if not blind_rows:
        mask[..., draw(st.integers(0, t_k - 1))] = True
    return query, key, value, mask


def attention_by_loop(query, key, value, mask):
    """Every query alone, with the keys it may see picked out, so that no mask is ever applied."""
    t_q, t_k = query.shape[-2], key.shape[-2]
    mask = torch.ones(t_q, t_k, dtype=torch.bool) if mask is None else mask
    mask = mask.expand(*query.shape[:-1], t_k).reshape(-1, t_q, t_k)
    rows = []
    for q, k, v, m in zip(
        *(x.flatten(0, -3) if x.ndim > 2 else x[None] for x in (query, key, value)), mask, strict=True
    ):
        for i in range(t_q):
            allowed = m[i].nonzero().flatten()
            weights = torch.softmax(k[allowed] @ q[i] / math.sqrt(q.shape[-1]), dim=0)
            rows.append(weights @ v[allowed])  # an empty sum is zero
    return torch.stack(rows).view(*query.shape[:-1], value.shape[-1])


@given(problems())
def test_attention_mixes_the_values_of_the_allowed_keys_and_a_query_that_may_see_nothing_gives_zero(problem):
    *inputs, mask = problem
    assert_same_value_and_gradients(
        lambda q, k, v: scaled_dot_product_attention(q, k, v, mask)[0],
        lambda q, k, v: attention_by_loop(q, k, v, mask),
        *inputs,
    )


@given(problems(blind_rows=False))
def test_attention_equals_pytorchs_scaled_dot_product_attention(problem):
    *inputs, mask = problem
    assert_same_value_and_gradients(
        lambda q, k, v: scaled_dot_product_attention(q, k, v, mask)[0],
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask if mask is None else torch.atleast_2d(mask)),
        *inputs,
    )


@given(problems())
def test_the_fused_path_equals_the_written_one_also_where_a_query_may_see_nothing(problem):
    *inputs, mask = problem
    assert_same_value_and_gradients(
        lambda q, k, v: fused_attention(q, k, v, mask),
        lambda q, k, v: scaled_dot_product_attention(q, k, v, mask)[0],
        *inputs,
    )


def test_the_fused_path_equals_the_written_one_on_texts_longer_than_the_kernels_tiles():
    generator = torch.Generator().manual_seed(0)
    inputs = [normal(generator, 2, 2, 300, 16) for _ in range(3)]
    mask = torch.rand(2, 1, 300, 300, generator=generator) < 0.3
    mask[:, :, 7:90] = False
    mask[:, :, :, :40] = False
    assert_same_value_and_gradients(
        lambda q, k, v: fused_attention(q, k, v, mask),
        lambda q, k, v: scaled_dot_product_attention(q, k, v, mask)[0],
        *inputs,
    )


@given(problems())
def test_a_query_that_may_see_nothing_gets_zero_weights_and_output_and_sends_zero_back(problem):
    query, key, value, mask = problem
    mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool) if mask is None else mask
    mask = mask.expand(*query.shape[:-1], key.shape[-2]).clone()
    mask[..., 0, :] = False
    _, weights = scaled_dot_product_attention(query, key, value, mask)
    assert weights[..., 0, :].eq(0).all()
    for path in (fused_attention, lambda *inputs: scaled_dot_product_attention(*inputs)[0]):
        output, *gradients = value_and_gradients(lambda q, k, v, path=path: path(q, k, v, mask), query, key, value)
        assert output[..., 0, :].eq(0).all() and gradients[0][..., 0, :].eq(0).all()
        assert all(gradient.isfinite().all() for gradient in gradients)


@given(sizes, st.integers(1, 9), sizes, seeds)
def test_the_causal_flag_is_the_causal_mask(batch, length, d, seed):
    inputs = [normal(torch.Generator().manual_seed(seed + i), batch, 2, length, d) for i in range(3)]
    assert_same_value_and_gradients(
        lambda q, k, v: fused_attention(q, k, v, causal=True),
        lambda q, k, v: scaled_dot_product_attention(q, k, v, causal_mask(length))[0],
        *inputs,
    )


@given(problems())
def test_each_row_of_weights_sums_to_one_over_the_allowed_keys(problem):
    query, key, value, mask = problem
    _, weights = scaled_dot_product_attention(query, key, value, mask)
    allowed = torch.ones_like(weights, dtype=torch.bool) if mask is None else mask.expand_as(weights)
    assert weights.ge(0).all() and weights[~allowed].eq(0).all()
    assert_same(weights.sum(dim=-1), allowed.any(dim=-1).double())


@given(problems(), st.randoms(use_true_random=False))
def test_keys_may_be_permuted_together_with_their_values(problem, random):
    query, key, value, mask = problem
    order = list(range(key.shape[-2]))
    random.shuffle(order)
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    moved_output, moved_weights = scaled_dot_product_attention(
        query, key[..., order, :], value[..., order, :], None if mask is None else mask[..., order]
    )
    assert_same(moved_output, output)
    assert_same(moved_weights, weights[..., order])


@given(problems(), st.data())
def test_a_masked_key_changes_nothing_however_large_it_is(problem, data):
    query, key, value, mask = problem
    hidden = data.draw(st.integers(0, key.shape[-2] - 1))
    mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool) if mask is None else mask.clone()
    mask[..., hidden] = False
    large_key, large_value = key.clone(), value.clone()
    large_key[..., hidden, :], large_value[..., hidden, :] = 1e4, -1e4
    for path in (fused_attention, lambda *inputs: scaled_dot_product_attention(*inputs)[0]):
        one, other = (
            value_and_gradients(lambda q, k, v, path=path: path(q, k, v, mask), query, k, v)
            for k, v in ((key, value), (large_key, large_value))
        )
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
        assert one[2][..., hidden, :].eq(0).all() and one[3][..., hidden, :].eq(0).all()


@given(st.lists(sizes, min_size=1, max_size=3), st.floats(-1e3, 1e3), st.data(), seeds)
def test_softmax_is_pytorchs_and_adding_a_constant_to_the_logits_changes_nothing(shape, constant, data, seed):
    logits = 5.0 * normal(torch.Generator().manual_seed(seed), *shape)
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    assert_same_value_and_gradients(lambda x: softmax(x, dim), lambda x: torch.softmax(x, dim), logits)
    assert_same(softmax(logits + constant, dim), softmax(logits, dim))


def test_softmax_of_logits_too_large_for_exp_is_still_right():
    assert softmax(torch.tensor([[1e4, 1e4, 0.0], [-1e4, -1e4, -math.inf]])).tolist() == [[0.5, 0.5, 0.0]] * 2


def test_attention_worked_by_hand():
    query, key = torch.tensor([[2.0 * math.log(3.0), 0.0, 0.0, 0.0]]), torch.eye(2, 4)
    output, weights = scaled_dot_product_attention(query, key, torch.tensor([[4.0], [8.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.75, 0.25]]))  # scores log 3 and 0, as sqrt(D) = 2
    torch.testing.assert_close(output, torch.tensor([[5.0]]))


@given(st.integers(2, 300), st.booleans(), st.sampled_from((None, "keys", "pairs")), seeds)
@settings(max_examples=25)
def test_attention_in_blocks_is_attention(length, causal, masked, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = [normal(generator, 2, 2, length, 3) for _ in range(3)]
    shape = {"keys": (2, 1, 1, length), "pairs": (2, 1, length, length)}.get(masked)
    mask = None if causal or shape is None else torch.rand(shape, generator=generator) < 0.7
    whole = causal_mask(length) if causal else mask
    assert_same_value_and_gradients(
        lambda q, k, v: blockwise_attention(q, k, v, mask, causal=causal),
        lambda q, k, v: scaled_dot_product_attention(q, k, v, whole)[0],
        *inputs,
    )


@pytest.mark.parametrize("causal", [True, False])
def test_under_autocast_the_fused_path_takes_its_products_in_bfloat16(causal):
    query, key, value = (torch.randn(2, 2, 40, 8, generator=torch.Generator().manual_seed(i)) for i in range(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = fused_attention(query, key.bfloat16(), value, causal=causal)
    assert output.dtype == torch.bfloat16
    mask = causal_mask(40) if causal else None
    exact = scaled_dot_product_attention(query, key, value, mask)[0]
    torch.testing.assert_close(output.float(), exact, atol=0.03, rtol=0.03)


def test_one_query_and_very_many_keys_are_left_to_pytorchs_kernel():
    one, few, many = torch.zeros(1, 1, 1, 4), torch.zeros(1, 1, 9, 4), torch.zeros(1, 1, 1025, 4)
    assert prefers_blocks(few, few, True) and prefers_blocks(few.bfloat16(), few, False)
    assert not prefers_blocks(one, few, False) and not prefers_blocks(few, many, False)


@given(st.integers(0, 8), st.integers(0, 8))
def test_causal_queries_are_the_last_positions_and_see_no_later_key(query_length, cached):
    mask = causal_mask(query_length, query_length + cached)
    assert mask.tolist() == [[j <= cached + i for j in range(query_length + cached)] for i in range(query_length)]
    assert causal_mask(query_length).equal(causal_mask(query_length, query_length))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_padding_masks_keep_the_first_positions_of_each_row(lengths):
    mask = padding_mask(torch.tensor(lengths), 6)
    assert mask.tolist() == [[t < length for t in range(6)] for length in lengths]
    assert mask_keys(mask).shape == (len(lengths), 1, 1, 6) and mask_keys(mask).flatten(1).equal(mask)
    needed = mask_unless_all(mask)
    assert needed is None if mask.all() else needed.equal(mask_keys(mask))


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(masks).failed == 0


def test_shapes_that_do_not_fit_are_explained():
    x = torch.zeros(2, 3, 4)
    for wrong in (
        lambda path: path(x, torch.zeros(2, 3, 5), x),
        lambda path: path(x, x, torch.zeros(2, 2, 4)),
        lambda path: path(torch.zeros(4), x, x),
        lambda path: path(x, x, x, torch.ones(3, 3)),
        lambda path: path(x, x, x, torch.ones(3, 2, dtype=torch.bool)),
        lambda path: path(x, x, x, torch.ones(2, 3, dtype=torch.bool)),
    ):
        for path in (fused_attention, scaled_dot_product_attention):
            with pytest.raises(MinimmError, match=r"but|broadcast"):
                wrong(path)
    with pytest.raises(MinimmError, match="not both"):
        fused_attention(x, x, x, causal_mask(3), causal=True)
    with pytest.raises(MinimmError, match="key_length"):
        causal_mask(3, 2)
