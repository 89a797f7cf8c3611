"""Clips: from an animated file or a folder of frames to an array (T, 3, H, W) in [0, 1], and back to a GIF.

Sampling is uniform in time: the length D of a clip is cut into T equal parts, and of each the frame is taken that is shown
in its middle,

    t_k = (k + 1/2) D / T,    k = 0 .. T - 1.

An animated file says for each frame how long it stays, so a frame that stays longer is taken more often; in a folder or
an array all stay equally long. As many frames as there are, all of one length, are taken once each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minimm.errors import check
from minimm.features.image import MAX_PIXELS, PICTURE_SUFFIXES, load_image, opened, to_pil, to_rgb
from minimm.files import check_inside, write_atomically

MAX_FRAME_PIXELS = 9_000_000  # somewhat more than "4K"; Pillow holds several frames of an animation at a time
MAX_CLIP_PIXELS = 1_000_000_000  # width x height x frames that a file may claim before it is unpacked
MAX_FRAMES = 10_000  # ten minutes or more; a million empty frames fit into a few megabytes
DEFAULT_SECONDS = 0.1  # browsers show a frame so long whose file says 0
WANTED = "an animated GIF, APNG or WebP file, or a folder of pictures"


def load_video(source: Any, num_frames: int | None = None, size: int | None = None) -> np.ndarray:
    """A clip as float32 (T, 3, H, W) in [0, 1].

    Args:
        source: a path of an animated GIF, APNG or WebP file; a folder of pictures of one size, taken in the natural order of
            their names (frame2 before frame10); or an array or tensor (T, 3, H, W) in [0, 1].
        num_frames: T, sampled uniformly in time; None = every frame once.
        size: bring each frame to a square of this side, as `load_image` does.

    Raises:
        MinimmError: what cannot be read, has only one frame or fewer than asked for, frames of different sizes, or more
            pixels than `MAX_CLIP_PIXELS`.
    """
    return load_timed_video(source, num_frames, size)[0]


def load_timed_video(
    source: Any, num_frames: int | None = None, size: int | None = None
) -> tuple[np.ndarray, list[float] | None]:
    """What `load_video` gives, and the second at which each frame begins to be shown; None where no file says it."""
    check(num_frames is None or num_frames >= 1, f"num_frames={num_frames} is too few; give at least 1")
    if not isinstance(source, str | Path):
        return _from_array(source, num_frames, size), None
    path = Path(source)
    if path.is_dir():
        return _from_folder(path, num_frames, size), None
    return _from_file(path, num_frames, size)


def sample_frames(seconds: Sequence[float], num_frames: int | None, name: str = "the clip") -> list[int]:
    """Which frames to take of those that stay `seconds` each: all, or `num_frames` of them, evenly spaced in time.

    Raises `MinimmError` for a single frame, and where more are asked for than there are; one that stays k times as long
    as the shortest counts as k frames.

    >>> sample_frames([1, 1, 1, 1], 2), sample_frames([1, 3], 4)
    ([1, 3], [0, 1, 1, 1])
    """
    check(
        len(seconds) >= 2,
        f"{name} has {len(seconds) or 'no'} frame{'' if seconds else 's'} and shows no motion; give {WANTED}",
    )
    if num_frames is None:
        return list(range(len(seconds)))
    ends = np.cumsum(np.asarray(seconds, dtype=np.float64))
    there = round(ends[-1] / min(seconds))
    check(
        there >= num_frames,
        f"{name} has {there} frames, too few for the {num_frames} asked for; give a longer clip or num_frames={there}",
    )
    times = (np.arange(num_frames) + 0.5) * ends[-1] / num_frames
    return np.searchsorted(ends, times, side="right").tolist()


def _from_array(source: Any, num_frames: int | None, size: int | None) -> np.ndarray:
    shape = tuple(getattr(source, "shape", ()))
    check(
        len(shape) == 4 and shape[1] == 3,
        f"a clip must be a path or an array (T, 3, H, W) of numbers in [0, 1], but this is {type(source).__name__} "
        f"{shape}; for (T, H, W, 3) use .transpose(0, 3, 1, 2)",
    )
    return np.stack([load_image(source[index], size) for index in sample_frames([1.0] * len(source), num_frames)])


def _from_folder(folder: Path, num_frames: int | None, size: int | None) -> np.ndarray:
    files = [file for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES and file.name[0] != "."]
    check(len(files) > 0, f"{folder} has no pictures; give {WANTED}")
    files.sort(key=lambda file: natural_order(file.name))
    chosen = [files[index] for index in sample_frames([1.0] * len(files), num_frames, str(folder))]
    first = None
    frames = []
    for file in chosen:
        frame = load_image(check_inside(file, folder))  # (3, H, W)
        first = frame.shape if first is None else first
        check(
            frame.shape == first,
            f"the frames of {folder} differ in size: {chosen[0].name} has {first[2]} x {first[1]} pixels, but {file.name} "
            f"{frame.shape[2]} x {frame.shape[1]}; bring them to one size",
        )
        frames.append(load_image(frame, size))
        _check_kept(len(chosen), frames[-1].shape, str(folder))
    return np.stack(frames)


def natural_order(name: str) -> list[tuple[int, str]]:
    """A sorting key by which numbers inside names count as numbers.

    >>> sorted(["frame10.png", "frame2.png"], key=natural_order)
    ['frame2.png', 'frame10.png']
    """
    parts = re.split(r"([0-9]+)", name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, name)]


def _from_file(path: Path, num_frames: int | None, size: int | None) -> tuple[np.ndarray, list[float]]:
    name = str(path)
    with opened(path, name, WANTED) as file:
        # An APNG may begin with a picture that is no part of the clip.
        first = int(getattr(file, "default_image", False))
        numbers = range(first, getattr(file, "n_frames", 1))
        check(
            len(numbers) * file.width * file.height <= MAX_CLIP_PIXELS,
            f"{name} claims {len(numbers):,} frames of {file.width} x {file.height} pixels, but at most "
            f"{MAX_CLIP_PIXELS:,} pixels are read in all; make it shorter or smaller first",
        )
        check(
            len(numbers) <= MAX_FRAMES,
            f"{name} has more than {MAX_FRAMES:,} frames, too many to look through; cut it into parts",
        )
        seconds = [_seconds(file, number, name) for number in numbers]
        chosen = sample_frames(seconds, num_frames, name)
        _check_kept(len(chosen), (3, size or file.height, size or file.width), name)
        frames = {}
        for index in sorted(set(chosen)):  # animated files are read from front to back
            _go_to(file, numbers[index], name)
            frames[index] = load_image(to_rgb(file), size)
        return np.stack([frames[index] for index in chosen]), [sum(seconds[:index]) for index in chosen]


def _seconds(file: Image.Image, number: int, name: str) -> float:
    """How long a frame stays."""
    _go_to(file, number, name)
    file.load()  # WebP tells it only then
    return file.info.get("duration", 0) / 1000.0 or DEFAULT_SECONDS


def _go_to(file: Image.Image, number: int, name: str) -> None:
    """Turn to a frame; it may claim to be larger than the clip, and is refused before it is unpacked."""
    file.seek(number)
    check(
        file.width * file.height <= MAX_FRAME_PIXELS,
        f"{name} claims frames of {file.width} x {file.height} pixels, but at most {MAX_FRAME_PIXELS:,} are read; make it "
        "smaller first",
    )


def _check_kept(count: int, shape: tuple[int, ...], name: str) -> None:
    pixels = count * shape[1] * shape[2]
    check(
        pixels <= MAX_PIXELS,
        f"{count:,} frames of {name} hold {pixels:,} pixels, but at most {MAX_PIXELS:,} are kept at once; give a smaller "
        "num_frames or size",
    )


def save_gif(path: str | Path, clip: Any, frame_seconds: float = 0.1) -> None:
    """Write a clip (T, 3, H, W) in [0, 1] as an animated GIF that repeats, atomically.

    A GIF has 256 colours a frame, and counts in hundredths of a second. Equal frames in a row become one that stays longer.
    """
    check(
        frame_seconds >= 0.02,
        f"frame_seconds={frame_seconds} is faster than GIFs are shown; give at least 0.02",
    )
    pictures = [to_pil(frame).quantize(256, dither=Image.Dither.NONE) for frame in load_video(clip)]
    options = {"save_all": True, "append_images": pictures[1:], "duration": round(1000 * frame_seconds), "loop": 0}
    write_atomically(path, lambda temporary: pictures[0].save(temporary, format="GIF", **options))
