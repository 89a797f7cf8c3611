"""`minimm train assistant` and `minimm chat`: one model that sees, hears, watches and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Device, Model, Out, given, training_command
from minimm.commands.train import train


@train.command("assistant")
@training_command("d_model", "num_layers", "num_heads", "dropout", "batch_size", "optimizer", "learning_rate")
def train_assistant(
    jobs: Annotated[
        list[str] | None,
        typer.Option(
            help="captions, questions, spoken_digits, ...; may be repeated. All but the spoken ones if not given."
        ),
    ] = None,
    out: Out = Path("runs/assistant"),
    image_encoder: Annotated[
        Path | None, typer.Option(help="Folder of a captioner or question answerer whose encoder is taken over.")
    ] = None,
    audio_encoder: Annotated[
        Path | None, typer.Option(help="Folder of a speech recognizer whose encoder is taken over.")
    ] = None,
    video_encoder: Annotated[
        Path | None, typer.Option(help="Folder of a video captioner whose encoder is taken over.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="Folder of a trained assistant to go on from; it then learns spoken questions too."),
    ] = None,
    speech: Annotated[
        str, typer.Option(help="Recordings of digits: a folder, fsdd, or speech (bundled, synthesised).")
    ] = "fsdd",
    preset: Annotated[str, typer.Option(help="tiny; the options below change it.")] = "tiny",
    *,
    training: dict[str, Any],
) -> None:
    """Learn to follow instructions about pictures, recordings and clips, in stages: from words, the projectors, everything.

    What each stage taught is in results.json under `stages`; `_chance` is measured with the media of other prompts.

    Example: minimm train assistant --image-encoder runs/captioner --max-seconds 270 --out runs/assistant
    """
    from minimm.runs.assistant import train_assistant as run

    encoders = given(image=image_encoder, audio=audio_encoder, video=video_encoder)
    run(jobs or [], out, encoders=encoders, start=start, speech=speech, preset=preset, **training)


def chat(
    prompt: Annotated[str, typer.Argument(help="Text with <image>, <audio> or <video> where each medium stands.")],
    model: Model,
    image: Annotated[list[Path] | None, typer.Option(help="A picture; once for each <image>, in order.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(help="A wav file; once for each <audio>, in order.")] = None,
    video: Annotated[
        list[Path] | None, typer.Option(help="A GIF or a folder of frames; once for each <video>, in order.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw where each word of the answer looked.")] = None,
    device: Device = "auto",
) -> None:
    """Ask a trained assistant about pictures, recordings and clips.

    Example: minimm chat "<image> how many red shapes are there" --model runs/assistant --image scene.png
    """
    from minimm.runs.assistant import chat as run

    run(prompt, model, images=image or [], audio=audio or [], video=video or [], figure=figure, device=device)
