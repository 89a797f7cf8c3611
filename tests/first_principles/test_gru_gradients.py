"""The laws of the GRU, linear, embedding, dropout and AdamW in NumPy. The oracle is torch: its modules and its autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawing import TOLERANCE, batches, generators, normal, sizes
from hypothesis import given
from hypothesis import strategies as st

from minimm.first_principles.adamw import adamw_step
from minimm.first_principles.dropout import dropout, dropout_backward
from minimm.first_principles.embedding import embedding, embedding_backward
from minimm.first_principles.gru import gru, gru_backward, gru_cell, gru_cell_backward
from minimm.first_principles.linear import linear, linear_backward


class Problem(NamedTuple):
    """`arguments` in the function's order; `oracle` takes them with torch tensors in place of the float arrays."""

    function: Callable
    backward: Callable
    oracle: Callable
    arguments: tuple[Any, ...]


def is_float_array(argument: Any) -> bool:
    return isinstance(argument, np.ndarray) and argument.dtype.kind == "f"


@st.composite
def linear_problems(draw) -> Problem:
    batch, d_in, d_out = draw(batches), draw(sizes), draw(sizes)
    x, weight, bias = normal(draw, (*batch, d_in), (d_in, d_out), (d_out,))
    bias = draw(st.sampled_from([None, bias]))
    return Problem(linear, linear_backward, lambda x, w, b: F.linear(x, w.T, b), (x, weight, bias))


@st.composite
def embedding_problems(draw) -> Problem:
    batch, vocab_size, width = draw(batches), draw(sizes), draw(sizes)
    (table,) = normal(draw, (vocab_size, width))
    ids = draw(generators).integers(vocab_size, size=batch)  # few tokens, so that most of them repeat
    return Problem(embedding, embedding_backward, lambda ids, table: F.embedding(as_tensor(ids), table), (ids, table))


@st.composite
def dropout_problems(draw) -> Problem:
    batch, width = draw(batches), draw(sizes)
    (x,) = normal(draw, (*batch, width))
    p = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9]))
    mask = draw(generators).random(x.shape) >= p

    def oracle(x, mask, p):
        """torch draws its own mask, so its dropout only gives the factor here; what is kept is picked one by one."""
        factor = F.dropout(torch.ones(100, dtype=x.dtype), p).max()
        return torch.where(as_tensor(mask), x * factor, torch.zeros_like(x))

    return Problem(dropout, dropout_backward, oracle, (x, mask, p))


def torch_gru_cell(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    rows = inputs.reshape(-1, inputs.shape[-1]), hidden.reshape(-1, hidden.shape[-1])
    return torch.gru_cell(*rows, weight_ih, weight_hh, bias_ih, bias_hh).reshape(hidden.shape)


def torch_gru(inputs, hidden, *weights):
    """PyTorch's, with the batch in one axis and an axis for layers and directions in front of the hidden state."""
    *batch, length, d_in = inputs.shape
    rows, first = inputs.reshape(-1, length, d_in), hidden.reshape(1, -1, hidden.shape[-1])
    outputs, final = torch.gru(rows, first, weights, True, 1, 0.0, False, False, True)
    return outputs.reshape(*batch, length, -1), final.reshape(hidden.shape)


@st.composite
def gru_arguments(draw, in_time: bool) -> tuple[np.ndarray, ...]:
    batch, d_in, d_h = draw(batches), draw(sizes), draw(sizes)
    time = (draw(st.integers(1, 7)),) if in_time else ()
    shapes = (*batch, *time, d_in), (*batch, d_h), (3 * d_h, d_in), (3 * d_h, d_h), (3 * d_h,), (3 * d_h,)
    return normal(draw, *shapes)


PROBLEMS = {
    "linear": linear_problems(),
    "embedding": embedding_problems(),
    "dropout": dropout_problems(),
    "gru_cell": gru_arguments(False).map(lambda args: Problem(gru_cell, gru_cell_backward, torch_gru_cell, args)),
    "gru": gru_arguments(True).map(lambda args: Problem(gru, gru_backward, torch_gru, args)),
}
for_every_function = pytest.mark.parametrize("name", PROBLEMS)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def several(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def draw_incoming(draw, problem: Problem) -> tuple[np.ndarray, ...]:
    """A normal gradient for each of the function's results."""
    return normal(draw, *(result.shape for result in several(problem.function(*problem.arguments))))


def assert_same(actual: np.ndarray, expected: torch.Tensor) -> None:
    assert np.shape(actual) == tuple(expected.shape)
    np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=0, atol=TOLERANCE)


@for_every_function
@given(data=st.data())
def test_the_value_and_every_gradient_equal_torchs(name, data):
    problem = data.draw(PROBLEMS[name])
    incoming = draw_incoming(data.draw, problem)
    in_torch = [as_tensor(x).requires_grad_() if is_float_array(x) else x for x in problem.arguments]
    leaves = [x for x in in_torch if isinstance(x, torch.Tensor)]
    expected = several(problem.oracle(*in_torch))
    for value, expected_value in zip(several(problem.function(*problem.arguments)), expected, strict=True):
        assert_same(value, expected_value)

    gradients = several(problem.backward(*incoming, *problem.arguments))
    if name == "linear" and problem.arguments[-1] is None:
        *gradients, of_no_bias = gradients
        assert of_no_bias is None
    expected_gradients = torch.autograd.grad(expected, leaves, [as_tensor(x) for x in incoming])
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_same(gradient, expected_gradient)


@for_every_function
@given(data=st.data())
def test_the_precision_that_comes_in_is_the_one_that_goes_out_and_arguments_stay_as_they_were(name, data):
    problem = data.draw(PROBLEMS[name])
    incoming = draw_incoming(data.draw, problem)
    for dtype in (np.float32, np.float64):
        given_in = [x.astype(dtype) if is_float_array(x) else x for x in (*incoming, *problem.arguments)]
        before = [np.copy(x) for x in given_in]
        results = several(problem.function(*given_in[len(incoming) :]))
        gradients = several(problem.backward(*given_in))
        for copy, left in zip(before, given_in, strict=True):
            np.testing.assert_array_equal(left, copy)
        arrays = [x for x in (*results, *gradients) if x is not None]
        assert [x.dtype for x in arrays] == [dtype] * len(arrays)


@given(data=st.data())
def test_gates_pushed_far_open_or_shut_give_finite_numbers_and_torchs(data):
    arguments = data.draw(gru_arguments(True))
    arguments = tuple(1e4 * x for x in arguments)
    incoming = draw_incoming(data.draw, Problem(gru, gru_backward, torch_gru, arguments))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        outputs, final = gru(*arguments)
        gradients = gru_backward(*incoming, *arguments)
    expected_outputs, expected_final = torch_gru(*map(as_tensor, arguments))
    np.testing.assert_allclose(outputs, expected_outputs, rtol=1e-12)
    np.testing.assert_allclose(final, expected_final, rtol=1e-12)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@given(gru_arguments(True), st.data())
def test_through_time_the_gru_is_its_cell_step_after_step_forwards_and_backwards(arguments, data):
    inputs, hidden, *weights = arguments
    grad_outputs, grad_final = draw_incoming(data.draw, Problem(gru, gru_backward, torch_gru, arguments))
    states = [hidden]
    for t in range(inputs.shape[-2]):
        states.append(gru_cell(inputs[..., t, :], states[-1], *weights))
    outputs, final = gru(*arguments)
    np.testing.assert_allclose(outputs, np.stack(states[1:], axis=-2), rtol=0, atol=1e-12)
    np.testing.assert_allclose(final, states[-1], rtol=0, atol=1e-12)

    grad_hidden, grad_inputs, grad_weights = grad_final, [], [0.0] * 4
    for t in reversed(range(inputs.shape[-2])):
        arriving = grad_outputs[..., t, :] + grad_hidden
        grad_input, grad_hidden, *parts = gru_cell_backward(arriving, inputs[..., t, :], states[t], *weights)
        grad_inputs.insert(0, grad_input)
        grad_weights = [total + part for total, part in zip(grad_weights, parts, strict=True)]
    expected = (np.stack(grad_inputs, axis=-2), grad_hidden, *grad_weights)
    for gradient, wanted in zip(gru_backward(grad_outputs, grad_final, *arguments), expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=0, atol=1e-10)


@given(gru_arguments(True))
def test_a_gru_that_reads_nothing_returns_its_memory_and_passes_the_gradient_on(arguments):
    inputs, hidden, *weights = arguments
    nothing = inputs[..., :0, :]
    outputs, final = gru(nothing, hidden, *weights)
    assert outputs.shape == (*hidden.shape[:-1], 0, hidden.shape[-1])
    np.testing.assert_array_equal(final, hidden)
    grad_inputs, grad_hidden, *grad_weights = gru_backward(outputs, hidden + 1, nothing, hidden, *weights)
    assert grad_inputs.shape == nothing.shape
    np.testing.assert_array_equal(grad_hidden, hidden + 1)
    assert not any(gradient.any() for gradient in grad_weights)


@given(dropout_problems())
def test_what_dropout_keeps_is_scaled_up_and_the_rest_is_zero(problem):
    x, mask, p = problem.arguments
    y = dropout(x, mask, p)
    np.testing.assert_allclose(y[mask] * (1 - p), x[mask], rtol=1e-12)
    assert not y[~mask].any()


def test_dropout_keeps_the_mean():
    mask = np.random.default_rng(0).random(200_000) >= 0.3
    assert abs(dropout(np.ones(200_000), mask, 0.3).mean() - 1) < 0.01  # six standard deviations: 1.5e-3 each


@st.composite
def adamw_settings(draw) -> dict[str, float]:
    """Some of adamw_step's options; the others keep their defaults, which are torch's."""
    return draw(
        st.fixed_dictionaries(
            {"learning_rate": st.sampled_from([1e-4, 1e-2, 1.0])},
            optional={
                "beta1": st.sampled_from([0.0, 0.5, 0.95]),
                "beta2": st.sampled_from([0.0, 0.9, 0.99]),
                "eps": st.sampled_from([1e-8, 1e-3]),
                "weight_decay": st.sampled_from([0.0, 0.1, 0.5]),
            },
        )
    )


@given(st.lists(st.integers(0, 4), max_size=3), adamw_settings(), st.integers(1, 8), st.data())
def test_adamw_equals_torchs_over_many_steps(shape, settings, num_steps, data):
    start, *gradients = normal(data.draw, *[tuple(shape)] * (num_steps + 1))
    scale = data.draw(st.sampled_from([1e-6, 1.0, 1e3]))
    leaf = as_tensor(start).requires_grad_()
    betas = settings.get("beta1", 0.9), settings.get("beta2", 0.999)
    others = {name: settings[name] for name in ("eps", "weight_decay") if name in settings}
    optimizer = torch.optim.AdamW([leaf], lr=settings["learning_rate"], betas=betas, **others)

    parameter, first, second = start, np.zeros_like(start), np.zeros_like(start)
    for step, gradient in enumerate(gradients, start=1):
        gradient = scale * gradient
        leaf.grad = as_tensor(gradient)
        optimizer.step()
        before = [np.copy(x) for x in (parameter, gradient, first, second)]
        given_in = (parameter, gradient, first, second)
        parameter, first, second = adamw_step(*given_in, step, **settings)
        for copy, left in zip(before, given_in, strict=True):
            np.testing.assert_array_equal(left, copy)
        assert_same(parameter, leaf)
        assert_same(first, optimizer.state[leaf]["exp_avg"])
        assert_same(second, optimizer.state[leaf]["exp_avg_sq"])


@given(st.integers(1, 50))
def test_adamw_keeps_the_precision_of_the_parameter(step):
    ones = np.ones(3, dtype=np.float32)
    assert [x.dtype for x in adamw_step(ones, ones, ones, ones, step, 0.1)] == [np.float32] * 3


@given(st.sampled_from([1e-3, 1.0, 1e6]))
def test_in_its_first_step_adamw_moves_by_the_learning_rate_whatever_the_size_of_the_gradient(size):
    gradient = size * np.array([1.0, -1.0])
    zeros = np.zeros(2)
    parameter, _, _ = adamw_step(zeros, gradient, zeros, zeros, 1, 0.1)
    np.testing.assert_allclose(parameter, [-0.1, 0.1], rtol=1e-4)
