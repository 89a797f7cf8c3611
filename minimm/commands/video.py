"""`minimm train video-captioner` and `minimm describe-clip`: clips in, sentences about what moves out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Device, Model, NumBeams, Out, given, training_command
from minimm.commands.train import train


@train.command("video-captioner")
@training_command(
    "d_model", "num_layers", "num_heads", "dropout", "batch_size", "accumulation", "optimizer", "learning_rate"
)
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
    *,
    training: dict[str, Any],
) -> None:
    """Learn to say what moves where and how fast: a CNN sees each frame, a GRU remembers, a Transformer decoder writes.

    `exact_match_shuffled` in results.json is the share of right captions when the frames come in random order: what
    the model owes to motion is gone then.

    Example: minimm train video-captioner --max-seconds 240 --out runs/clips
    """
    from minimm.runs.video import train_video_captioner as run

    options = given(image_size=image_size, num_frames=num_frames)
    run(data, out, preset=preset, **options, **training)


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
