"""The laws of positions. Oracles: values worked by hand, Python's `math`, and complex numbers for the rotations."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, normal, seeds

from minimm.errors import MinimmError
from minimm.layers.positions import PositionTable, RotaryPositions, rotate, sinusoidal_positions

even = st.integers(1, 8).map(lambda half: 2 * half)


def test_sinusoidal_positions_worked_by_hand():
    expected = [
        [0.0, 1.0, 0.0, 1.0],  # sin 0, cos 0 at both wavelengths
        [0.841471, 0.540302, 0.010000, 0.999950],  # sin 1, cos 1, sin 0.01, cos 0.01
        [0.909297, -0.416147, 0.019999, 0.999800],  # sin 2, cos 2, sin 0.02, cos 0.02
    ]
    torch.testing.assert_close(sinusoidal_positions(3, 4), torch.tensor(expected), rtol=0, atol=1e-6)


@given(st.integers(0, 8000), even, st.data())
def test_sinusoidal_positions_are_the_papers_formula_also_far_out(position, d_model, data):
    row = sinusoidal_positions(position + 1, d_model)[position]
    i = data.draw(st.integers(0, d_model // 2 - 1))
    angle = position / 10000 ** (2 * i / d_model)
    assert row[2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
    assert row[2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


@given(st.integers(0, 50), st.integers(0, 50), even)
def test_the_similarity_of_two_sinusoidal_positions_depends_on_their_distance_alone(near, distance, d_model):
    table = sinusoidal_positions(101, d_model).double()
    assert_same(table[near] @ table[near + distance], table[0] @ table[distance], tolerance=1e-5)


@given(
    st.booleans(), even, seeds, st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=3)
)
def test_a_position_table_adds_the_row_of_each_position(learned, d_model, seed, positions):
    table = PositionTable(10, d_model, learned=learned)
    if learned:
        torch.nn.init.normal_(table.table, generator=torch.Generator().manual_seed(seed))
    rows = table.table.detach().double()
    x = normal(torch.Generator().manual_seed(seed), len(positions), 4, d_model)
    expected = torch.stack(
        [torch.stack([x[b, t] + rows[position] for t, position in enumerate(row)]) for b, row in enumerate(positions)]
    )
    assert_same(table(x, torch.tensor(positions)), expected)
    assert_same(table(x, torch.tensor(positions[0]))[0], expected[0])  # (T,): the same positions for every row


def test_only_a_learned_table_is_trained_and_saved_and_its_width_may_be_odd():
    assert [name for name, _ in PositionTable(5, 3, learned=True).named_parameters()] == ["table"]
    fixed = PositionTable(5, 4, learned=False)
    assert not list(fixed.parameters()) and not fixed.state_dict() and "table" in dict(fixed.named_buffers())


def angles(positions: torch.Tensor, d_head: int, base: float) -> torch.Tensor:
    """(..., D / 2) float64: t * base^(-2i/D), each by Python's `math`."""
    rows = [[t / base ** (2 * i / d_head) for i in range(d_head // 2)] for t in positions.flatten().tolist()]
    return torch.tensor(rows, dtype=torch.float64).view(*positions.shape, d_head // 2)


def tables(positions: torch.Tensor, d_head: int, base: float = 10000.0) -> tuple[torch.Tensor, torch.Tensor]:
    """What `RotaryPositions` looks up, in float64."""
    angle = angles(positions, d_head, base)
    return torch.cat([angle.cos()] * 2, dim=-1), torch.cat([-angle.sin(), angle.sin()], dim=-1)


def turn_complex(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """The rotation as a multiplication by e^(i angle) of the numbers x_i + i x_(i + D/2)."""
    half = x.shape[-1] // 2
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.exp(1j * angle)
    return torch.cat([turned.real, turned.imag], dim=-1)


@given(even, st.sampled_from([100.0, 10000.0, 500000.0]), st.lists(st.integers(0, 3000), min_size=1, max_size=4))
def test_rotary_tables_hold_the_cosine_and_sine_of_position_times_frequency(d_head, base, positions):
    positions = torch.tensor([positions, positions[::-1]])  # (B, T)
    cos, sin = RotaryPositions(3001, d_head, base)(positions)
    wanted_cos, wanted_sin = tables(positions, d_head, base)
    torch.testing.assert_close(cos, wanted_cos.float(), rtol=0, atol=1e-6)
    torch.testing.assert_close(sin, wanted_sin.float(), rtol=0, atol=1e-6)


@given(even, st.lists(st.integers(0, 99), min_size=1, max_size=5), seeds)
def test_rotating_multiplies_pairs_as_complex_numbers_in_value_and_gradient(d_head, positions, seed):
    positions = torch.tensor(positions)
    x = normal(torch.Generator().manual_seed(seed), 2, 3, len(positions), d_head)
    angle = angles(positions, d_head, 10000.0)
    assert_same_value_and_gradients(
        lambda x: rotate(x, *tables(positions, d_head)), lambda x: turn_complex(x, angle), x
    )


def test_rotation_worked_by_hand():
    cos, sin = RotaryPositions(2, 2)(torch.tensor([1]))  # one pair, turned by 1 radian
    torch.testing.assert_close(rotate(torch.tensor([[1.0, 0.0]]), cos, sin), torch.tensor([[0.540302, 0.841471]]))
    torch.testing.assert_close(rotate(torch.tensor([[0.0, 1.0]]), cos, sin), torch.tensor([[-0.841471, 0.540302]]))


@given(even, st.integers(1, 4), seeds)
def test_the_gradient_of_a_rotation_equals_the_numerical_one(d_head, length, seed):
    x = normal(torch.Generator().manual_seed(seed), 2, length, d_head).requires_grad_()
    cos, sin = tables(torch.arange(length), d_head)
    assert torch.autograd.gradcheck(lambda x: rotate(x, cos, sin), x)
    assert torch.autograd.gradgradcheck(lambda x: rotate(x, cos, sin), x)


@given(even, st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), seeds)
def test_dot_products_of_rotated_vectors_depend_on_the_distance_alone(d_head, at_query, at_key, shift, seed):
    query, key = normal(torch.Generator().manual_seed(seed), 2, d_head)

    def product(positions_of):
        return rotate(query, *positions_of(at_query)) @ rotate(key, *positions_of(at_key))

    def shifted_product(positions_of):
        return rotate(query, *positions_of(at_query + shift)) @ rotate(key, *positions_of(at_key + shift))

    def exact(position):
        return tables(torch.tensor(position), d_head)

    rotary = RotaryPositions(601, d_head)
    assert_same(shifted_product(exact), product(exact), tolerance=1e-8)
    assert_same(shifted_product(lambda t: rotary(torch.tensor(t))), product(exact), tolerance=1e-5)


@given(even, st.integers(1, 50), seeds)
def test_rotating_keeps_lengths_and_leaves_position_zero_alone(d_head, length, seed):
    x = normal(torch.Generator().manual_seed(seed), length, d_head)
    turned = rotate(x, *RotaryPositions(length, d_head)(torch.arange(length)))
    assert turned.dtype == x.dtype and turned[0].equal(x[0])
    assert_same(turned.norm(dim=-1), x.norm(dim=-1), tolerance=1e-6)


@pytest.mark.parametrize("build", [lambda: sinusoidal_positions(4, 5), lambda: RotaryPositions(4, 5)])
def test_an_odd_width_that_cannot_be_paired_is_explained(build):
    with pytest.raises(MinimmError, match="even, but it is 5"):
        build()
