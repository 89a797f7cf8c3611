"""`minimm bias` and `minimm audit`: what remedies against bias mend and cost, and how a trained model treats groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimm.commands.options import Device, Model, Resume, Seed, interruptible
from minimm.one_at_a_time import alone_in


def bias(
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="occupations, occupations-zh, sentiment, pictures or speech; repeat it for several. All if not given."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for results.json, runs.json and trade_off.png; it is created.")
    ] = Path("runs/bias"),
    seeds: Annotated[int, typer.Option(help="How often every remedy is tried.", min=2)] = 5,
    jobs: Annotated[int, typer.Option(help="Runs at once, each on one core.", min=1)] = 2,
    resume: Resume = False,
) -> None:
    """Try each remedy against bias on data whose bias is known: a table of what it mends and costs, with intervals.

    Five seeds on all data take about an hour and a quarter on two cores.

    Example: minimm bias --data pictures --seeds 3
    """
    from minimm.fairness.studies import STUDIES
    from minimm.runs.bias import measure_bias

    with interruptible(), alone_in(out):
        measure_bias(data or STUDIES, out, seeds=seeds, jobs=jobs, resume=resume)


def audit(
    model: Model,
    data: Annotated[
        Path | None,
        typer.Option(help="For a classifier: a file of texts, each line label, tab, group, tab, text."),
    ] = None,
    language: Annotated[str, typer.Option(help="en or zh: of the sentences, or of the words that are swapped.")] = "en",
    out: Annotated[
        Path, typer.Option(help="Folder for results.json, audit.png and model_card.md; it is created.")
    ] = Path("runs/audit"),
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Measure how a language model, a classifier of texts or a captioner treats groups, and write a model card from it.

    Takes models of minimm's, and GPT-2 or Llama folders of Hugging Face's.

    Example: minimm audit --model runs/quickstart/language_model
    """
    from minimm.runs.audit import audit as run

    run(model, out, data=data, language=language, seed=seed, device=device)
