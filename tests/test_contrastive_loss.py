"""The contrastive loss equals PyTorch's two cross-entropies, in value and gradient, and treats both sides alike."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, normal, seeds

from minimm.errors import MinimmError
from minimm.training.contrastive import contrastive_loss

counts, widths = st.integers(1, 6), st.integers(1, 5)
temperatures = st.floats(0.02, 5.0)


def pair(seed: int, n: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and text embeddings (n, d)."""
    generator = torch.Generator().manual_seed(seed)
    return normal(generator, n, d), normal(generator, n, d)


def by_torch(images: torch.Tensor, texts: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """The same from PyTorch's own parts."""
    logits = F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).mT / temperature
    own = torch.arange(len(images))
    return 0.5 * F.cross_entropy(logits, own) + 0.5 * F.cross_entropy(logits.mT, own)


@given(seeds, counts, widths, temperatures)
def test_it_equals_torchs_cross_entropies_in_value_and_in_the_gradients_of_both_sides_and_the_temperature(
    seed, n, d, t
):
    temperature = torch.tensor(t, dtype=torch.float64)
    ours, theirs = (lambda *inputs, loss=loss: loss(*inputs)[None] for loss in (contrastive_loss, by_torch))
    assert_same_value_and_gradients(ours, theirs, *pair(seed, n, d), temperature)


@given(seeds, counts, widths, temperatures)
def test_images_and_texts_may_change_places(seed, n, d, t):
    images, texts = pair(seed, n, d)
    assert_same(contrastive_loss(texts, images, t), contrastive_loss(images, texts, t))


@given(seeds, counts, widths, temperatures)
def test_pairs_may_come_in_any_order(seed, n, d, t):
    images, texts = pair(seed, n, d)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    assert_same(contrastive_loss(images[order], texts[order], t), contrastive_loss(images, texts, t))


@given(seeds, counts, widths, st.floats(0.01, 100.0))
def test_only_directions_count(seed, n, d, factor):
    images, texts = pair(seed, n, d)
    stretch = factor * torch.arange(1, n + 1, dtype=torch.float64)[:, None]
    assert_same(contrastive_loss(images * stretch, texts / stretch, 0.5), contrastive_loss(images, texts, 0.5))


@given(seeds, counts, widths, temperatures)
def test_a_temperature_means_the_same_as_a_float_and_as_a_tensor_of_any_shape_with_one_element(seed, n, d, t):
    images, texts = pair(seed, n, d)
    expected = contrastive_loss(images, texts, t)
    for shape in ((), (1,), (1, 1)):
        assert_same(contrastive_loss(images, texts, torch.full(shape, t, dtype=torch.float64)), expected)


@given(counts, temperatures)
def test_right_pairs_at_right_angles_lose_what_the_formula_says(n, t):
    expected = torch.tensor(math.log1p((n - 1) * math.exp(-1 / t)), dtype=torch.float64)
    assert_same(contrastive_loss(torch.eye(n).double(), torch.eye(n).double(), t), expected)


@given(counts)
def test_when_all_embeddings_are_alike_the_loss_is_that_of_a_guess(n):
    same = torch.ones(n, 3, dtype=torch.float64)
    assert_same(contrastive_loss(same, same, 0.07), torch.tensor(math.log(n), dtype=torch.float64))


@given(seeds)
def test_its_gradients_equal_the_numerical_ones(seed):
    images, texts = (x.requires_grad_() for x in pair(seed, 3, 4))
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(contrastive_loss, (images, texts, temperature))


def test_a_learned_temperature_raises_no_warning_and_float32_stays_float32():
    images, texts = (x.float() for x in pair(0, 4, 3))
    temperature = torch.nn.Parameter(torch.tensor(0.07))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = contrastive_loss(images, texts, temperature)
        loss.backward()
    assert loss.dtype == temperature.grad.dtype == torch.float32


def test_an_embedding_of_length_zero_leaves_loss_and_gradients_finite():
    images, texts = pair(0, 3, 4)
    images[1] = 0.0
    images.requires_grad_()
    loss = contrastive_loss(images, texts, 0.5)
    loss.backward()
    assert loss.isfinite()
    assert images.grad.isfinite().all()


@pytest.mark.parametrize(
    ("images", "texts", "temperature", "said"),
    [
        ((2, 3), (3, 3), 0.5, r"\(2, 3\) and text embeddings \(3, 3\)"),
        ((2, 3), (2, 4), 0.5, "projected to one width"),
        ((1, 2, 3), (1, 2, 3), 0.5, r"expected \(N, D\)"),
        ((0, 3), (0, 3), 0.5, "N at least 1"),
        ((2, 3), (2, 3), 0.0, "temperature=0, expected a number above 0"),
        ((2, 3), (2, 3), -1, "temperature=-1"),
        ((2, 3), (2, 3), math.nan, "temperature=nan"),
        ((2, 3), (2, 3), math.inf, "temperature=inf"),
        ((2, 3), (2, 3), torch.tensor(-0.5), "temperature=-0.5"),
        ((2, 3), (2, 3), torch.ones(2), r"temperature is of shape \(2,\)"),
        ((2, 3), (2, 3), "0.5", "temperature is '0.5'"),
    ],
)
def test_it_says_what_is_wrong_with_its_input(images, texts, temperature, said):
    with pytest.raises(MinimmError, match=said):
        contrastive_loss(torch.ones(images), torch.ones(texts), temperature)
