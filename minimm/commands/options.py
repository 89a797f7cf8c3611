"""Options that several commands share: each is declared once, and `training_command` gives them to a `minimm train` verb."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

Out = Annotated[Path, typer.Option(help="Folder for the model, figures and results.json; it is created.")]
Seed = Annotated[int, typer.Option(help="Number that fixes all random choices; the same seed gives the same model.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto (a CUDA GPU if there is one), cpu, cuda or mps.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out where it was interrupted.")]
Model = Annotated[Path, typer.Option(help="Folder of a trained model, as written by `minimm train ... --out`.")]
NumBeams = Annotated[
    int, typer.Option(help="Wordings considered at every step; 1 takes the likeliest word each time.", min=1)
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

# Of a model and its training; a preset decides about those that are not given.
PRESET_OPTIONS: dict[str, Any] = {
    "d_model": Annotated[int | None, typer.Option(help="Width of the model's vectors.", min=1)],
    "num_layers": Annotated[int | None, typer.Option(help="Transformer blocks, one behind the other.", min=1)],
    "num_heads": Annotated[
        int | None, typer.Option(help="Attention heads in each block; must divide --d-model.", min=1)
    ],
    "dropout": Annotated[float | None, typer.Option(help="Share of numbers dropped in training, 0 to 1.")],
    "batch_size": Annotated[int | None, typer.Option(help="Examples learned from at once.", min=1)],
    "accumulation": Annotated[
        int | None,
        typer.Option(help="Batches whose gradients are averaged into one step: a large batch in little memory.", min=1),
    ],
    "optimizer": Annotated[str | None, typer.Option(help="adamw, or muon: faster learning for Transformer blocks.")],
    "learning_rate": Annotated[float | None, typer.Option(help="Highest learning rate; smaller is safer.")],
}
# Of every training run, with what holds when they are not given.
RUN_OPTIONS: dict[str, tuple[Any, Any]] = {
    "max_seconds": (
        Annotated[float | None, typer.Option(help="Stop training after this many seconds.", min=0)],
        None,
    ),
    "max_steps": (Annotated[int | None, typer.Option(help="Stop training after this many steps.", min=1)], None),
    "precision": (
        Annotated[str, typer.Option(help="auto (bfloat16 where it is measured to be faster), float32 or bfloat16.")],
        "auto",
    ),
    "recompute": (
        Annotated[
            bool | None,
            typer.Option("--recompute", help="Keep less in memory for the way back, and compute it again: slower."),
        ],
        None,
    ),
    "compiled": (
        Annotated[
            bool | None,
            typer.Option(
                "--compiled",
                help="Transformer blocks by PyTorch's compiler: the first steps take long, the others less.",
            ),
        ],
        None,
    ),
    "sharded": (
        Annotated[
            bool | None,
            typer.Option("--sharded", help="Under torchrun: each process keeps only a part of the weights."),
        ],
        None,
    ),
    "seed": (Seed, 0),
    "device": (Device, "auto"),
    "resume": (Resume, False),
}


def training_command(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a training run, behind its own: `names` of `PRESET_OPTIONS`, and all of `RUN_OPTIONS`.

    The command gets those that have a value as one dict, its keyword argument `training`, and is `interruptible`.
    """
    shared = {name: (PRESET_OPTIONS[name], None) for name in names} | RUN_OPTIONS

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**options: Any) -> None:
            training = given(**{name: options.pop(name) for name in shared})
            with interruptible():
                command(**options, training=training)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [one.replace(kind=one.KEYWORD_ONLY) for one in own if one.name != "training"]
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in shared.items()
        ]
        run.__signature__ = inspect.Signature(parameters)
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


@contextmanager
def interruptible(resumable: bool = True) -> Iterator[None]:
    """Ctrl-C ends with a sentence instead of a traceback; in training that is `resumable`, the last whole step is saved."""
    try:
        yield
    except KeyboardInterrupt:
        then = "the same command with --resume goes on from here" if resumable else "nothing was kept"
        typer.echo(f"interrupted; {then}", err=True)
        raise typer.Exit(130) from None


def given(**options: Any) -> dict[str, Any]:
    """Those that were given; the preset decides about the others."""
    return {name: value for name, value in options.items() if value is not None}
