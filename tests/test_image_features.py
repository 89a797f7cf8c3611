"""What must hold for reading and changing pictures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from minimm.errors import MinimmError
from minimm.features.image import augment_images, load_image, to_pil

bytes_pictures = st.tuples(st.integers(2, 9), st.integers(2, 9)).flatmap(lambda s: arrays(np.uint8, (*s, 3)))


@given(bytes_pictures)
def test_a_png_comes_back_exactly(tmp_path_factory, pixels):
    path = tmp_path_factory.mktemp("picture") / "p.png"
    Image.fromarray(pixels).save(path)
    loaded = load_image(path)
    assert loaded.dtype == np.float32 and loaded.shape == (3, *pixels.shape[:2])
    assert np.array_equal((loaded * 255).round().astype(np.uint8), pixels.transpose(2, 0, 1))


@given(bytes_pictures, st.integers(2, 40))
def test_every_picture_fits_into_the_square_asked_for(pixels, size):
    square = load_image(Image.fromarray(pixels), size=size)
    assert square.shape == (3, size, size)
    assert square.min() >= 0.0 and square.max() <= 1.0


def test_a_wide_picture_keeps_its_shape_and_gets_white_above_and_below():
    black = Image.new("RGB", (40, 10))
    square = load_image(black, size=20)
    assert np.all(square[:, :7] == 1.0) and np.all(square[:, -7:] == 1.0) and np.all(square[:, 8:12] == 0.0)


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (65535, 1.0), (32768, 128 / 255)])
def test_sixteen_bit_grey_is_scaled_and_not_cut_off(tmp_path, value, expected):
    Image.fromarray(np.full((4, 4), value, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert np.allclose(load_image(tmp_path / "deep.png"), expected, atol=1e-6)


def test_what_is_transparent_becomes_white():
    picture = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    picture.putpixel((0, 0), (200, 0, 0, 255))
    loaded = load_image(picture)
    assert np.allclose(loaded[:, 0, 0], [200 / 255, 0, 0]) and np.all(loaded[:, 1:, :] == 1.0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_mode_of_pillow_is_read(mode):
    assert load_image(Image.new(mode, (5, 4))).shape == (3, 4, 5)


def test_a_turned_photo_is_turned_back(tmp_path):
    picture = Image.new("RGB", (6, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert load_image(tmp_path / "turned.jpg").shape == (3, 6, 3)


@given(st.integers(0, 10_000), st.integers(0, 2**31))
def test_a_damaged_file_is_read_or_refused_but_nothing_else_happens(tmp_path_factory, cut, noise):
    folder = tmp_path_factory.mktemp("damaged")
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(folder / "p.png")
    data = bytearray((folder / "p.png").read_bytes())
    data[noise % len(data)] ^= 1 + noise % 255
    (folder / "p.png").write_bytes(data[: 1 + cut % len(data)])
    try:
        assert load_image(folder / "p.png").shape[0] == 3
    except MinimmError as error:
        assert "p.png" in str(error)


def test_a_picture_that_claims_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path):
    Image.new("1", (9_000, 9_000)).save(tmp_path / "bomb.png")
    with pytest.raises(MinimmError, match="9000 x 9000"):
        load_image(tmp_path / "bomb.png")


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.full((3, 4, 4), 2.0), np.full((3, 4, 4), np.nan), np.zeros((3, 1, 1))],
)
def test_arrays_that_are_no_pictures_are_refused(array):
    with pytest.raises(MinimmError):
        load_image(array)


@given(bytes_pictures)
def test_an_array_survives_the_way_to_pillow_and_back(pixels):
    image = pixels.transpose(2, 0, 1).astype(np.float32) / 255
    assert np.allclose(load_image(to_pil(image)), image, atol=1e-7)


def test_augmentation_is_fixed_by_its_generator_and_stays_in_range():
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    first, again, other = (augment_images(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == images.shape and first.min() >= 0.0 and first.max() <= 1.0


def test_no_change_at_all_gives_the_picture_back():
    images = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    same = augment_images(images, torch.Generator().manual_seed(0), shift=0.0, scale=(1.0, 1.0), recolour=0.0)
    assert torch.allclose(same, images, atol=1e-5)


def test_a_shifted_picture_moves_by_at_most_the_share_asked_for_and_white_moves_in():
    images = torch.ones(64, 3, 21, 21)
    images[:, :, 10, 10] = 0.0
    moved = augment_images(images, torch.Generator().manual_seed(3), shift=0.2, scale=(1.0, 1.0), recolour=0.0)
    darkest = moved.mean(dim=1).flatten(1).argmin(dim=1)
    offsets = torch.stack([darkest // 21 - 10, darkest % 21 - 10])
    assert offsets.abs().max() <= 5 and offsets.min() < -2 and offsets.max() > 2
    assert torch.all(moved[:, :, 0].amax(dim=(1, 2)) > 0.999)


def test_recolouring_keeps_grey_nearly_grey_and_never_swaps_the_order_of_strong_colours():
    red = torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1).expand(200, 3, 8, 8).clone()
    changed = augment_images(red, torch.Generator().manual_seed(0), shift=0.0, scale=(1.0, 1.0))
    assert torch.all(changed[:, 0] > changed[:, 1]) and torch.all(changed[:, 0] > changed[:, 2])
