"""The laws of vector quantisation in NumPy. The oracle is torch: distances one by one, and autograd with `detach` for sg."""

import numpy as np
import torch
from drawing import TOLERANCE, generators, normal
from hypothesis import given
from hypothesis import strategies as st

from minimm.first_principles.vector_quantization import (
    codebook_loss,
    codebook_loss_backward,
    commitment_loss,
    commitment_loss_backward,
    follow_vectors,
    nearest_code,
    quantize,
    quantize_backward,
)


@st.composite
def problems(draw) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, D) and codebook (K, D)."""
    count, codes, width = draw(st.integers(1, 8)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    return normal(draw, (count, width), (codes, width))


def chosen(vectors: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """Each vector's nearest code, by torch's own distances."""
    return codebook[torch.cdist(vectors, codebook, compute_mode="donot_use_mm_for_euclid_dist").argmin(dim=1)]


def gradients(loss, vectors: np.ndarray, codebook: np.ndarray) -> list[np.ndarray]:
    leaves = [torch.tensor(array, requires_grad=True) for array in (vectors, codebook)]
    found = torch.autograd.grad(loss(*leaves), leaves, allow_unused=True)
    return [np.zeros(leaf.shape) if one is None else one.numpy() for leaf, one in zip(leaves, found, strict=True)]


def assert_equal(found, wanted) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


@given(problems())
def test_every_vector_becomes_its_nearest_code(problem):
    vectors, codebook = problem
    distances = ((vectors[:, None] - codebook) ** 2).sum(axis=2)
    np.testing.assert_array_equal(nearest_code(vectors, codebook), distances.argmin(axis=1))
    assert_equal([quantize(vectors, codebook)], [chosen(torch.tensor(vectors), torch.tensor(codebook)).numpy()])


@given(problems())
def test_a_code_becomes_itself(problem):
    _, codebook = problem
    np.testing.assert_array_equal(quantize(codebook, codebook), codebook)


@given(problems(), generators)
def test_gradients_pass_straight_through(problem, generator):
    incoming = generator.standard_normal(problem[0].shape)

    def straight_through(vectors, codebook):
        return ((vectors + (chosen(vectors, codebook) - vectors).detach()) * torch.tensor(incoming)).sum()

    assert_equal(quantize_backward(incoming, *problem), gradients(straight_through, *problem))


@given(problems(), st.floats(-2, 2))
def test_the_codebook_loss_teaches_the_codes_and_the_commitment_the_vectors(problem, incoming):
    for function, backward, oracle in (
        (codebook_loss, codebook_loss_backward, lambda z, e: (z.detach() - chosen(z, e)).square().mean()),
        (commitment_loss, commitment_loss_backward, lambda z, e: (z - chosen(z, e).detach()).square().mean()),
    ):
        np.testing.assert_allclose(function(*problem), oracle(*map(torch.tensor, problem)).item(), rtol=TOLERANCE)
        assert_equal(backward(incoming, *problem), gradients(lambda z, e, f=oracle, g=incoming: g * f(z, e), *problem))


@given(problems())
def test_without_memory_codes_move_to_the_mean_of_their_vectors(problem):
    vectors, codebook = problem
    moved, counts, _ = follow_vectors(vectors, codebook, np.zeros(len(codebook)), np.zeros_like(codebook), decay=0.0)
    ids = nearest_code(vectors, codebook)
    for number, code in enumerate(codebook):
        own = vectors[ids == number]
        np.testing.assert_allclose(moved[number], own.mean(axis=0) if len(own) else code)
        assert counts[number] == len(own)
    assert codebook_loss(vectors, moved) <= codebook_loss(vectors, codebook) + TOLERANCE  # as in k-means


@given(problems())
def test_codes_that_are_fed_the_same_vectors_stay_at_their_mean(problem):
    vectors, codebook = problem
    moved, counts, sums = follow_vectors(vectors, codebook, np.zeros(len(codebook)), np.zeros_like(codebook), 0.5)
    if (nearest_code(vectors, moved) == nearest_code(vectors, codebook)).all():
        again, _, _ = follow_vectors(vectors, moved, counts, sums, 0.5)
        np.testing.assert_allclose(again, moved, rtol=1e-9, atol=1e-9)
