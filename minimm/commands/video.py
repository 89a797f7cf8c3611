"""`minimm train video-captioner` and `minimm describe-clip`: clips in, sentences about what moves out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimm.commands.options import (
    Accumulation,
    BatchSize,
    Device,
    Dropout,
    Heads,
    Layers,
    LearningRate,
    MaxSeconds,
    MaxSteps,
    Model,
    NumBeams,
    Optimizer,
    Out,
    Precision,
    Resume,
    Seed,
    Width,
    given,
    interruptible,
)
from minimm.commands.train import train


@train.command("video-captioner")
def train_video_captioner(
    data: Annotated[
        str,
        typer.Option(help="A folder with captions.json (COCO layout) and GIFs, or `clips` for moving shapes, drawn."),
    ] = "clips",
    out: Out = Path("runs/video-captioner"),
    preset: Annotated[
        str | None,
        typer.Option(help="tiny (32 pixels, clips) or small (64 pixels, folders); the options below change it."),
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels that frames are brought to.", min=1)] = None,
    num_frames: Annotated[int | None, typer.Option(help="Frames of each clip, evenly spaced in time.", min=2)] = None,
    d_model: Width = None,
    num_layers: Layers = None,
    num_heads: Heads = None,
    dropout: Dropout = None,
    batch_size: BatchSize = None,
    accumulation: Accumulation = None,
    optimizer: Optimizer = None,
    learning_rate: LearningRate = None,
    max_seconds: MaxSeconds = None,
    max_steps: MaxSteps = None,
    precision: Precision = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    resume: Resume = False,
) -> None:
    """Learn to say what moves where and how fast: a CNN sees each frame, a GRU remembers, a Transformer decoder writes.

    `exact_match_shuffled` in results.json is the share of right captions when the frames come in random order: what
    the model owes to motion is gone then.

    Example: minimm train video-captioner --max-seconds 240 --out runs/clips
    """
    from minimm.runs.video import train_video_captioner as run

    options = given(
        image_size=image_size,
        num_frames=num_frames,
        d_model=d_model,
        num_layers=num_layers,
        num_heads=num_heads,
        dropout=dropout,
        batch_size=batch_size,
        accumulation=accumulation,
        optimizer=optimizer,
        learning_rate=learning_rate,
    )
    limits = {"max_seconds": max_seconds, "max_steps": max_steps}
    with interruptible():
        run(data, out, preset=preset, seed=seed, device=device, resume=resume, precision=precision, **limits, **options)


def describe_clip(
    clips: Annotated[list[Path], typer.Argument(help="Animated GIF, APNG or WebP files, or folders of frames.")],
    model: Model,
    figure: Annotated[
        Path | None, typer.Option(help="Draw when and where the model looked for each word (one clip).")
    ] = None,
    num_beams: NumBeams = 1,
    device: Device = "auto",
) -> None:
    """Say what happens in clips with a trained video captioner, and draw when and where it looked.

    Example: minimm describe-clip --model runs/clips ball.gif --figure looked.png
    """
    from minimm.runs.video import describe_clips

    describe_clips(clips, model, figure=figure, num_beams=num_beams, device=device)
