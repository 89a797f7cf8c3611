"""The laws of softmax, cross-entropy and attention in NumPy. The oracle is torch: its functions and its autograd."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawing import TOLERANCE, batches, generators, normal, sizes
from hypothesis import given
from hypothesis import strategies as st

from minimm.first_principles import masks
from minimm.first_principles.attention import (
    cross_modal_attention,
    cross_modal_attention_backward,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from minimm.first_principles.cross_entropy import cross_entropy, cross_entropy_backward
from minimm.first_principles.masks import causal_mask
from minimm.first_principles.multi_head_attention import (
    join_heads,
    multi_head_attention,
    multi_head_attention_backward,
    split_heads,
)
from minimm.first_principles.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward


class Problem(NamedTuple):
    """`arrays` have gradients and come first, `others` follow them; the oracle takes torch tensors for `arrays`."""

    function: Callable
    backward: Callable
    oracle: Callable
    arrays: tuple[np.ndarray, ...]
    others: tuple[Any, ...] = ()


def draw_logits(draw, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Of size 1 or 1e4; some are -inf, though never all along `axis`."""
    (logits,) = normal(draw, shape)
    logits = logits * draw(st.sampled_from([1.0, 1e4]))
    closed = draw(generators).random(shape) < draw(st.sampled_from([0.0, 0.5]))
    closed &= logits < logits.max(axis=axis, keepdims=True)
    return np.where(closed, -np.inf, logits)


def draw_mask(draw, batch: tuple[int, ...], t_q: int, t_k: int) -> np.ndarray | None:
    """None, or a mask that broadcasts to (*batch, t_q, t_k) with all axes or fewer; rows of nothing but False are common."""
    kinds = [None, (t_q, t_k), (1, t_k), (t_q, 1), (*batch, t_q, t_k), (*batch, 1, t_k)]
    shape = draw(st.sampled_from(kinds))
    return None if shape is None else draw(generators).random(shape) < draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))


def as_tensor(mask: np.ndarray | None) -> torch.Tensor | None:
    return None if mask is None else torch.from_numpy(mask)


@st.composite
def softmax_problems(draw, function, backward, oracle) -> Problem:
    shape = tuple(draw(st.lists(sizes, min_size=1, max_size=4)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return Problem(function, backward, lambda z: oracle(z, dim=axis), (draw_logits(draw, shape, axis),), (axis,))


@st.composite
def cross_entropy_problems(draw) -> Problem:
    n, v = draw(st.integers(0, 6)), draw(sizes)
    ignore_index = draw(st.sampled_from([-100, -1, 0, v]))
    targets = draw(generators).integers(v, size=n)
    targets[draw(generators).random(n) < draw(st.sampled_from([0.0, 0.4, 1.0]))] = ignore_index
    counted = max(int((targets != ignore_index).sum()), 1)

    def oracle(logits):
        total = F.cross_entropy(logits, torch.from_numpy(targets), ignore_index=ignore_index, reduction="sum")
        return total / counted

    logits = draw_logits(draw, (n, v), -1)
    return Problem(cross_entropy, cross_entropy_backward, oracle, (logits,), (targets, ignore_index))


@st.composite
def attention_problems(draw) -> Problem:
    batch, (t_q, t_k, d, d_v) = draw(batches), draw(st.tuples(sizes, sizes, sizes, sizes))
    query, key, value = normal(draw, (*batch, t_q, d), (*batch, t_k, d), (*batch, t_k, d_v))
    query = query * draw(st.sampled_from([1.0, 10.0]))
    mask = draw_mask(draw, batch, t_q, t_k)

    def oracle(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, as_tensor(mask))

    return Problem(
        scaled_dot_product_attention, scaled_dot_product_attention_backward, oracle, (query, key, value), (mask,)
    )


@st.composite
def cross_modal_problems(draw) -> Problem:
    batch, (t, n, d_t, d_i, d, d_v) = draw(batches), draw(st.tuples(*6 * [sizes]))
    arrays = normal(draw, (*batch, t, d_t), (*batch, n, d_i), (d_t, d), (d_i, d), (d_i, d_v))

    def oracle(text, image, w_q, w_k, w_v):
        return F.scaled_dot_product_attention(text @ w_q, image @ w_k, image @ w_v)

    return Problem(cross_modal_attention, cross_modal_attention_backward, oracle, arrays)


def torch_multi_head_attention(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask):
    """PyTorch's, which wants (T, B, width), weights transposed, one mask for each head, and True = may *not* attend."""
    *batch, t_q, d_model = x_query.shape
    t_k = x_memory.shape[-2]
    asks, answers = x_query.reshape(-1, t_q, d_model), x_memory.reshape(-1, t_k, x_memory.shape[-1])
    if mask is not None:
        mask = ~as_tensor(mask).expand(*batch, t_q, t_k).reshape(-1, t_q, t_k).repeat_interleave(num_heads, dim=0)
    output, _ = F.multi_head_attention_forward(
        *(asks.transpose(0, 1), answers.transpose(0, 1), answers.transpose(0, 1), d_model, num_heads),
        **dict(in_proj_weight=None, in_proj_bias=None, bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0),
        **dict(out_proj_weight=w_o.T, out_proj_bias=None, need_weights=False, attn_mask=mask),
        **dict(use_separate_proj_weight=True, q_proj_weight=w_q.T, k_proj_weight=w_k.T, v_proj_weight=w_v.T),
    )
    return output.transpose(0, 1).reshape(*batch, t_q, d_model)


@st.composite
def multi_head_problems(draw) -> Problem:
    batch, (t_q, t_k, d_memory) = draw(batches), draw(st.tuples(sizes, sizes, sizes))
    num_heads = draw(st.integers(1, 4))
    d_model = num_heads * draw(st.integers(1, 3))
    shapes = (*batch, t_q, d_model), (*batch, t_k, d_memory), (d_model, d_model), (d_memory, d_model)
    arrays = normal(draw, *shapes, shapes[-1], shapes[-2])
    mask = draw_mask(draw, batch, t_q, t_k)

    def oracle(*tensors):
        return torch_multi_head_attention(*tensors, num_heads, mask)

    return Problem(multi_head_attention, multi_head_attention_backward, oracle, arrays, (num_heads, mask))


PROBLEMS = {
    "softmax": softmax_problems(softmax, softmax_backward, torch.softmax),
    "log_softmax": softmax_problems(log_softmax, log_softmax_backward, torch.log_softmax),
    "cross_entropy": cross_entropy_problems(),
    "scaled_dot_product_attention": attention_problems(),
    "cross_modal_attention": cross_modal_problems(),
    "multi_head_attention": multi_head_problems(),
}
for_every_function = pytest.mark.parametrize("name", PROBLEMS)


def run(problem: Problem, grad_output, arrays: tuple[np.ndarray, ...]) -> tuple[Any, tuple[np.ndarray, ...]]:
    """What the function gives (the first of two results), and the gradients as a tuple."""
    result = problem.function(*arrays, *problem.others)
    gradients = problem.backward(grad_output, *arrays, *problem.others)
    first = result[0] if isinstance(result, tuple) else result
    return first, gradients if isinstance(gradients, tuple) else (gradients,)


def draw_grad_output(draw, problem: Problem):
    """Normal numbers of the shape of the output, or a float for a float."""
    (array,) = normal(draw, np.shape(problem.oracle(*map(torch.tensor, problem.arrays))))
    return array if array.ndim else float(array)


def assert_same(actual: np.ndarray, expected: torch.Tensor) -> None:
    assert np.shape(actual) == tuple(expected.shape)
    np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=0, atol=TOLERANCE)


@for_every_function
@given(data=st.data())
def test_the_value_and_every_gradient_equal_torchs(name, data):
    problem = data.draw(PROBLEMS[name])
    grad_output = draw_grad_output(data.draw, problem)
    value, gradients = run(problem, grad_output, problem.arrays)
    leaves = [torch.tensor(array, requires_grad=True) for array in problem.arrays]
    expected = problem.oracle(*leaves)
    assert_same(value, expected)
    expected_gradients = torch.autograd.grad(expected, leaves, torch.as_tensor(grad_output, dtype=torch.float64))
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_same(gradient, expected_gradient)


@for_every_function
@given(data=st.data())
def test_the_precision_that_comes_in_is_the_one_that_goes_out_and_arguments_stay_as_they_were(name, data):
    problem = data.draw(PROBLEMS[name])
    grad_output = draw_grad_output(data.draw, problem)
    for dtype in (np.float32, np.float64):
        arrays = tuple(array.astype(dtype) for array in problem.arrays)
        grad = grad_output if isinstance(grad_output, float) else grad_output.astype(dtype)
        given_in = [np.copy(x) for x in (grad, *arrays, *problem.others) if isinstance(x, np.ndarray)]
        value, gradients = run(problem, grad, arrays)
        left = [x for x in (grad, *arrays, *problem.others) if isinstance(x, np.ndarray)]
        for before, after in zip(given_in, left, strict=True):
            np.testing.assert_array_equal(after, before)
        assert [gradient.dtype for gradient in gradients] == [dtype] * len(gradients)
        if name == "cross_entropy":
            assert type(value) is float
        else:
            assert value.dtype == dtype


@given(attention_problems())
def test_the_weights_of_attention_are_torchs_softmax_and_zero_for_a_query_that_may_see_nothing(problem):
    query, key, value = map(torch.tensor, problem.arrays)
    (mask,) = problem.others
    _, weights = scaled_dot_product_attention(*problem.arrays, mask)
    scores = torch.einsum("...qd,...kd->...qk", query, key) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~as_tensor(mask), -torch.inf)
    assert_same(weights, torch.softmax(scores, dim=-1).nan_to_num(nan=0.0))  # torch's 0 / 0 where all is -inf


@given(cross_modal_problems())
def test_the_weights_of_cross_modal_attention_are_those_of_the_projected_text_over_the_projected_image(problem):
    text, image, w_q, w_k, _ = map(torch.tensor, problem.arrays)
    scores = (text @ w_q) @ (image @ w_k).mT / w_q.shape[-1] ** 0.5
    assert_same(cross_modal_attention(*problem.arrays)[1], torch.softmax(scores, dim=-1))


@given(attention_problems(), sizes)
def test_what_a_query_may_not_see_gets_no_gradient(problem, blind):
    query, key, value = problem.arrays
    mask = np.ones((query.shape[-2], key.shape[-2]), dtype=bool)
    mask[blind % len(mask)] = False  # a query that sees nothing
    mask[:, blind % mask.shape[1]] = False  # a key that nobody sees
    grad_output = np.ones((*query.shape[:-1], value.shape[-1]))
    grad_query, grad_key, grad_value = scaled_dot_product_attention_backward(grad_output, query, key, value, mask)
    assert not grad_query[..., blind % len(mask), :].any()
    assert not grad_key[..., blind % mask.shape[1], :].any()
    assert not grad_value[..., blind % mask.shape[1], :].any()


@given(sizes, sizes)
def test_a_row_of_minus_infinities_has_no_weights_and_no_gradient_and_disturbs_no_other_row(rows, columns):
    logits = np.zeros((rows + 1, columns))
    logits[0] = -np.inf
    with np.errstate(all="raise"):
        weights, log_weights = softmax(logits), log_softmax(logits)
        gradient = softmax_backward(np.ones_like(logits), logits)
    np.testing.assert_array_equal(weights[0], np.zeros(columns))
    np.testing.assert_array_equal(log_weights[0], np.full(columns, -np.inf))
    np.testing.assert_array_equal(gradient[0], np.zeros(columns))
    np.testing.assert_allclose(weights[1:], 1 / columns, rtol=1e-12)


@given(cross_entropy_problems())
def test_without_a_target_that_counts_the_loss_is_zero_and_so_is_its_gradient(problem):
    (logits,), (targets, ignore_index) = problem.arrays, problem.others
    nothing = np.full_like(targets, ignore_index)
    assert cross_entropy(logits, nothing, ignore_index) == 0.0
    assert not cross_entropy_backward(1.0, logits, nothing, ignore_index).any()


@given(multi_head_problems())
def test_in_self_attention_the_gradient_is_the_sum_of_those_of_both_uses(problem):
    x, _, w_q, _, _, w_o = problem.arrays
    num_heads, _ = problem.others
    mask = causal_mask(x.shape[-2])
    arrays = (x, x, w_q, w_q + 1, w_q - 1, w_o)
    grad_output = np.cos(np.arange(float(x.size))).reshape(x.shape)
    grad_x_query, grad_x_memory, *_ = multi_head_attention_backward(grad_output, *arrays, num_heads, mask)
    leaf = torch.tensor(x, requires_grad=True)
    output = torch_multi_head_attention(leaf, leaf, *map(torch.tensor, arrays[2:]), num_heads, mask)
    (expected,) = torch.autograd.grad(output, leaf, torch.tensor(grad_output))
    assert_same(grad_x_query + grad_x_memory, expected)


@given(multi_head_problems())
def test_head_h_owns_the_h_th_slice_of_columns_and_joining_undoes_splitting(problem):
    x, (num_heads, _) = problem.arrays[0], problem.others
    split = split_heads(x, num_heads)
    for head, columns in enumerate(np.split(x, num_heads, axis=-1)):
        np.testing.assert_array_equal(split[..., head, :, :], columns)
    np.testing.assert_array_equal(join_heads(split), x)


@given(st.integers(0, 8))
def test_a_position_sees_itself_and_what_came_before(length):
    mask = causal_mask(length)
    assert mask.dtype == bool
    expected = [[key <= query for key in range(length)] for query in range(length)]
    np.testing.assert_array_equal(mask, np.array(expected, dtype=bool).reshape(length, length))


def test_the_example_in_the_docstring_holds():
    assert doctest.testmod(masks).failed == 0
