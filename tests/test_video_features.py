"""What must hold for clips from files: frames survive, sampling is uniform in time, and bad files end in one sentence."""

import doctest
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from minimm.datasets.bundled import bundled
from minimm.datasets.coco_clips import CocoClips, write_coco_clips
from minimm.errors import MinimmError
from minimm.features import video
from minimm.features.image import augment_images
from minimm.features.video import load_timed_video, load_video, natural_order, sample_frames, save_gif

seconds = st.lists(st.integers(1, 30), min_size=2, max_size=12)


def flat(*levels: float, size: int = 8) -> np.ndarray:
    """A clip of one colour a frame, each with its own level of grey."""
    return np.ones((len(levels), 3, size, size), np.float32) * np.array(levels, np.float32)[:, None, None, None]


def pictures(clip: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray((frame.transpose(1, 2, 0) * 255).round().astype(np.uint8)) for frame in clip]


def write(path, clip, **options) -> None:
    first, *rest = pictures(clip)
    first.save(path, save_all=True, append_images=rest, **options)


@settings(max_examples=25)
@given(st.data())
def test_a_clip_saved_as_gif_is_the_same_clip_even_where_it_rests(tmp_path_factory, data):
    size, levels = data.draw(st.integers(2, 6)), st.integers(0, 255)
    colours = data.draw(st.lists(st.tuples(levels, levels, levels), min_size=1, max_size=size * size))
    places = st.lists(st.sampled_from(colours), min_size=size * size, max_size=size * size)
    frames = data.draw(st.lists(places, min_size=2, max_size=5, unique_by=tuple))
    order = [
        *range(len(frames)),
        *data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=4)),
    ]  # repeats are rests
    clip = (
        np.array([frames[index] for index in order], np.float32).reshape(-1, size, size, 3).transpose(0, 3, 1, 2) / 255
    )
    path = tmp_path_factory.mktemp("gif") / "clip.gif"
    save_gif(path, torch.from_numpy(clip))
    assert np.abs(load_video(path, num_frames=len(clip)) - clip).max() < 1e-6
    moves = [True, *(a != b for a, b in zip(order, order[1:], strict=False))]
    assert len(load_video(path)) == sum(moves)  # equal frames in a row are one that stays longer


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_frames_are_taken_when_they_are_shown(tmp_path, suffix):
    if suffix == "webp" and not features.check("webp"):
        pytest.skip("this Pillow reads no WebP")
    path, clip = tmp_path / f"clip.{suffix}", flat(0.0, 0.4, 1.0)
    write(path, clip, duration=[100, 300, 100], lossless=True)
    found, times = load_timed_video(path)
    assert np.allclose(found, clip, atol=0.01) and times == pytest.approx([0.0, 0.1, 0.4])
    assert np.allclose(load_video(path, 5)[:, 0, 0, 0], [0.0, 0.4, 0.4, 0.4, 1.0], atol=0.01)
    assert np.allclose(load_video(path, 1)[:, 0, 0, 0], [0.4], atol=0.01)
    assert load_video(path, size=4).shape == (3, 3, 4, 4)


def test_a_gif_that_says_nothing_of_time_is_shown_as_browsers_do(tmp_path):
    write(tmp_path / "clip.gif", flat(0.0, 0.4, 1.0), duration=0)
    assert load_timed_video(tmp_path / "clip.gif")[1] == pytest.approx([0.0, 0.1, 0.2])


def test_the_picture_that_an_apng_shows_elsewhere_is_no_part_of_the_clip(tmp_path):
    write(tmp_path / "clip.png", flat(0.2, 0.4, 1.0), duration=100, default_image=True)
    assert np.allclose(load_video(tmp_path / "clip.png")[:, 0, 0, 0], [0.4, 1.0], atol=0.01)


@given(seconds, st.integers(1, 30))
def test_samples_are_uniform_in_time(stays, count):
    """Oracle: the clip written out instant by instant, 2 x count to the unit of time, and looked at in the middles."""
    there = round(sum(stays) / min(stays))
    if count > there:
        with pytest.raises(MinimmError, match=f"the clip has {there} frames, too few for the {count} asked for"):
            sample_frames(stays, count)
        return
    instants = np.repeat(np.arange(len(stays)), np.array(stays) * 2 * count)
    assert sample_frames(stays, count) == instants[sum(stays) :: 2 * sum(stays)].tolist()


@given(st.integers(2, 40))
def test_as_many_samples_as_equal_frames_are_the_frames(count):
    assert sample_frames([0.07] * count, count) == sample_frames([0.07] * count, None) == list(range(count))


def test_a_folder_is_read_in_the_order_of_its_numbers_and_whatever_is_no_picture_is_passed_over(tmp_path):
    clip = flat(*np.linspace(0, 1, 12))
    for number, picture in enumerate(pictures(clip), start=1):
        picture.save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("not a frame", encoding="utf-8")
    (tmp_path / "._frame3.png").write_bytes(b"what a Mac leaves behind")
    found, times = load_timed_video(tmp_path)
    assert np.abs(found - clip).max() < 0.003 and times is None
    assert np.abs(load_video(tmp_path, 3) - clip[[2, 6, 10]]).max() < 0.003


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.sampled_from(["frame", "f²", "", "3-"]))
def test_natural_order_is_the_order_of_numbers(numbers, word):
    names = [f"{word}{number}.png" for number in numbers]
    assert sorted(names, key=natural_order) == [f"{word}{number}.png" for number in sorted(numbers)]


def test_an_array_is_a_clip_too():
    clip = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(load_video(clip, size=8), clip.numpy())
    assert np.array_equal(load_video(clip.numpy(), 3), clip[[1, 3, 5]].numpy())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("one.gif", "has 1 frame and shows no motion; give an animated GIF"),
        ("short.gif", "has 4 frames, too few for the 8 asked for; give a longer clip or num_frames=4"),
        ("missing.gif", "does not exist"),
        ("empty.gif", "is empty"),
        ("text.gif", "is not a picture of a known kind; give an animated GIF"),
        ("cut.gif", "is damaged or cut off"),
        ("huge.gif", "claims more than 25,000,000 pixels"),
        ("many.png", "claims 2,000,000,000 frames of 8 x 8 pixels, but at most 1,000,000,000 pixels are read"),
        ("claims.png", "is damaged or cut off"),
        ("nothing", "has no pictures; give an animated GIF"),
        ("sizes", "differ in size: a1.png has 8 x 8 pixels, but a3.png 9 x 8; bring them to one size"),
        ("single", "has 1 frame and shows no motion"),
        ("broken", "a2.png is not a picture"),
    ],
)
def test_what_is_no_clip_ends_in_one_sentence(tmp_path, name, message):
    clip = flat(0.0, 0.2, 0.4, 0.6)
    write(tmp_path / "short.gif", clip)
    write(tmp_path / "anim.png", clip)
    pictures(clip)[0].save(tmp_path / "one.gif")
    whole = (tmp_path / "short.gif").read_bytes()
    (tmp_path / "empty.gif").touch()
    (tmp_path / "text.gif").write_text("hello", encoding="utf-8")
    (tmp_path / "cut.gif").write_bytes(whole[:-25])
    (tmp_path / "huge.gif").write_bytes(whole[:6] + b"\xff\xff\xff\xff" + whole[10:])
    png = (tmp_path / "anim.png").read_bytes()
    start = png.index(b"acTL")
    for claim, count in (("many", 2_000_000_000), ("claims", 9)):
        chunk = b"acTL" + struct.pack(">I", count) + png[start + 8 : start + 12]
        (tmp_path / f"{claim}.png").write_bytes(
            png[:start] + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[start + 16 :]
        )
    for folder, sizes in (("nothing", []), ("sizes", [8, 8, 9, 8]), ("single", [8]), ("broken", [8, None, 8, 8])):
        (tmp_path / folder).mkdir()
        for number, width in enumerate(sizes, start=1):
            path = tmp_path / folder / f"a{number}.png"
            Image.new("RGB", (width, 8)).save(path) if width else path.write_text("hello", encoding="utf-8")
    with pytest.raises(MinimmError, match=message):
        load_video(tmp_path / name, 4 if (tmp_path / name).is_dir() else 8 if "short" in name else None)


def test_arrays_and_numbers_that_make_no_clip_are_explained(tmp_path):
    clip = flat(0.0, 1.0)
    for wrong, message in (
        (clip.transpose(0, 2, 3, 1), r"\(2, 8, 8, 3\); for \(T, H, W, 3\) use"),
        (clip[0], r"\(T, 3, H, W\)"),
        (7, "this is int"),
        (clip * 255, "divide 8-bit values"),
        (clip[:1], "the clip has 1 frame"),
        (clip[:0], "the clip has no frames"),
    ):
        with pytest.raises(MinimmError, match=message):
            load_video(wrong)
    with pytest.raises(MinimmError, match="num_frames=0"):
        load_video(clip, 0)
    with pytest.raises(MinimmError, match="kept at once"):
        load_video_of_many_pixels(tmp_path)
    with pytest.raises(MinimmError, match="frame_seconds=0.001"):
        save_gif(tmp_path / "clip.gif", clip, 0.001)
    assert not (tmp_path / "clip.gif").exists()


def load_video_of_many_pixels(folder):
    write(folder / "large.gif", flat(*np.linspace(0, 1, 9), size=2))
    whole = (folder / "large.gif").read_bytes()
    (folder / "large.gif").write_bytes(whole[:6] + struct.pack("<HH", 3_000, 3_000) + whole[10:])
    return load_video(folder / "large.gif")


def test_all_frames_of_a_clip_are_changed_alike():
    generator = torch.Generator().manual_seed(0)
    still = torch.rand(3, 1, 3, 8, 8, generator=generator).expand(3, 4, 3, 8, 8)
    changed = augment_images(still, generator, rotation=10.0)
    assert changed.shape == still.shape
    assert torch.allclose(changed, changed[:, :1].expand_as(changed), atol=1e-6)
    assert not torch.allclose(changed, still, atol=0.01)


def test_a_folder_of_clips_in_coco_layout_is_read_back(tmp_path):
    clips = [flat(*np.random.default_rng(seed).random(4)) for seed in range(3)]
    write_coco_clips(tmp_path, clips, ["one", "two", "three"])
    (tmp_path / "0001.gif").write_bytes(b"broken")
    data = CocoClips(tmp_path, image_size=8, num_frames=4)
    assert data.captions == [["one"], ["three"]] and data.batch([0, 1]).shape == (2, 4, 3, 8, 8)
    assert np.abs(data[1][0].numpy() - clips[2]).max() < 0.003
    assert str(data.report) == (
        "2 clips with 2 captions; left out because the clip cannot be read or has too few frames: 1 (0001.gif)"
    )
    with pytest.raises(MinimmError, match="2 clips and 1 captions"):
        write_coco_clips(tmp_path, clips[:2], ["one"])


def test_the_bundled_clips_are_complete_and_small():
    data = CocoClips(bundled("clips"), 64, 16)
    assert len(data) == 12 and not data.report.left_out
    assert sum(file.stat().st_size for file in bundled("clips").iterdir()) < 200_000


def test_the_examples_in_the_words_are_right():
    outcome = doctest.testmod(video)
    assert outcome.attempted >= 2 and outcome.failed == 0
