"""`minimm train video-captioner` and `minimm describe-clip`: learn to say what moves, measure it, draw where it looked."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from minimm.datasets.coco_clips import CocoClips
from minimm.datasets.moving_shapes import Clips, MovingShapes
from minimm.errors import check
from minimm.runs.captioner import EVALUATION_SCENES, SAMPLES, pictures_of, write_samples
from minimm.runs.report import finish, training_results
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.writing.video_captioner import VideoCaptioner

DRAWN = "clips"  # the name of clips that are drawn on the fly
ROWS = 2  # of frames, of each clip in the figure of clips with captions


def train_video_captioner(
    data: str,
    out: Path,
    *,
    preset: str | None,
    seed: int,
    device: str,
    resume: bool,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on drawn clips ("clips") or a folder; write the model, results.json, samples and figures into `out`."""
    started = time.monotonic()
    task = VideoCaptioner(preset or ("tiny" if data == DRAWN else "small"), seed=seed, device=device, **options)
    size, frames = task.preset.image_size, task.preset.num_frames
    limits = {"max_seconds": max_seconds, "max_steps": max_steps, "folder": out, "resume": resume}
    if data == DRAWN:
        task.fit(MovingShapes("train", size, frames), **limits)
        results = clip_results(task)
        drawn = evaluation_clips("validation", task)
        clips, references = drawn.clips[:SAMPLES], [[caption] for caption in drawn.captions[:SAMPLES]]
    else:
        dataset = CocoClips(data, size, frames)
        print(dataset.report)
        task.fit(dataset, **limits)
        measured = {"measured_on": "training", "num_clips": len(dataset)}  # `CocoClips` reads no other part
        results = training_results(task) | task.evaluate(dataset) | measured
        clips, references = pictures_of(dataset)
    write_samples(task, clips, references, out)
    draw_video_captioner(task, clips, references, out / "figures")
    return finish(results, started, out)


def describe_clips(clips: list[Path], model: Path, *, figure: Path | None, num_beams: int, device: str) -> None:
    """Print a caption for each clip, and draw when and where the model looked into `figure`."""
    check(figure is None or len(clips) == 1, f"--figure draws one clip, but {len(clips)} were given")
    task = VideoCaptioner.load(model, device=device)
    captions = task.generate_captions(clips, num_beams=num_beams)
    for clip, caption in zip(clips, captions, strict=True):
        print(caption if len(clips) == 1 else f"{clip}: {caption}")
    if figure is not None:
        from minimm.plots.style import save_figure

        save_figure(task.attend(clips[0], captions[0]).plot(), figure)


def evaluation_clips(split: str, task: VideoCaptioner) -> Clips:
    """Clips that were never trained on, as the encoder takes them: like those of training, or of held-out pairs alone."""
    config = task.require_model().encoder.config
    source = MovingShapes(split, config.image_size, config.num_frames)
    return source.draw(EVALUATION_SCENES, torch.Generator().manual_seed(EVALUATION_SEED))


def clip_results(task: VideoCaptioner) -> dict[str, Any]:
    """Scores on unseen clips and, with `_held_out`, on clips of colour-shape pairs never seen together."""
    results = training_results(task) | task.evaluate(evaluation_clips("validation", task))
    held_out = task.evaluate(evaluation_clips("held_out", task))
    return results | {f"{name}_held_out": value for name, value in held_out.items()}


def draw_video_captioner(task: VideoCaptioner, clips: Tensor, references: list[list[str]], folder: Path) -> None:
    """Figures: the loss over training, clips with their captions, and when and where the model looked for each word."""
    from minimm.plots.loss import loss_curves
    from minimm.plots.pictures import picture_grid
    from minimm.plots.style import save_figure

    uniform = math.log(task.tokenizer.vocab_size)
    loss = loss_curves(task.training.history, "Video captioner", uniform_loss=uniform)
    save_figure(loss, folder / "video_captioner_loss.png")
    shown = clips[:8]
    captions = task.generate_captions(shown)
    correct = [caption in truth for caption, truth in zip(captions, references, strict=False)]
    title = f"Clips, {ROWS} rows of frames each"
    save_figure(picture_grid(mosaics(shown), captions, correct, title=title), folder / "clips.png")
    longest = max(range(len(captions)), key=lambda i: len(captions[i].split()))
    caption = captions[longest] or references[longest][0]  # a model that has hardly learned may write nothing
    save_figure(task.attend(shown[longest], caption).plot(), folder / "video_captioner_attention.png")


def mosaics(clips: Tensor) -> Tensor:
    """Clips (B, T, 3, S, S) -> one picture each, (B, 3, h, w): the frames in `ROWS` rows with a thin line between them."""
    columns = math.ceil(clips.shape[1] / ROWS)
    blank = clips.new_ones(len(clips), ROWS * columns - clips.shape[1], *clips.shape[2:])
    framed = F.pad(torch.cat([clips, blank], dim=1), (0, 1, 0, 1))  # a black line on the right and below
    rows = framed.unflatten(1, (ROWS, columns)).permute(0, 3, 1, 4, 2, 5)  # (B, 3, rows, S, columns, S)
    return rows.flatten(4, 5).flatten(2, 3)
