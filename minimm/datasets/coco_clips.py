"""Clips with captions in the layout of COCO captions: `captions.json` names animated files where it would name pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minimm.datasets.coco_captions import CocoCaptions, check_pairs, write_listing
from minimm.features.video import load_video, save_gif


class CocoClips(CocoCaptions):
    """All clips of a folder, in memory as bytes, with their captions: `images` is (N, T, 3, S, S), a batch (B, T, 3, S, S).

    Args:
        folder: where `captions.json` lies. image_size: side in pixels that frames are brought to.
        num_frames: T, sampled uniformly in time; see `features.video`.
    """

    what = "clip"
    unreadable = "the clip cannot be read or has too few frames"

    def __init__(self, folder: str | Path, image_size: int = 32, num_frames: int = 8) -> None:
        self.num_frames = num_frames
        super().__init__(folder, image_size)

    def _load(self, path: Path, image_size: int) -> np.ndarray:
        return load_video(path, self.num_frames, image_size)


def write_coco_clips(folder: str | Path, clips: Sequence[np.ndarray], captions: Sequence[str]) -> None:
    """Write clips (T, 3, H, W) in [0, 1] as GIFs, one caption each, as a folder that `CocoClips` reads."""
    check_pairs(clips, captions, "clip")
    folder = Path(folder)
    names = [f"{index:04d}.gif" for index in range(len(clips))]
    for name, clip in zip(names, clips, strict=True):
        save_gif(folder / name, clip)
    write_listing(folder, names, captions)
