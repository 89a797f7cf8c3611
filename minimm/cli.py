"""The `minimm` command. Thin: it reads options, calls `tasks`, and turns bad input into one sentence and exit code 2.

Nothing heavy is imported before a command runs, so `minimm --help` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from minimm.classroom import commands as classroom
from minimm.classroom import teaching_commands as teaching
from minimm.commands import assistant, drawing, fairness, insight, measure, questions, retrieval, speech, text, video
from minimm.commands.data import data
from minimm.commands.options import Device, Model, NumBeams, Out, Resume, Seed, interruptible
from minimm.commands.train_text import train  # `train` with all of its commands
from minimm.errors import MinimmError
from minimm.one_at_a_time import alone_in

app = typer.Typer(
    name="minimm",
    help="Small language and multimodal models, trained from scratch on your machine, that show what they look at.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(train, name="train")
app.add_typer(data, name="data")

app.command()(classroom.check)
app.command("list-specs")(classroom.list_specs)
app.command()(classroom.progress)
app.command()(teaching.grade)
app.command()(teaching.release)
app.command("describe-clip")(video.describe_clip)
app.command()(assistant.chat)
app.command()(drawing.draw)
app.command()(fairness.audit)
app.command()(fairness.bias)
app.command()(insight.explore)
app.command()(insight.explain)
app.command()(insight.faithfulness)
app.command()(insight.induction)
app.command()(measure.advise)
app.command()(measure.guide)
app.command()(measure.plan)
app.command()(measure.bench)
app.command()(measure.quantize)
app.command("scaling-law")(measure.scaling_law)
app.command()(questions.answer)
app.command()(retrieval.retrieve)
app.command()(speech.transcribe)
for command in (text.translate, text.summarize, text.classify, text.ask, text.fill, text.score, text.export):
    app.command()(command)


@app.command()
def quickstart(
    out: Out = Path("runs/quickstart"), seed: Seed = 0, device: Device = "auto", resume: Resume = False
) -> None:
    """Train a small language model and an image captioner in about two minutes, and draw what they look at.

    Writes two models, figures, samples.txt and results.json into --out.
    """
    from minimm.runs.quickstart import run_quickstart

    with interruptible(), alone_in(out):
        run_quickstart(out, seed=seed, device=device, resume=resume)


@app.command()
def generate(
    model: Model,
    prompt: Annotated[str, typer.Option(help="Text to continue.")],
    max_new_tokens: Annotated[int, typer.Option(help="How many tokens to write.", min=1)] = 300,
    temperature: Annotated[
        float, typer.Option(help="0 = always the likeliest token; 1 = the model's own variety.")
    ] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Draw only from the k likeliest tokens.")] = None,
    top_p: Annotated[
        float, typer.Option(help="Draw only from the likeliest tokens that together have this probability.")
    ] = 0.95,
    num_beams: NumBeams = 1,
    num_samples: Annotated[int, typer.Option(help="How many texts to write.", min=1)] = 1,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Continue a text with a trained language model.

    Example: minimm generate --model runs/book --prompt "Once upon a time"
    """
    from minimm.tasks import TextGenerator

    generator = TextGenerator.load(model, device=device)
    for sample in range(num_samples):
        if sample:
            typer.echo("-" * 40)
        typer.echo(
            generator.generate(
                prompt,
                max_new_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                num_beams=num_beams,
                seed=seed + sample,
            )
        )


@app.command()
def caption(
    pictures: Annotated[list[Path], typer.Argument(help="Picture files to describe.")],
    model: Model,
    figure: Annotated[
        Path | None, typer.Option(help="Draw where the model looked for each word (one picture).")
    ] = None,
    translator: Annotated[
        Path | None, typer.Option(help="Folder of a trained translator, to say it in another language.")
    ] = None,
    num_beams: NumBeams = 1,
    device: Device = "auto",
) -> None:
    """Describe pictures with a trained captioner, and draw where it looked.

    Example: minimm caption --model runs/pictures cat.png --figure looked.png
    """
    from minimm.runs.captioner import caption_pictures

    caption_pictures(pictures, model, translator=translator, figure=figure, num_beams=num_beams, device=device)


def main() -> None:
    """Run the command line; a `MinimmError` becomes one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # Windows consoles default to a legacy code page
    if os.environ.get("RANK", "0") != "0":  # torchrun has started several processes; the first one speaks for all
        sys.stdout = io.StringIO()
    try:
        app()
    except MinimmError as error:
        told = str(error)
    except OSError as error:  # of a name that no file can have, or a folder that may not be looked into
        if error.filename is None:
            raise
        told = f"{error.filename!s:.200} could not be looked up ({error.strerror}); give another file or folder"
    except (MemoryError, RuntimeError) as error:
        from minimm.training.memory import is_shortage

        if not is_shortage(error):
            raise
        why = (str(error).splitlines() or ["MemoryError"])[0]
        told = f"there is not enough memory ({why:.200}); close other programs, or give less at once"
    else:
        return
    typer.echo(f"error: {told}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
