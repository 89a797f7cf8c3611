"""Fusion by hand: the forward equals the layer's and the full tensor's, the backward equals autograd's."""

import numpy as np
import torch
from drawing import TOLERANCE, batches, normal, sizes
from hypothesis import given
from hypothesis import strategies as st

from minimm.first_principles import fusion as by_hand
from minimm.layers import fusion


@st.composite
def bilinear(draw):
    """x, y, U, V, P of any sizes, and what comes back from above."""
    batch, (d_x, d_y, d_z, rank) = draw(batches), (draw(sizes) for _ in range(4))
    shapes = ((*batch, d_x), (*batch, d_y), (d_x, rank), (d_y, rank), (rank, d_z), (*batch, d_z))
    return normal(draw, *shapes)


@st.composite
def gated(draw):
    """x, what is added, the gate, and what comes back from above."""
    shape = (*draw(batches), draw(sizes))
    x, added, grad_output = normal(draw, shape, shape, shape)
    return x, added, np.array(draw(st.floats(-3, 3))), grad_output


def assert_gradients(name, arguments, grad_output):
    """Output and gradients of `name` in NumPy equal those of the layer's function by autograd."""
    leaves = [torch.from_numpy(np.ascontiguousarray(array)).requires_grad_() for array in arguments]
    output = getattr(fusion, name)(*leaves)
    wanted = torch.autograd.grad(output, leaves, torch.from_numpy(np.ascontiguousarray(grad_output)))
    np.testing.assert_allclose(getattr(by_hand, name)(*arguments), output.detach().numpy(), atol=TOLERANCE)
    found = getattr(by_hand, f"{name}_backward")(grad_output, *arguments)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=TOLERANCE, atol=TOLERANCE)


@given(bilinear())
def test_the_gradients_of_low_rank_bilinear_equal_autograds(drawn):
    *arguments, grad_output = drawn
    assert_gradients("low_rank_bilinear", arguments, grad_output)


@given(gated())
def test_the_gradients_of_the_gated_residual_equal_autograds(drawn):
    *arguments, grad_output = drawn
    assert_gradients("gated_residual", arguments, grad_output)


@given(bilinear())
def test_low_rank_bilinear_equals_the_sum_over_the_full_tensor(drawn):
    x, y, u, v, p, _ = drawn
    tensor = np.einsum("ir,jr,rk->ijk", u, v, p)
    expected = np.einsum("...i,ijk,...j->...k", x, tensor, y)
    np.testing.assert_allclose(by_hand.low_rank_bilinear(x, y, u, v, p), expected, rtol=TOLERANCE, atol=TOLERANCE)


@given(gated())
def test_a_closed_gate_lets_nothing_through_but_may_open(drawn):
    x, added, _, grad_output = drawn
    closed = np.array(0.0)
    np.testing.assert_array_equal(by_hand.gated_residual(x, added, closed), x)
    _, grad_added, grad_gate = by_hand.gated_residual_backward(grad_output, x, added, closed)
    assert not grad_added.any()
    np.testing.assert_allclose(grad_gate, (grad_output * added).sum(), atol=TOLERANCE)
