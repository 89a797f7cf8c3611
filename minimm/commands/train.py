"""`minimm train`: a language model or a captioner from scratch. `train_text.py` holds the other models of text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import Out, given, training_command

train = typer.Typer(help="Train a model from scratch.", no_args_is_help=True, rich_markup_mode=None)


@train.command("language-model")
@training_command(
    "d_model", "num_layers", "num_heads", "dropout", "batch_size", "accumulation", "optimizer", "learning_rate"
)
def train_language_model(
    text: Annotated[
        list[Path], typer.Option(help="A text file (.txt, .md, .html, .gz) or a folder of them; may be repeated.")
    ],
    out: Out = Path("runs/language-model"),
    preset: Annotated[
        str, typer.Option(help="tiny (seconds) or small (about 90 s); the options below change it.")
    ] = "tiny",
    architecture: Annotated[str, typer.Option(help="The model's shape: llama or gpt2.")] = "llama",
    tokenizer: Annotated[
        str | None, typer.Option(help="What a token is: character, word, word_piece or byte_pair.")
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(help="Number of tokens; all characters or words if not given.")
    ] = None,
    context_length: Annotated[int | None, typer.Option(help="How many tokens the model looks back on.", min=1)] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to continue text: next-token prediction from random weights.

    The last tenth of the text is never trained on; its loss is `validation_loss` in results.json.

    Example: minimm train language-model --text book.txt --max-seconds 120 --out runs/book
    """
    from minimm.runs.language_model import train_language_model as run
    from minimm.tasks.presets import find_preset
    from minimm.tasks.text.presets import LANGUAGE_MODEL_ARCHITECTURES

    options = given(tokenizer=tokenizer, context_length=context_length)
    if vocab_size is not None or tokenizer is not None:
        options["vocab_size"] = vocab_size
    options |= find_preset(LANGUAGE_MODEL_ARCHITECTURES, architecture, "architecture")
    run(text, out, preset=preset, **options, **training)


@train.command("captioner")
@training_command(
    "d_model", "num_layers", "num_heads", "dropout", "batch_size", "accumulation", "optimizer", "learning_rate"
)
def train_captioner(
    data: Annotated[
        str,
        typer.Option(
            help="A folder of pictures in COCO's layout, or scenes drawn on the fly: `shapes` or `emoji-scenes`."
        ),
    ] = "shapes",
    language: Annotated[str | None, typer.Option(help="Of the captions: en or zh.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="What looks: cnn, or patches (a Transformer over squares of the picture).")
    ] = None,
    out: Out = Path("runs/captioner"),
    preset: Annotated[
        str | None,
        typer.Option(help="tiny (32 pixels), scenes or small (64 pixels); the options below change it."),
    ] = None,
    max_pictures: Annotated[int | None, typer.Option(help="Read only so many pictures of a folder.", min=1)] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels that pictures are brought to.", min=1)] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to describe pictures: a small encoder looks, a Transformer decoder writes, from random weights.

    Pictures of a folder are shifted, scaled and recoloured anew each time; `exact_match` in results.json is the share
    of pictures, changed once more, that get exactly their caption. Of folders with splits, as COCO is published, `train`
    is learned and `val` measured.

    Example: minimm train captioner --data my_pictures --max-seconds 600 --out runs/pictures
    """
    from minimm.runs.captioner import train_captioner as run

    options = given(language=language, encoder=encoder, max_pictures=max_pictures, image_size=image_size)
    run(data, out, preset=preset, **options, **training)
