"""What must hold for pictures read as patches. The oracle is torch's convolution with a stride as large as its kernel."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.first_principles import patches as by_hand
from minimm.layers.initialization import initialize
from minimm.models.patch_image_encoder import PatchImageEncoder, PatchImageEncoderConfig, cut_patches

seeds = st.integers(0, 2**40)


def built(patch_size: int = 4, grid: int = 4, **options) -> PatchImageEncoder:
    config = PatchImageEncoderConfig(patch_size * grid, patch_size, d_model=16, num_heads=2, **options)
    encoder = PatchImageEncoder(config)
    initialize(encoder, torch.Generator().manual_seed(0), config.num_layers)
    return encoder.eval()


def pictures(size: int, seed: int = 0, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


@given(seeds, st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_a_product_with_patches_is_a_convolution_whose_stride_is_its_kernel(seed, patch, rows, columns, channels):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, channels, rows * patch, columns * patch, generator=generator)
    weight = torch.randn(6, channels, patch, patch, generator=generator)
    ours = cut_patches(images, patch) @ weight.flatten(1).T  # (B, N, 6)
    theirs = torch.nn.functional.conv2d(images, weight, stride=patch).flatten(2).transpose(1, 2)
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert np.array_equal(by_hand.cut_patches(images.numpy(), patch), cut_patches(images, patch).numpy())


@given(seeds, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_the_gradient_of_cutting_puts_every_number_back(seed, patch, rows, columns):
    images = torch.rand(2, 3, rows * patch, columns * patch, generator=torch.Generator().manual_seed(seed))
    images.requires_grad_()
    out = cut_patches(images, patch)
    incoming = torch.rand(out.shape, generator=torch.Generator().manual_seed(seed + 1))
    (wanted,) = torch.autograd.grad(out, images, incoming)
    found = by_hand.cut_patches_backward(incoming.numpy(), images.detach().numpy(), patch)
    assert np.array_equal(found, wanted.numpy())


@given(seeds, st.integers(0, 3), st.integers(0, 3))
def test_without_positions_moving_a_picture_by_whole_patches_moves_the_features_and_changes_nothing_else(
    seed, down, right
):
    encoder = built()
    torch.nn.init.zeros_(encoder.row_positions.weight)
    torch.nn.init.zeros_(encoder.column_positions.weight)
    images = pictures(16, seed)
    with torch.inference_mode():
        still = encoder(images).features.unflatten(1, (4, 4))
        moved = encoder(images.roll((4 * down, 4 * right), dims=(2, 3))).features.unflatten(1, (4, 4))
    assert torch.allclose(moved, still.roll((down, right), dims=(1, 2)), atol=1e-5)


def test_with_positions_the_place_of_a_patch_matters():
    encoder, images = built(), pictures(16)
    with torch.inference_mode():
        still, moved = (encoder(x).features.unflatten(1, (4, 4)) for x in (images, images.roll(4, dims=2)))
    assert not torch.allclose(moved, still.roll(1, dims=1), atol=1e-4)


@given(st.integers(1, 8), st.integers(1, 5), st.integers(1, 3))
def test_the_memory_has_one_vector_for_each_patch_and_hides_none(patch, grid, count):
    memory = built(patch, grid, num_layers=1)(pictures(patch * grid, count=count))
    assert memory.features.shape == (count, grid * grid, 16) and memory.grid == (grid, grid)
    assert memory.mask.all() and memory.mask.shape == (count, grid * grid)


def test_every_patch_sees_every_other():
    encoder, images = built(), pictures(16).requires_grad_()
    for place in (0, 15):
        (gradient,) = torch.autograd.grad(encoder(images).features[0, place].square().sum(), images)
        assert bool((cut_patches(gradient, 4)[0].abs().amax(dim=-1) > 0).all())
        assert not gradient[1].any()  # and no other picture


def test_every_weight_learns():
    encoder = built()
    encoder(pictures(16)).features.mul(pictures(16, 1)[:, :1, :, :16].flatten(1, 2)).sum().backward()
    assert all(bool(parameter.grad.any()) for parameter in encoder.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 30}, "image_size=30 must be a multiple of patch_size=4"),
        ({"patch_size": 0}, "patch_size=0"),
        ({"num_heads": 3}, "num_heads=3"),
        ({"num_layers": 0}, "num_layers=0"),
    ],
)
def test_shapes_that_cannot_be_are_refused(options, message):
    with pytest.raises(MinimmError, match=message):
        PatchImageEncoderConfig(**options)


def test_pictures_of_another_size_are_refused_with_both_sizes():
    with pytest.raises(MinimmError, match=r"\(B, 3, 16, 16\), but got \(2, 3, 20, 20\)"):
        built()(pictures(20))
    with pytest.raises(MinimmError, match="10 x 10 pixels does not split"):
        cut_patches(pictures(10), 4)
