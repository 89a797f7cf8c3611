"""`minimm train retriever` and `minimm retrieve`: what belongs together, found in any direction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Device, Model, Out, given, training_command
from minimm.commands.train import train


@train.command("retriever")
@training_command("d_model", "num_layers", "num_heads", "batch_size", "accumulation", "optimizer", "learning_rate")
def train_retriever(
    data: Annotated[
        str,
        typer.Option(help="A folder of pictures in COCO's layout; or `shapes`, `emoji-scenes` or `digits`."),
    ] = "shapes",
    recordings: Annotated[
        str, typer.Option(help="For digits: fsdd, speech (bundled) or a folder of digit_speaker_take.wav files.")
    ] = "speech",
    out: Out = Path("runs/retriever"),
    preset: Annotated[
        str | None,
        typer.Option(
            help="tiny (32 pixels, scenes), digits or small (64 pixels, folders); the options below change it."
        ),
    ] = None,
    max_pictures: Annotated[int | None, typer.Option(help="Read only so many pictures of a folder.", min=1)] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels that pictures are brought to.", min=1)] = None,
    d_joint: Annotated[int | None, typer.Option(help="Width of the space that all modalities share.", min=1)] = None,
    fine_grained: Annotated[
        bool | None,
        typer.Option("--fine-grained/--whole-only", help="Compare words with regions, too, or wholes only."),
    ] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn one space for pictures, texts and, with digits, sounds: what belongs together lies close together.

    `recall_at_1_text_to_image` in results.json is the share of texts whose nearest picture, of all that are measured, is
    right; `pointing_accuracy` the share of colour and shape words that find their object without ever having seen a box.
    Of folders with splits, as COCO is published, `train` is learned and `val` measured; of others the pictures learned from,
    changed once more, and `measured_on` says so.

    Example: minimm train retriever --data digits --recordings fsdd --max-seconds 240 --out runs/digits
    """
    from minimm.runs.retrieval import train_retriever as run

    options = given(max_pictures=max_pictures, image_size=image_size, d_joint=d_joint, fine_grained=fine_grained)
    run(data, out, recordings=recordings, preset=preset, **options, **training)


def retrieve(
    query: Annotated[str, typer.Argument(help="A text, or a picture, wav file, clip or folder of frames.")],
    model: Model,
    among: Annotated[
        Path,
        typer.Option(help="Folder to search: pictures, wav files, clips (.gif), or the texts of its captions.json."),
    ],
    k: Annotated[
        int | None, typer.Option("-k", "--k", help="How many to find; if not given 5, or all of fewer.")
    ] = None,
    find: Annotated[
        str | None, typer.Option(help="What to find: image, text, audio or video; pictures first if not given.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the query and what was found.")] = None,
    device: Device = "auto",
) -> None:
    """Find what fits a text, a picture, a sound or a clip best, with the similarity of each, from -1 to 1.

    Example: minimm retrieve "a red apple" --model runs/emoji --among pictures -k 3
    """
    from minimm.runs.retrieve import retrieve as run

    run(query, model, among, k=k, find=find, figure=figure, device=device)
