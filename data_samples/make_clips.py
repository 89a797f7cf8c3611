"""Draws `clips/`: 12 small GIFs of one or two moving shapes with `captions.json` in COCO layout.

Deterministic: the same version of the code draws the same clips. Real training draws clips on the fly; these few are for
looking at, for tests, and as an example of the folder that `minimm train video-captioner --data FOLDER` reads.
"""

from pathlib import Path

import torch

from minimm.datasets.coco_clips import write_coco_clips
from minimm.datasets.moving_shapes import MovingShapes

NUM_CLIPS, IMAGE_SIZE, NUM_FRAMES, SEED = 12, 64, 16, 2_026

if __name__ == "__main__":
    drawn = MovingShapes("validation", IMAGE_SIZE, NUM_FRAMES).draw(NUM_CLIPS, torch.Generator().manual_seed(SEED))
    write_coco_clips(Path(__file__).parent / "clips", drawn.clips.numpy(), drawn.captions)
