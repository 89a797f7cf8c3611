"""`minimm data`: what data there is, fetching it, its card, and cleaning a corpus of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimm.commands.options import Out

data = typer.Typer(help="List, fetch, describe and clean data.", no_args_is_help=True, rich_markup_mode=None)

Paths = Annotated[list[str], typer.Argument(help="Text files (.txt, .md, .html, .gz), folders, or names of data.")]
Unit = Annotated[str, typer.Option(help="What counts as one text: document (a file), paragraph or line.")]


@data.command("list")
def list_data() -> None:
    """Name the data that comes with minimm and the data that can be fetched, with its licence and where it lies."""
    from minimm.datasets.bundled import bundled
    from minimm.datasets.sources import SOURCES, data_folder

    typer.echo("comes with minimm")
    for folder in sorted(bundled("text").parent.iterdir()):
        if folder.is_dir() and not folder.name.startswith(("_", ".")):
            typer.echo(f"  {folder.name}")
    typer.echo(f"\nfetched by `minimm data get NAME` into {data_folder()}")
    for source in SOURCES.values():
        size = sum(file.num_bytes for file in source.files) / 1e6
        here = "here" if (data_folder() / source.name).is_dir() else "not fetched yet"
        typer.echo(f"  {source.name:<16} {size:5.1f} MB  {here:<16} {source.description}; {source.licence}")


@data.command("get")
def get_data(name: Annotated[str, typer.Argument(help="A name of `minimm data list`.")]) -> None:
    """Fetch a data set, with its checksums; an interrupted one goes on where it stopped.

    Example: minimm data get multi30k
    """
    from minimm.datasets.sources import get

    typer.echo(f"{name} is in {get(name)}")


@data.command("card")
def show_card(paths: Paths, out: Out = Path("runs/card"), unit: Unit = "document") -> None:
    """Describe a corpus: sizes, vocabulary, duplicates, languages, lengths. Writes card.md and results.json into --out.

    Example: minimm data card my_texts
    """
    from minimm.datasets.card import data_card
    from minimm.datasets.cleaned_corpus import collect_parts
    from minimm.files import write_json, write_text

    card = data_card([document.text for document in collect_parts(paths, unit)])
    write_text(out / "card.md", f"{card}\n")
    write_json(out / "results.json", card.as_dict())
    typer.echo(card)


@data.command("clean")
def clean_data(
    paths: Paths,
    out: Out = Path("runs/corpus"),
    unit: Unit = "document",
    form: Annotated[str, typer.Option(help="NFC keeps how the text looks; NFKC also replaces look-alikes.")] = "NFC",
    min_characters: Annotated[int, typer.Option(help="Drop shorter texts.", min=1)] = 1,
    near_duplicates: Annotated[
        float, typer.Option(help="Drop texts that share this much with an earlier one, 0.5 to 1.")
    ] = 0.8,
) -> None:
    """Clean a corpus and split it without leaks: train.txt, validation.txt, test.txt, card.md and results.json in --out.

    Text is taken out of HTML and Markdown; near-duplicates are dropped.

    Example: minimm data clean pages --unit paragraph --out corpus
    """
    from minimm.datasets.card import data_card
    from minimm.datasets.cleaned_corpus import clean_corpus
    from minimm.files import write_json, write_text

    corpus = clean_corpus(paths, unit=unit, form=form, min_characters=min_characters, threshold=near_duplicates)
    parts = corpus.split()
    between = "\n" if unit == "line" else "\n\n"
    for part, documents in parts.items():
        write_text(out / f"{part}.txt", "".join(f"{document.text}{between}" for document in documents))
    card = data_card([document.text for document in corpus.documents])
    counts = {
        "collected": corpus.collected,
        "too_short": corpus.too_short,
        "duplicates_dropped": corpus.duplicates,
        **{part: len(documents) for part, documents in parts.items()},
    }
    write_text(out / "card.md", f"{card}\n")
    write_json(out / "results.json", counts | card.as_dict())
    typer.echo("\n".join(f"{name:<20} {count:,}" for name, count in counts.items()))
    typer.echo(f"\n{card}\n\neverything is in {out}")
