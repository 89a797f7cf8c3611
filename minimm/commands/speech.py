"""`minimm train speech-recognizer` and `minimm transcribe`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Device, Model, NumBeams, Out, given, training_command
from minimm.commands.train import train


@train.command("speech-recognizer")
@training_command(
    "d_model", "num_layers", "num_heads", "dropout", "batch_size", "accumulation", "optimizer", "learning_rate"
)
def train_speech_recognizer(
    data: Annotated[
        str,
        typer.Option(
            help="Spoken digits: fsdd (in MINIMM_DATA), speech (bundled), or a folder of digit_speaker_take.wav; "
            "or a folder with wav files and transcripts.tsv."
        ),
    ] = "speech",
    leave_out: Annotated[
        str | None, typer.Option(help="A speaker to learn nothing from and to test on: a voice never heard.")
    ] = None,
    out: Out = Path("runs/speech-recognizer"),
    preset: Annotated[str, typer.Option(help="tiny; the options below change it.")] = "tiny",
    sample_rate: Annotated[
        int | None, typer.Option(help="Samples a second (Hz) that recordings are brought to.", min=1000)
    ] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to write down what is said: convolutions and a GRU listen, a Transformer decoder writes.

    Of digits, takes 0 to 4 of each speaker are never trained on: `accuracy` is of them one by one, `word_error_rate` of
    strings of 3 to 6 with pauses and noise. Of a folder with transcripts, one recording in ten is the test.

    Example: minimm train speech-recognizer --data speech --max-seconds 120 --out runs/speech
    """
    from minimm.runs.speech import train_speech_recognizer as run

    run(data, out, preset=preset, leave_out=leave_out, **given(sample_rate=sample_rate), **training)


def transcribe(
    recordings: Annotated[list[Path], typer.Argument(help="Wav files to write down.")],
    model: Model,
    figure: Annotated[
        Path | None, typer.Option(help="Draw when the model listened for each word (one recording).")
    ] = None,
    num_beams: NumBeams = 1,
    device: Device = "auto",
) -> None:
    """Write down what is said in recordings, with a trained speech recognizer.

    Example: minimm transcribe --model runs/speech hello.wav --figure listened.png
    """
    from minimm.features.audio import ClippedWarning
    from minimm.runs.speech import transcribe_recordings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ClippedWarning)
        texts = transcribe_recordings(recordings, model, figure=figure, num_beams=num_beams, device=device)
    for message in {str(warning.message): None for warning in caught if warning.category is ClippedWarning}:
        typer.echo(f"warning: {message}", err=True)
    for recording, text in zip(recordings, texts, strict=True):
        typer.echo(text if len(recordings) == 1 else f"{recording}: {text}")
