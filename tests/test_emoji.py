"""What must hold for emoji, read from a folder or drawn from the system's font."""

import numpy as np
import pytest

from minimm.datasets import emoji
from minimm.datasets.coco_captions import CocoCaptions, write_coco_captions
from minimm.datasets.emoji import draw_emoji, load_emoji, write_emoji
from minimm.errors import MinimmError


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """Name -> picture (3, 24, 24) of all emoji that the font of this machine has."""
    try:
        return {name: image for image, name in draw_emoji(24)}
    except MinimmError as error:
        pytest.skip(str(error))


def test_a_folder_goes_before_the_environment_which_goes_before_the_font(tmp_path, monkeypatch):
    for place in ("given", "emoji"):
        write_coco_captions(tmp_path / place, [np.zeros((3, 8, 8))], [place])
    monkeypatch.setenv("MINIMM_DATA", str(tmp_path))
    assert load_emoji(tmp_path / "given", image_size=8).captions == [["given"]]
    assert load_emoji(image_size=8).captions == [["emoji"]]
    monkeypatch.setenv("MINIMM_DATA", str(tmp_path / "given"))
    with pytest.raises(MinimmError, match="emoji does not exist"):
        load_emoji()
    monkeypatch.delenv("MINIMM_DATA")
    monkeypatch.setattr(emoji, "draw_emoji", lambda size: [(np.ones((3, size, size)), "drawn")])
    assert load_emoji(image_size=8).captions == [["drawn"]]


def test_a_system_without_the_font_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.delenv("MINIMM_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / "Broken.ttf").write_bytes(b"no font")
    for fonts in ((), ((tmp_path / "missing", "Emoji.ttf", 109),), ((tmp_path, "Broken.ttf", 109),)):
        monkeypatch.setattr(emoji, "FONTS", fonts)
        with pytest.raises(MinimmError, match="fonts-noto-color-emoji"):
            load_emoji()


@pytest.fixture()
def outlines():
    """A font of letters, each with its own extent, and with a box for whatever is missing."""
    font = emoji.ImageFont.load_default(size=20)
    if not isinstance(font, emoji.ImageFont.FreeTypeFont):
        pytest.skip("this Pillow was built without FreeType")
    return font


def test_a_small_glyph_is_drawn_small_in_the_middle_of_a_frame_as_large_as_a_face(outlines):
    face, dot = (np.asarray(emoji._draw_with(emoji.BLACK, glyph, outlines)) < 128 for glyph in (emoji.FACE, "."))
    assert face.shape == dot.shape and 0 < dot.sum() < face.sum() / 2
    assert np.abs(np.argwhere(dot).mean(axis=0)[:2] - (np.array(dot.shape[:2]) - 1) / 2).max() <= 1.5


def test_glyphs_drawn_in_ink_are_no_emoji(outlines, monkeypatch):
    monkeypatch.setattr(emoji, "_emoji_font", lambda: outlines)
    monkeypatch.delenv("MINIMM_DATA", raising=False)
    with pytest.raises(MinimmError, match="no coloured pictures"):
        load_emoji()


def test_drawn_emoji_are_many_complete_and_hardly_any_two_look_the_same(drawn):
    assert len(drawn) > 1_000
    assert all(image.shape == (3, 24, 24) and image.min() < 0.95 for image in drawn.values())
    assert all(name == name.lower() and not name.startswith(("regional", "combining")) for name in drawn)
    assert len({image.tobytes() for image in drawn.values()}) > 0.99 * len(drawn)


def test_colours_and_sizes_are_as_the_names_say(drawn):
    red, green, blue = drawn["red apple"].mean(axis=(1, 2))
    assert red > green and red > blue
    green_red, green_green, _ = drawn["green apple"].mean(axis=(1, 2))
    assert green_green > green_red
    sizes = [(drawn[f"black {size} square"] < 0.5).sum() for size in ("small", "medium small", "medium", "large")]
    assert sizes == sorted(set(sizes)), "a small square must stay smaller than a large one"


def test_a_written_folder_holds_the_same_pictures_as_the_drawing(drawn, tmp_path, monkeypatch):
    few = list(drawn.items())[::100]
    monkeypatch.setattr(emoji, "draw_emoji", lambda size: ((image, name) for name, image in few))
    assert write_emoji(tmp_path, image_size=24) == len(few)
    data = CocoCaptions(tmp_path, image_size=24)
    assert data.captions == [[name] for name, _ in few]
    assert np.array_equal(data.images.numpy(), [(image * 255).round().astype(np.uint8) for _, image in few])
