"""What the command line says about one's own functions: `minimm check`, `minimm progress`, `minimm list-specs`.

Imports nothing heavy until called.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from minimm.errors import MinimmError

MaxSeconds = Annotated[
    float, typer.Option(help="Give up on a function that has had this many seconds of a processor.", min=1)
]
MaxMemory = Annotated[float, typer.Option(help="Memory a file may use, in GB.", min=0.5)]
DrawnSeed = Annotated[int, typer.Option(help="For the inputs that are drawn; the same seed draws the same.")]


def check(
    target: Annotated[str, typer.Argument(help="A function's name, or at once the file, to check all it defines.")],
    file: Annotated[Path | None, typer.Argument(help="The Python file that defines the function.")] = None,
    seed: DrawnSeed = 0,
    max_seconds: MaxSeconds = 60.0,
    max_memory: MaxMemory = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Grade your own function: which law does it break, on which smallest input?

    Exit code 0: all laws hold. 1: a law is broken. 2: the file cannot be used.

    Example: minimm check softmax my_softmax.py
    """
    from minimm.classroom.child_process import Limits
    from minimm.classroom.render import as_text
    from minimm.classroom.supervisor import check_file

    if file is None and not target.endswith(".py"):
        raise MinimmError(f"which file? Write `minimm check {target} FILE.py`, or `minimm check FILE.py` for all in it")
    name, path = (None, Path(target)) if file is None else (target, file)
    reports = check_file(path, name, seed=seed, limits=Limits(max_seconds, int(max_memory * 2**30)))
    if as_json:
        typer.echo(json.dumps([report.as_dict() for report in reports], indent=2, ensure_ascii=False))
    else:
        typer.echo(as_text(reports, colour=sys.stdout.isatty()))
    if not all(reports):
        raise typer.Exit(1)


def list_specs(
    name: Annotated[str | None, typer.Argument(help="Show this function's arguments, shapes and laws.")] = None,
) -> None:
    """List the functions that `minimm check` can grade, or the laws of one of them."""
    from minimm.classroom.render import all_specs_text, one_spec_text
    from minimm.specs.registry import all_specs, spec_of

    typer.echo(all_specs_text(all_specs()) if name is None else one_spec_text(spec_of(name)))


def progress(
    folder: Annotated[Path, typer.Argument(help="Where your notebooks and Python files are.")] = Path(),
    seed: DrawnSeed = 0,
    max_seconds: MaxSeconds = 60.0,
    max_memory: MaxMemory = 2.0,
) -> None:
    """Show which exercises are solved, which are begun, with the law that is still broken, and which is next.

    Example: minimm progress my_lessons
    """
    from minimm.classroom.child_process import Limits
    from minimm.classroom.progress import as_text, progress_in

    typer.echo(as_text(progress_in(folder, seed=seed, limits=Limits(max_seconds, int(max_memory * 2**30)))))
