"""Many jobs for one model: prompts with places for pictures, sounds and clips, and what should be answered.

    <image> describe the picture                          a small red circle left of a large blue ring
    <image> how many red shapes are there                 two
    <image> where is the red ring                         row two column four
    <audio> which digit is spoken                         seven
    <video> what happens                                  a red circle moves slowly to the left
    <image> <audio> is the spoken digit the written one   no

The jobs are in `instruction_jobs.py`, where their media come from in `instruction_sources.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from minimm.datasets.instruction_jobs import JOBS, RECORDED
from minimm.datasets.instruction_sources import Sources
from minimm.datasets.instructions import Instructions
from minimm.errors import check
from minimm.tokenizers.prompt import MODALITIES

SPLITS = ("train", "test", "held_out")


class MultimodalInstructions:
    """Mixed batches of the jobs that are chosen.

    Args:
        jobs: names from `JOBS`.
        split: "train", "test" (scenes, digits, recordings and clips never trained on) or "held_out" (as "test", but scenes
            and clips of colour-shape pairs never seen together).
        speech: folder or name of the recordings of spoken digits.
    """

    def __init__(self, jobs: Sequence[str] = RECORDED, split: str = "train", speech: str | Path = "fsdd") -> None:
        check(split in SPLITS, f"split={split!r} is not known; choose from {SPLITS}")
        unknown = [name for name in jobs if name not in JOBS]
        check(not unknown and len(jobs) > 0, f"the jobs {unknown} are not known; choose from {', '.join(JOBS)}")
        self.jobs = {name: JOBS[name] for name in jobs}
        self.sources = Sources(split, speech)

    @property
    def modalities(self) -> list[str]:
        """All modalities that the jobs need."""
        needed = {name for job in self.jobs.values() for name in job.modalities}
        return [name for name in MODALITIES if name in needed]

    def draw(self, job: str, count: int, generator: torch.Generator) -> Instructions:
        """`count` examples of one job."""
        return self.jobs[job].draw(self.sources, count, generator)

    def most(self, job: str, count: int) -> int:
        """`count`, or as many test examples as there are where they are stored, so that each is asked about once."""
        stored = {"written_digits": "handwritten", "spoken_digits": "recordings"}
        return min(count, len(getattr(self.sources, stored[job]))) if job in stored else count

    def draw_mixed(self, count: int, generator: torch.Generator) -> dict[str, Instructions]:
        """About `count` examples, each job its share, and at least one of each."""
        total = sum(job.share for job in self.jobs.values())
        return {
            name: self.draw(name, max(1, round(count * job.share / total)), generator)
            for name, job in self.jobs.items()
        }
