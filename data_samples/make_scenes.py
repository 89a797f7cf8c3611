"""Draws `scenes/`: 48 pictures of one to three shapes with `captions.json` in COCO layout.

Deterministic: the same version of the code draws the same pictures. Real training draws scenes on the fly; these few are for
looking at, for tests, and as an example of the folder that `minimm train captioner --data FOLDER` reads.
"""

from pathlib import Path

import torch

from minimm.datasets.coco_captions import write_coco_captions
from minimm.datasets.shapes import Shapes

NUM_SCENES, IMAGE_SIZE, SEED = 48, 64, 2_024

if __name__ == "__main__":
    scenes = Shapes("validation", IMAGE_SIZE).draw(NUM_SCENES, torch.Generator().manual_seed(SEED))
    write_coco_captions(Path(__file__).parent / "scenes", scenes.images.numpy(), scenes.captions)
