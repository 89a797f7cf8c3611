"""The laws of the gated recurrent unit. Oracle: `torch.nn.GRU` with the same weights, packed where rows have lengths."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, normal, seeds, value_and_gradients
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from minimm.errors import MinimmError
from minimm.layers.gru import GRU, gru, gru_cell

few = st.integers(1, 4)


def build_pair(generator: torch.Generator, *arguments) -> tuple[torch.nn.GRU, GRU]:
    """PyTorch's GRU and ours with the same random float64 weights, by way of the state dict."""
    theirs = torch.nn.GRU(*arguments[:2], batch_first=True, bidirectional=arguments[2]).double()
    fill(theirs, generator)
    ours = GRU(*arguments).double()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def by_pytorch(layer: torch.nn.GRU, x: Tensor, hidden: Tensor | None, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """PyTorch's outputs and final states in our shapes; with lengths, through a packed sequence."""
    first = (
        hidden if hidden is None or layer.bidirectional else hidden[None]
    )  # PyTorch always has an axis for direction
    if lengths is None:
        outputs, final = layer(x, first)
    else:
        packed, final = layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False), first)
        outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
    return outputs, final if layer.bidirectional else final[0]


def joined(results: tuple[Tensor, Tensor]) -> Tensor:
    """Outputs and final state in one row of numbers, so that both send gradients back."""
    return torch.cat([part.reshape(-1) for part in results])


def spread(x: Tensor) -> Tensor:
    """The same numbers, lying in memory with gaps between them and the axes in another order."""
    wide = torch.full((*reversed(x.shape), 2), math.nan, dtype=x.dtype)
    wide[..., 0] = x.permute(*reversed(range(x.ndim)))
    return wide[..., 0].permute(*reversed(range(x.ndim)))


@st.composite
def sequences(draw):
    """A pair of layers, x, a first memory or None, lengths in any order or None."""
    generator = torch.Generator().manual_seed(draw(seeds))
    batch, steps, width, size = draw(few), draw(st.integers(1, 6)), draw(few), draw(few)
    bidirectional = draw(st.booleans())
    theirs, ours = build_pair(generator, width, size, bidirectional)
    x = normal(generator, batch, steps, width)
    hidden = normal(generator, *(2,) * bidirectional, batch, size) if draw(st.booleans()) else None
    numbers = st.lists(st.integers(1, steps), min_size=batch, max_size=batch)
    lengths = torch.tensor(draw(numbers)) if draw(st.booleans()) else None
    return theirs, ours, x, hidden, lengths


@st.composite
def single_sequences(draw):
    """The arguments of `gru`, small."""
    generator = torch.Generator().manual_seed(draw(seeds))
    batch, steps, width, size = draw(few), draw(few), draw(few), draw(few)
    shapes = ((batch, steps, width), (batch, size), (3 * size, width), (3 * size, size), (3 * size,), (3 * size,))
    return [normal(generator, *shape) for shape in shapes]


@given(few, few, st.lists(few, max_size=3), seeds)
def test_the_cell_equals_pytorchs_in_value_and_gradients_for_any_batch_dimensions(width, size, rows, seed):
    generator = torch.Generator().manual_seed(seed)
    oracle = torch.nn.GRUCell(width, size).double()
    fill(oracle, generator)
    inputs, hidden = normal(generator, *rows, width), normal(generator, *rows, size)

    def theirs(inputs, hidden, *weights):
        state = dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True))
        flat = (inputs.reshape(-1, width), hidden.reshape(-1, size))
        return torch.func.functional_call(oracle, state, flat).view(hidden.shape)

    assert_same_value_and_gradients(gru_cell, theirs, inputs, hidden, *oracle.parameters())


def test_a_cell_worked_out_by_hand():
    zero, one = torch.zeros(1), torch.ones(1)
    third = math.log(1 / 2)  # sigmoid of it is 1 / 3
    weights = torch.tensor([[0.0], [0.0], [2.0]]), torch.tensor([[0.0], [0.0], [3.0]])
    biases = torch.tensor([0.0, third, 0.25]), torch.tensor([0.0, 0.0, 1.0])
    # r = 1/2, z = 1/3, n = tanh(2 x + 0.25 + 1/2 (3 h + 1)): reset after the product and its bias
    assert_same(gru_cell(one, zero, *weights, *biases), one * (2 / 3 * math.tanh(2.75)), tolerance=1e-6)
    assert_same(gru_cell(zero, one, *weights, *biases), one * (2 / 3 * math.tanh(2.25) + 1 / 3), tolerance=1e-6)


@given(sequences())
def test_the_layer_equals_pytorchs_in_value_and_all_gradients(problem):
    theirs, ours, x, hidden, lengths = problem
    inputs = [x] if hidden is None else [x, hidden]

    def path(layer, run):
        return value_and_gradients(
            lambda x, first=None: joined(run(x, first)), *inputs, parameters=[p for _, p in layer.named_parameters()]
        )

    actual = path(ours, lambda x, first: ours(x, first, lengths))
    expected = path(theirs, lambda x, first: by_pytorch(theirs, x, first, lengths))
    assert len(actual) == len(expected) == 1 + len(inputs) + 4 * (1 + ours.bidirectional)
    for one, other in zip(actual, expected, strict=True):
        assert_same(one, other)
    outputs, final = ours(x, hidden, lengths)
    assert (outputs.shape, final.shape) == tuple(part.shape for part in by_pytorch(theirs, x, hidden, lengths))


@given(single_sequences())
def test_the_sequence_is_the_cell_step_after_step_in_value_and_gradients(arguments):
    def stepwise(inputs, hidden, *weights):
        outputs = []
        for step in inputs.unbind(1):
            hidden = gru_cell(step, hidden, *weights)
            outputs.append(hidden)
        return joined((torch.stack(outputs, dim=1), hidden))

    assert_same_value_and_gradients(lambda *arguments: joined(gru(*arguments)), stepwise, *arguments)


@given(single_sequences(), st.booleans(), st.lists(st.booleans(), min_size=6, max_size=6).filter(any), st.data())
def test_the_hand_written_gradient_equals_the_numerical_one_for_any_subset_of_the_inputs(
    arguments, reverse, needed, data
):
    inputs = [x[:2, :3] if x.ndim == 3 else x for x in arguments]
    inputs[1] = inputs[1][:2]
    rows, steps, _ = inputs[0].shape
    lengths = torch.tensor(data.draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows)))
    inputs = [x.clone().requires_grad_(needs) for x, needs in zip(inputs, needed, strict=True)]
    assert torch.autograd.gradcheck(lambda *inputs: gru(*inputs, lengths, reverse=reverse), inputs)


@given(single_sequences(), st.booleans())
def test_how_the_numbers_lie_in_memory_changes_nothing_and_no_argument_is_modified(arguments, reverse):
    lengths = torch.ones(len(arguments[0]), dtype=torch.int64)
    scattered = [spread(x) for x in arguments]
    assert not any(x.is_contiguous() for x in scattered if x.numel() > 1)

    def read(*inputs):
        return joined(gru(*inputs, lengths, reverse=reverse))

    assert_same_value_and_gradients(lambda *inputs: read(*map(spread, inputs)), read, *arguments)
    assert_same(read(*scattered), read(*arguments))
    assert all(x.equal(argument) for x, argument in zip(scattered, arguments, strict=True))


@given(sequences(), st.sampled_from([1e3, math.inf, math.nan]), st.data())
def test_what_stands_at_a_padded_position_changes_nothing_and_gets_no_gradient(problem, nonsense, data):
    _, ours, x, hidden, _ = problem
    batch, steps, _ = x.shape
    lengths = torch.tensor(data.draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch)))
    padded = (torch.arange(steps) >= lengths[:, None])[..., None]
    results = []
    for filling in (0.0, nonsense):
        filled = x.masked_fill(padded, filling).requires_grad_()
        outputs, final = ours(filled, hidden, lengths)
        loss = (outputs * torch.arange(outputs.numel()).view(outputs.shape)).sum() + final.square().sum()
        results.append([outputs, final, *torch.autograd.grad(loss, [filled, *ours.parameters()])])
    for one, other in zip(*results, strict=True):
        assert one.equal(other) and one.isfinite().all()
    outputs, _, gradient, *_ = results[0]
    assert not outputs[padded.expand(outputs.shape)].any()
    assert not gradient[padded.expand(gradient.shape)].any()


@given(sequences(), st.data())
def test_a_padded_row_is_read_as_if_it_stood_alone_without_padding(problem, data):
    _, ours, x, hidden, _ = problem
    lengths = torch.tensor(data.draw(st.lists(st.integers(0, x.shape[1]), min_size=len(x), max_size=len(x))))
    outputs, final = ours(x, hidden, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = hidden if hidden is None else hidden[..., row : row + 1, :]
        expected, expected_final = ours(x[row : row + 1, :length], alone)
        assert_same(outputs[row, :length], expected[0])
        assert_same(final[..., row, :], expected_final[..., 0, :])


@given(single_sequences())
def test_reading_in_reverse_is_reading_the_steps_in_the_opposite_order(arguments):
    inputs, *rest = arguments
    outputs, final = gru(inputs, *rest, reverse=True)
    expected, expected_final = gru(inputs.flip(1), *rest)
    assert_same(outputs, expected.flip(1))
    assert_same(final, expected_final)


@given(single_sequences())
def test_a_sequence_without_steps_leaves_the_memory_as_it_was(arguments):
    inputs, hidden, *weights = arguments
    outputs, final = gru(inputs[:, :0], hidden, *weights)
    assert outputs.shape == (len(inputs), 0, hidden.shape[1])
    assert final.equal(hidden)


def test_sums_of_ten_thousand_leave_values_and_gradients_finite():
    generator = torch.Generator().manual_seed(0)
    layer = GRU(3, 4, bidirectional=True)
    fill(layer, generator, scale=1e4)
    x = torch.randn(2, 5, 3, generator=generator).requires_grad_()
    outputs, final = layer(x)
    joined((outputs, final)).sum().backward()
    assert outputs.abs().max() <= 1
    assert all(tensor.grad.isfinite().all() for tensor in (x, *layer.parameters()))


def test_changing_the_outputs_in_place_is_an_error_and_not_a_wrong_gradient():
    layer = GRU(2, 3)
    outputs, _ = layer(torch.ones(1, 4, 2))
    outputs.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


@given(few, few, st.booleans(), seeds)
def test_first_weights_are_pytorchs_and_come_from_the_generator_alone(width, size, bidirectional, seed):
    torch.manual_seed(seed)
    theirs = torch.nn.GRU(width, size, bidirectional=bidirectional).state_dict()
    ours = GRU(width, size, bidirectional)
    before = torch.get_rng_state()
    ours.reset_parameters(torch.Generator().manual_seed(seed))
    assert torch.get_rng_state().equal(before)
    state = ours.state_dict()
    assert list(state) == list(theirs)
    assert all(state[name].equal(theirs[name]) for name in state)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_under_autocast_it_runs_in_bfloat16_and_its_weights_get_float32_gradients(bidirectional):
    generator = torch.Generator().manual_seed(0)
    layer = GRU(3, 8, bidirectional)
    layer.reset_parameters(generator)
    x = torch.randn(4, 10, 3, generator=generator)
    lengths = torch.tensor([10, 1, 4, 7])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, final = layer(x, lengths=lengths)
    assert outputs.dtype == final.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), layer(x, lengths=lengths)[0], rtol=0.05, atol=0.02)
    outputs.float().sum().backward()
    in_bfloat16 = [parameter.grad.clone() for parameter in layer.parameters()]
    layer.zero_grad()
    layer(x, lengths=lengths)[0].sum().backward()
    for gradient, parameter in zip(in_bfloat16, layer.parameters(), strict=True):
        assert gradient.dtype == torch.float32
        torch.testing.assert_close(gradient, parameter.grad, rtol=0.05, atol=0.2)


def test_shapes_that_do_not_fit_are_explained():
    layer, both = GRU(3, 4), GRU(3, 4, bidirectional=True)
    x, hidden = torch.zeros(2, 5, 3), torch.zeros(2, 4)
    weights = list(layer.parameters())
    swapped = [weights[1], weights[0], *weights[2:]]
    for wrong, message in (
        (lambda: layer(x[0]), r"built for x \(B, T, 3\), but got \(5, 3\)"),
        (lambda: layer(x[..., :2]), r"built for x \(B, T, 3\), but got \(2, 5, 2\)"),
        (lambda: layer(x, hidden[:1]), r"hidden must be \(2, 4\) for x \(2, 5, 3\), but it is \(1, 4\)"),
        (lambda: both(x, hidden), r"hidden must be \(2, 2, 4\) .* but it is \(2, 4\)"),
        (
            lambda: layer(x, lengths=torch.tensor([5])),
            r"lengths must be \(2,\) int64, one for each row .* \(1,\) torch.int64",
        ),
        (lambda: layer(x, lengths=torch.tensor([5.0, 1.0])), r"\(2,\) int64, .* \(2,\) torch.float32"),
        (lambda: layer(x, lengths=torch.tensor([6, 1])), r"must lie in 0..5, .* \[6, 1\]"),
        (lambda: layer(x, lengths=torch.tensor([5, -1])), r"must lie in 0..5, .* \[5, -1\]"),
        (lambda: layer(x.double()), r"one dtype, but they are torch.float32, torch.float64"),
        (lambda: gru(x[0], hidden, *weights), r"inputs \(B, T, D_in\), but got \(5, 3\)"),
        (lambda: gru(x, hidden[0], *weights), r"inputs \(2, 5, 3\) need hidden \(2, 'D_h'\), but it is \(4,\)"),
        (lambda: gru(x, hidden, *swapped), r"a memory of 4 need weight_ih \(12, 3\), but it is \(12, 4\)"),
        (lambda: gru_cell(x, hidden, *weights), r"need hidden \(2, 5, 'D_h'\), but it is \(2, 4\)"),
        (lambda: GRU(0, 4), "at least 1, but they are 0 and 4"),
    ):
        with pytest.raises(MinimmError, match=message):
            wrong()
