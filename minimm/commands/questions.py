"""`minimm train visual-question-answerer` and `minimm answer`: questions about pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Device, Model, Out, given, training_command
from minimm.commands.train import train


@train.command("visual-question-answerer")
@training_command("d_model", "num_layers", "num_heads", "dropout", "batch_size", "optimizer", "learning_rate")
def train_visual_question_answerer(
    data: Annotated[
        str,
        typer.Option(
            help="A folder with questions.json (a list of image, question, answer) and pictures, or `scenes`, drawn."
        ),
    ] = "scenes",
    out: Out = Path("runs/visual-question-answerer"),
    preset: Annotated[str, typer.Option(help="tiny (32 pixels); the options below change it.")] = "tiny",
    fusion: Annotated[
        str | None,
        typer.Option(
            help="How question and picture meet: late_concatenation, single_stream, co_attention, "
            "gated_cross_attention or low_rank_bilinear."
        ),
    ] = None,
    image_encoder: Annotated[
        Path | None, typer.Option(help="Folder of a trained captioner whose image encoder is taken over.")
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option("--baselines", help="Also train one model without the pictures and one without the questions."),
    ] = False,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels that pictures are brought to.", min=1)] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to answer questions about pictures: how many, what colour, what shape, where, is there.

    `accuracy` in results.json is measured on unseen scenes, `accuracy_held_out` on colours and shapes never seen together,
    `accuracy_chance` is what the questions alone give away.

    Example: minimm train visual-question-answerer --max-seconds 285 --baselines --out runs/questions
    """
    from minimm.runs.questions import train_question_answerer as run

    options = given(fusion=fusion, image_encoder=image_encoder, image_size=image_size)
    run(data, out, preset=preset, baselines=baselines, **options, **training)


def answer(
    picture: Annotated[Path, typer.Argument(help="A picture file.")],
    question: Annotated[str, typer.Argument(help="A question about it.")],
    model: Model,
    figure: Annotated[Path | None, typer.Option(help="Draw where the model looked for each word.")] = None,
    k: Annotated[int, typer.Option(help="How many answers, the likeliest first.", min=1)] = 1,
    device: Device = "auto",
) -> None:
    """Answer a question about a picture, and draw where the model looked.

    Example: minimm answer scene.png "how many red shapes are there?" --model runs/questions --figure looked.png
    """
    from minimm.runs.questions import answer_question

    answer_question(picture, question, model, figure=figure, k=k, device=device)
