"""The laws of convolution and pooling. Oracles: `torch.nn.functional` and loops over windows."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, normal, seeds

from minimm.errors import MinimmError
from minimm.layers.convolution import (
    Conv2d,
    conv2d,
    conv2d_channels_last,
    gather_patches,
    output_size,
    scatter_patches,
)
from minimm.layers.pooling import average_pool2d, max_pool2d

few = st.integers(1, 3)


@st.composite
def problems(draw):
    """Pictures, kernels of any height and width that fit, biases or None, a stride and a padding."""
    generator = torch.Generator().manual_seed(draw(seeds))
    batch, channels, kernels = draw(few), draw(few), draw(few)
    padding, stride = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    kernel_height = draw(st.integers(1, min(5, height + 2 * padding)))
    kernel_width = draw(st.integers(1, min(5, width + 2 * padding)))
    images = normal(generator, batch, channels, height, width)
    weight = normal(generator, kernels, channels, kernel_height, kernel_width)
    bias = normal(generator, kernels) if draw(st.booleans()) else None
    return images, weight, bias, stride, padding


@given(problems())
def test_convolution_equals_pytorchs_in_value_and_gradients(problem):
    images, weight, bias, stride, padding = problem
    inputs = [images, weight] if bias is None else [images, weight, bias]
    assert_same_value_and_gradients(
        lambda *inputs: conv2d(*inputs, stride=stride, padding=padding),
        lambda *inputs: F.conv2d(*inputs, stride=stride, padding=padding),
        *inputs,
    )


@given(problems())
def test_channels_last_is_the_same_convolution_with_the_axes_in_another_order(problem):
    images, weight, bias, stride, padding = problem
    output = conv2d_channels_last(images.permute(0, 2, 3, 1), weight, bias, stride, padding)
    assert_same(output.permute(0, 3, 1, 2), F.conv2d(images, weight, bias, stride, padding))


@given(problems(), st.sampled_from([(True, True), (True, False), (False, True)]))
def test_the_hand_written_gradient_equals_the_numerical_one(problem, needed):
    images, weight, _, stride, padding = problem
    images, weight = images[:1, :, :4, :4], weight[..., :2, :2]  # small, as each number is varied on its own
    inputs = [x.clone().requires_grad_(needs) for x, needs in zip((images, weight), needed, strict=True)]
    assert torch.autograd.gradcheck(lambda *inputs: conv2d(*inputs, None, stride, padding), inputs)


@given(problems())
def test_scattering_is_the_transpose_of_gathering(problem):
    images, weight, _, stride, padding = problem
    images = images.permute(0, 2, 3, 1)
    patches = gather_patches(images, weight.shape[2:], stride, padding)
    other = normal(torch.Generator().manual_seed(0), *patches.shape)
    back = scatter_patches(other, *images.shape[1:3], stride, padding)
    assert back.shape == images.shape
    assert_same((patches * other).sum(), (images * back).sum())


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 5), st.integers(0, 4))
def test_the_output_has_one_pixel_for_each_place_where_the_window_fits(size, kernel, stride, padding):
    places = [start for start in range(0, size + 2 * padding, stride) if start + kernel <= size + 2 * padding]
    assert max(output_size(size, kernel, stride, padding), 0) == len(places)


def test_the_kernel_is_not_flipped():
    images = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert conv2d(images, torch.tensor([[[[10.0, 1.0]]]]), torch.tensor([100.0])).tolist() == [[[[112.0, 123.0]]]]


@given(few, few, st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), seeds)
def test_the_module_equals_pytorchs_with_the_same_weights(narrow, wide, kernel_size, stride, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    layer = Conv2d(narrow, wide, kernel_size, stride, padding).double()
    fill(layer, generator)
    images = normal(generator, 2, narrow, 5, 4)

    def theirs(images):
        return F.conv2d(images, layer.weight, layer.bias, stride, padding)

    def ours(images):
        return layer(images.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    assert_same_value_and_gradients(ours, theirs, images, parameters=[layer.weight, layer.bias])
    assert {name: p.shape for name, p in layer.state_dict().items()} == {
        name: p.shape for name, p in torch.nn.Conv2d(narrow, wide, kernel_size).state_dict().items()
    }


def test_under_autocast_a_convolution_runs_in_bfloat16_and_its_weights_get_float32_gradients():
    layer = Conv2d(2, 3, 3)
    fill(layer, torch.Generator().manual_seed(0))
    images = torch.randn(1, 6, 6, 2, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(images)
    torch.testing.assert_close(output.float(), layer(images), rtol=0.05, atol=0.2)
    output.float().sum().backward()
    in_bfloat16 = layer.weight.grad.clone()
    layer.zero_grad()
    layer(images).sum().backward()
    assert in_bfloat16.dtype == torch.float32
    torch.testing.assert_close(in_bfloat16, layer.weight.grad, rtol=0.05, atol=0.2)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(max_pool2d, F.max_pool2d), (average_pool2d, F.avg_pool2d)], ids=["max", "average"]
)
@given(few, few, st.integers(1, 9), st.integers(1, 9), st.data(), seeds)
def test_pooling_equals_pytorchs_in_value_and_gradient(ours, theirs, batch, channels, height, width, data, seed):
    kernel_size = data.draw(st.integers(1, min(height, width)))
    stride = data.draw(st.none() | st.integers(1, 4))  # windows may overlap, touch or leave gaps
    images = normal(torch.Generator().manual_seed(seed), batch, channels, height, width)
    assert_same_value_and_gradients(
        lambda images: ours(images, kernel_size, stride), lambda images: theirs(images, kernel_size, stride), images
    )


@given(st.integers(1, 4), st.integers(1, 16), seeds)
def test_equal_largest_values_share_the_gradient_evenly(side, winners, seed):
    winners = min(winners, side * side)
    order = torch.randperm(side * side, generator=torch.Generator().manual_seed(seed))
    images = torch.zeros(side * side).index_fill(0, order[:winners], 1.0).view(1, 1, side, side).requires_grad_()
    max_pool2d(images, side).sum().backward()
    assert_same(images.grad, images.detach() / winners, tolerance=1e-6)


def test_shapes_that_do_not_fit_are_explained():
    images, weight = torch.zeros(1, 2, 4, 4), torch.zeros(3, 2, 3, 3)
    for wrong, message in (
        (lambda: conv2d(images[0], weight), r"\(B, C, H, W\), but got \(2, 4, 4\)"),
        (lambda: conv2d(images, weight[0]), r"\(O, C, kH, kW\), but got"),
        (lambda: conv2d(images[:, :1], weight), "have 1 channels but the kernels want 2"),
        (lambda: conv2d(images, weight, stride=0), "stride must be at least 1 .* 0 and 0"),
        (lambda: conv2d(images, weight, padding=-1), "padding at least 0"),
        (lambda: conv2d(images[:, :, :2], weight), "3 x 3 kernel does not fit into a 2 x 4 picture"),
        (lambda: max_pool2d(images[0], 2), r"\(B, C, H, W\), but got \(2, 4, 4\)"),
        (lambda: max_pool2d(images, 0), "at least 1, but they are 0"),
        (lambda: average_pool2d(images, 5), "5 x 5 window does not fit into a 4 x 4 picture"),
        (lambda: average_pool2d(images, 2, 0), "at least 1, but they are 2 and 0"),
    ):
        with pytest.raises(MinimmError, match=message):
            wrong()
