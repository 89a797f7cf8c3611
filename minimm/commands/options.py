"""Options that several commands share, and how Ctrl-C ends a training run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

Out = Annotated[Path, typer.Option(help="Folder for the model, figures and results.json; it is created.")]
Seed = Annotated[int, typer.Option(help="Number that fixes all random choices; the same seed gives the same model.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto (a CUDA GPU if there is one), cpu, cuda or mps.")]
MaxSeconds = Annotated[float | None, typer.Option(help="Stop training after this many seconds.", min=0)]
MaxSteps = Annotated[int | None, typer.Option(help="Stop training after this many steps.", min=1)]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out where it was interrupted.")]
Model = Annotated[Path, typer.Option(help="Folder of a trained model, as written by `minimm train ... --out`.")]
NumBeams = Annotated[
    int, typer.Option(help="Wordings considered at every step; 1 takes the likeliest word each time.", min=1)
]
Precision = Annotated[str, typer.Option(help="auto (bfloat16 where it is measured to be faster), float32 or bfloat16.")]
Optimizer = Annotated[str | None, typer.Option(help="adamw, or muon: faster learning for Transformer blocks.")]
LearningRate = Annotated[float | None, typer.Option(help="Highest learning rate; smaller is safer.")]
BatchSize = Annotated[int | None, typer.Option(help="Examples learned from at once.", min=1)]
Width = Annotated[int | None, typer.Option(help="Width of the model's vectors.", min=1)]
Layers = Annotated[int | None, typer.Option(help="Transformer blocks, one behind the other.", min=1)]
Heads = Annotated[int | None, typer.Option(help="Attention heads in each block; must divide --d-model.", min=1)]
Dropout = Annotated[float | None, typer.Option(help="Share of numbers dropped in training, 0 to 1.")]
Accumulation = Annotated[
    int | None,
    typer.Option(help="Batches whose gradients are averaged into one step: a large batch in little memory.", min=1),
]

LabelSmoothing = Annotated[
    float | None, typer.Option(help="Share of certainty that the targets give away, 0 to 1; 0.1 is the custom.")
]
LayerDecay = Annotated[
    float | None,
    typer.Option(help="Learning rate of each layer as a share of the one above it: 0.8 spares the pretrained ones."),
]
Patience = Annotated[
    int | None, typer.Option(help="End after this many validations without a lower loss; never if not given.", min=1)
]


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C in training ends with a sentence instead of a traceback; the trainer has saved the last whole step."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command with --resume goes on from here", err=True)
        raise typer.Exit(130) from None


def given(**options: Any) -> dict[str, Any]:
    """Those that were given; the preset decides about the others."""
    return {name: value for name, value in options.items() if value is not None}
