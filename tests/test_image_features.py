"""What must hold for reading and changing pictures."""

import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import example, given
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


@given(st.integers(0, 65535))
def test_deep_grey_is_scaled_by_its_own_white_and_not_cut_off(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("deep") / "deep.png"
    Image.fromarray(np.full((4, 4), value, dtype=np.uint16)).save(path)
    whole, floating = (Image.fromarray(np.full((4, 4), v)) for v in (np.int32(value), np.float32(value / 65535)))
    assert (whole.mode, floating.mode) == ("I", "F")
    for source in (path, whole, floating):
        assert np.abs(load_image(source) - value / 65535).max() <= 0.5 / 255 + 1e-6


def test_the_grey_that_a_deep_png_declares_transparent_becomes_white(tmp_path):
    pixels = np.array([[100, 200], [200, 200]], dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "deep.png", transparency=100)
    assert np.array_equal(load_image(tmp_path / "deep.png")[0] == 1.0, pixels == 100)


def test_what_is_transparent_becomes_white():
    picture = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    picture.putpixel((0, 0), (200, 0, 0, 255))
    loaded = load_image(picture)
    assert np.allclose(loaded[:, 0, 0], [200 / 255, 0, 0]) and np.all(loaded[:, 1:, :] == 1.0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_mode_of_pillow_is_read(mode):
    assert load_image(Image.new(mode, (5, 4))).shape == (3, 4, 5)


def test_every_mode_shows_the_same_colour():
    colour = (200, 40, 90)
    picture = Image.new("RGB", (4, 4), colour)
    for same in (picture.quantize(), *map(picture.convert, ("RGB", "RGBA", "CMYK", "YCbCr", "HSV"))):
        assert np.abs(load_image(same)[:, 0, 0] * 255 - colour).max() <= 3, same.mode


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    picture = Image.new("RGB", (6, 3))
    picture.paste((255, 255, 255), (0, 0, 3, 3))  # what lies left is to be seen above
    picture.save(path, exif=exif)


def test_a_turned_photo_is_turned_back(tmp_path):
    turned(tmp_path / "turned.png")
    loaded = load_image(tmp_path / "turned.png")
    assert loaded.shape == (3, 6, 3) and np.all(loaded[:, :3] == 1.0) and np.all(loaded[:, 3:] == 0.0)


@given(st.sampled_from([0x0100, 0x011A, 0x0132, 0x0213, 0x8769, 0x8825]), st.integers(0, 13), st.binary(min_size=4))
@example(tag=0x0100, kind=11, value=b"\xefT\x17r")  # a width that is a fraction
@example(tag=0x8825, kind=8, value=b"\n\xa4\x1a\xa8")  # a place before the beginning
def test_a_damaged_exif_block_does_not_hide_the_picture(tmp_path_factory, tag, kind, value):
    path = tmp_path_factory.mktemp("exif") / "p.png"
    entries = struct.pack("<HHHIHH", 2, 0x0112, 3, 1, 6, 0) + struct.pack("<HHI4s", tag, kind, 1, value)
    Image.new("RGB", (6, 3)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0" + entries + bytes(4))
    assert load_image(path).shape in [(3, 3, 6), (3, 6, 3)]


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    red, blue = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
    red.save(tmp_path / "a.gif", save_all=True, append_images=[blue])
    assert np.array_equal(load_image(tmp_path / "a.gif")[:, 0, 0], [1.0, 0.0, 0.0])


def test_shrinking_averages_instead_of_picking_pixels():
    checkers = Image.fromarray((np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8))
    assert np.abs(load_image(checkers, size=8) - 0.5).max() < 0.02


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


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
def test_a_picture_that_claims_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path, side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))  # 8-bit RGB
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(MinimmError, match=r"bomb\.png claims .*25,000,000"):
        load_image(tmp_path / "bomb.png")


def test_every_file_that_is_no_picture_is_refused_by_what_is_wrong_with_it(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.effect_noise((50, 50), 90).save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:800])
    for name, part in {
        "empty.png": "is empty",
        "text.png": "not a picture",
        "folder": "is a folder",
        "missing.png": "does not exist",
        "dot.png": "1 x 1 pixels",
        "half.jpg": "damaged or cut off",
        "long" * 200: "could not be read",
    }.items():
        with pytest.raises(MinimmError, match=part) as caught:
            load_image(tmp_path / name, size=8)
        assert name in str(caught.value)
    with pytest.raises(MinimmError, match="damaged or cut off"):
        load_image(Image.open(tmp_path / "half.jpg"))  # Pillow reads the pixels only now


@pytest.mark.parametrize("size", [-3, 0, 1, 2.5])
def test_a_side_that_makes_no_square_is_refused(size):
    with pytest.raises(MinimmError, match="size="):
        load_image(np.zeros((3, 4, 4)), size=size)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4)),
        np.zeros((4, 4, 3)),
        np.full((3, 4, 4), 2.0),
        np.full((3, 4, 4), -0.1),
        np.full((3, 4, 4), np.nan),
        np.full((3, 4, 4), 200, dtype=np.uint8),
        np.full((3, 4, 4), "a"),
        np.zeros((3, 1, 1)),
        None,
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array):
    with pytest.raises(MinimmError):
        load_image(array)


def test_an_array_that_already_fits_keeps_its_numbers_and_is_a_copy():
    image = np.random.default_rng(0).random((3, 5, 5), dtype=np.float32)
    for source in (image, torch.from_numpy(image).requires_grad_()):
        loaded = load_image(source, size=5)
        assert np.array_equal(loaded, image) and not np.shares_memory(loaded, image)


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
    assert offsets.abs().max() <= round(0.2 * 21) and offsets.min() < -2 and offsets.max() > 2


@pytest.mark.parametrize("zoom", [0.5, 1.0, 2.0])
def test_a_shift_is_measured_in_the_new_picture_whatever_its_scale(zoom):
    images = torch.ones(200, 3, 41, 41)
    images[:, :, 19:22, 19:22] = 0.0
    moved = augment_images(images, torch.Generator().manual_seed(0), shift=0.2, scale=(zoom, zoom), recolour=0.0)
    darkness = (1.0 - moved.mean(dim=1)).unsqueeze(-1)  # (B, 41, 41, 1)
    places = torch.stack(torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij"), dim=-1)
    centres = (darkness * places).sum(dim=(1, 2)) / darkness.sum(dim=(1, 2)) - 20.0  # (B, 2)
    assert 0.9 * 0.2 * 41 < centres.abs().max() <= 0.2 * 41 + 0.1


def test_what_moves_in_from_outside_is_white_and_a_smaller_picture_is_surrounded_by_it():
    moved = augment_images(
        torch.zeros(8, 3, 20, 20), torch.Generator().manual_seed(3), shift=0.0, scale=(0.5, 0.5), recolour=0.0
    )
    assert torch.all(moved[:, :, :4] == 1.0) and torch.all(moved[:, :, :, -4:] == 1.0)
    assert torch.all(moved[:, :, 6:14, 6:14].abs() < 1e-6)


@given(arrays(np.float32, (2, 3, 4, 4), elements=st.floats(0, 1, width=32)), st.floats(0, 0.9), st.integers(0, 99))
def test_recolouring_is_saturation_then_contrast_then_brightness_and_white_balance(pixels, strength, seed):
    generator, images = torch.Generator().manual_seed(seed), torch.from_numpy(pixels)
    changed = augment_images(images, generator, shift=0.0, scale=(1.0, 1.0), recolour=strength)

    again = torch.Generator().manual_seed(seed)
    torch.rand(2, generator=again), torch.rand(2, 2, generator=again)  # scale and shift are drawn first
    draws = [1 + strength * (2 * torch.rand(2, generator=again).numpy() - 1) for _ in range(3)]
    balance = 1 + strength / 2 * (2 * torch.rand(2, 3, generator=again).numpy() - 1)
    for image, saturation, contrast, brightness, channels, result in zip(pixels, *draws, balance, changed, strict=True):
        grey = image.mean(axis=0)
        vivid = grey + saturation * (image - grey)
        strong = image.mean() + contrast * (vivid - image.mean())
        expected = (strong * brightness * channels[:, None, None]).clip(0, 1)
        assert np.abs(result.numpy() - expected).max() < 1e-4


@pytest.mark.parametrize("images", [torch.zeros(3, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 8, 8).byte()])
def test_what_cannot_be_augmented_is_refused_by_its_shape(images):
    with pytest.raises(MinimmError, match=r"\(B, 3, H, W\)"):
        augment_images(images, torch.Generator())


def test_recolouring_never_swaps_the_order_of_strong_colours():
    red = torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1).expand(200, 3, 8, 8).clone()
    changed = augment_images(red, torch.Generator().manual_seed(0), shift=0.0, scale=(1.0, 1.0))
    assert torch.all(changed[:, 0] > changed[:, 1]) and torch.all(changed[:, 0] > changed[:, 2])
