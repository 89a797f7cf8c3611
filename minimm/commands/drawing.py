"""`minimm train text-to-image` and `minimm draw`: captions in, pictures out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Device, Model, Out, Seed, given, training_command
from minimm.commands.train import train


@train.command("text-to-image")
@training_command("d_model", "num_layers", "num_heads", "dropout", "batch_size", "optimizer", "learning_rate")
def train_text_to_image(
    data: Annotated[
        str,
        typer.Option(
            help="A folder with captions.json (COCO layout) and pictures, or `shapes` or `emoji-scenes`, drawn anew."
        ),
    ] = "shapes",
    out: Out = Path("runs/text-to-image"),
    preset: Annotated[
        str | None,
        typer.Option(help="tiny (32 pixels, shapes) or small (64 pixels); the options below change it."),
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels that pictures are brought to.", min=1)] = None,
    num_codes: Annotated[int | None, typer.Option(help="How many different patches there are.", min=2)] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to draw: pictures become ids of a learned codebook, and a language model writes them after a caption.

    Both stages share --max-seconds and --max-steps. For scenes, `accuracy` in results.json is the share of 500 unseen
    captions in whose drawing a rule, which learned nothing, finds exactly the objects named, by colour and shape.

    Example: minimm train text-to-image --data shapes --out runs/drawing
    """
    from minimm.runs.drawing import train_text_to_image as run

    options = given(image_size=image_size, num_codes=num_codes)
    run(data, out, preset=preset, **options, **training)


def draw(
    caption: Annotated[str, typer.Argument(help="What to draw.")],
    model: Model,
    out: Annotated[Path, typer.Option(help="The PNG file to write.")],
    num_images: Annotated[int, typer.Option(help="How many pictures, side by side.", min=1)] = 1,
    temperature: Annotated[
        float | None, typer.Option(help="0 = always the likeliest patch; 1 = the model's own variety.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw only from the k likeliest patches.")] = None,
    guidance: Annotated[
        float | None, typer.Option(help="How much the caption counts: 1 as learned, more for closer to the caption.")
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(help="How many are drawn for each picture, of which the likeliest is kept.", min=1)
    ] = None,
    enlarge: Annotated[int, typer.Option(help="How wide a pixel becomes.", min=1)] = 8,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Draw a picture from a caption with a trained model.

    Example: minimm draw "a small red circle left of a large blue ring" --model runs/drawing --out picture.png
    """
    from minimm.runs.drawing import draw_pictures

    options = given(temperature=temperature, top_k=top_k, guidance=guidance, candidates=candidates)
    shown = {"num_images": num_images, "enlarge": enlarge}
    draw_pictures(caption, model, out, seed=seed, device=device, **shown, **options)
