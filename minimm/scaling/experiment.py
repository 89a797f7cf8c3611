"""`minimm scaling-law`: train five sizes on several amounts of a text, and ask what a larger model or more text is worth.

Measure the speed of each size, divide the minutes, train, fit, draw. Each finished training is on disk before the next one
begins, so an interrupted experiment goes on with what is missing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.bundled import bundled
from minimm.datasets.text_corpus import read_corpus
from minimm.errors import check
from minimm.files import read_json, write_json
from minimm.metrics.power_law import fit_power_law
from minimm.scaling.plan import BYTES, SIZES, Corpus, Plan, Run, Size, cut_corpus, make_plan
from minimm.scaling.report import columns, findings, print_report
from minimm.scaling.training import measure_speed, train_run
from minimm.training.description import config_from
from minimm.training.stopwatch import seconds_since

NEEDED = {
    "name",
    "parameters",
    "tokens",
    "seed",
    "loss",
    "compute",
}  # of what was found, without which there is no report


def run_scaling_law(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    minutes: float = 15.0,
    tokens: int | None = None,
    threads: int | None = None,
    seed: int = 0,
    resume: bool = False,
    sizes: Sequence[Size] = SIZES,
) -> dict[str, Any]:
    """Run the experiment; writes plan.json, results.json and scaling.png into `out`, and returns the results.

    Args:
        paths: text files or folders; none = the bundled text. tokens: the largest amount of data; None = by the minutes.
        threads: of the processor; None = all. resume: leave out what plan.json says is done.

    Raises `MinimmError` for a text that is too small, minutes that are too few, or a plan of another text or seed.
    """
    started, out = time.monotonic(), Path(out)
    check(minutes > 0, f"minutes={minutes} must be above 0; 15 is the default")
    if threads is not None:
        torch.set_num_threads(threads)
    corpus = cut_corpus(read_corpus(*(paths or [bundled("text")])))
    file = out / "plan.json"
    if resume and file.exists():
        plan, done = _read_plan(file, corpus, seed)
    else:
        speeds = {size: measure_speed(size, corpus) for size in sizes}
        steps, measurements = ({size: found[which] for size, found in speeds.items()} for which in (0, 1))
        left = 60 * minutes - (time.monotonic() - started)
        plan, done = make_plan(sizes, steps, measurements, corpus, left, seed, tokens), []
    notes = _notes(plan, corpus)
    _announce(plan, len(done), corpus, notes)
    for run in plan.runs[len(done) :]:
        print(
            f"{len(done) + 1}/{len(plan.runs)}  {run.size.parameters['parameters']:,} parameters read {run.tokens:,} bytes"
        )
        done.append(train_run(run, corpus))
        print(f"      loss on the held-out text {done[-1]['loss']:.4f}")
        _write_plan(file, plan, done, corpus, seed)
    results = {
        "text": {
            "fingerprint": corpus.fingerprint,
            "training_bytes": corpus.training_tokens,
            "held_out_bytes": corpus.held_out[:, 1:].numel(),
        },
        "seed": seed,
        "threads": torch.get_num_threads(),
        "planned_seconds": round(plan.seconds, 1),
        "uniform_loss": math.log(BYTES),
        "notes": notes,
        "runs": done,
        **findings(done, seed),
        "seconds": seconds_since(started),
    }
    write_json(out / "results.json", results)
    _draw(done, results["best_form"], out)
    print_report(results)
    print(f"everything is in {out}")
    return results


def _notes(plan: Plan, corpus: Corpus) -> list[str]:
    """What a reader must know before believing the numbers."""
    readings = max(run.tokens for run in plan.runs) / corpus.training_tokens
    notes = []
    if readings > 1:
        notes.append(
            f"the longest runs read the text {readings:.1f} times, and what is read again teaches less than new text: the "
            "data exponent is that of so much text, not of endless text; a larger --text would mend that"
        )
    if len({run.seed for run in plan.runs}) == 1:
        notes.append(
            "each size and amount is trained once, so the intervals know the scatter of runs only from the misfit"
        )
    return notes


def _announce(plan: Plan, done: int, corpus: Corpus, notes: list[str]) -> None:
    amounts = sorted({run.tokens for run in plan.runs})
    shapes, seeds = len({run.size for run in plan.runs}), len({run.seed for run in plan.runs})
    print(
        f"{len(plan.runs)} trainings: {shapes} sizes by {len(amounts)} amounts of data, "
        f"{', '.join(f'{amount:,}' for amount in amounts)} bytes, each {'once' if seeds == 1 else f'with {seeds} seeds'}; "
        f"{corpus.training_tokens:,} bytes to learn from, {corpus.held_out[:, 1:].numel():,} held out; "
        f"about {plan.seconds / 60:.1f} minutes in all" + (f", {done} trainings are done already" if done else "")
    )
    for note in notes:
        print(f"note: {note}")


def _write_plan(file: Path, plan: Plan, done: list[dict[str, Any]], corpus: Corpus, seed: int) -> None:
    runs = [asdict(run) for run in plan.runs]
    write_json(
        file,
        {"fingerprint": corpus.fingerprint, "seed": seed, "seconds": plan.seconds, "runs": runs, "done": done},
    )


@dataclass(frozen=True)
class _Written:
    """What stands in plan.json."""

    fingerprint: str
    seed: int
    seconds: float
    runs: list
    done: list


def _read_plan(file: Path, corpus: Corpus, seed: int) -> tuple[Plan, list[dict[str, Any]]]:
    written = config_from(_Written, read_json(file))
    check(
        written.fingerprint == corpus.fingerprint and written.seed == seed,
        f"{file} belongs to another text or to seed {written.seed}, not {seed}; go on with the same --text and --seed, or "
        "begin anew without --resume",
    )
    runs = tuple(config_from(Run, run) for run in written.runs)
    check(
        len(written.done) <= len(runs) and all(isinstance(one, dict) and one.keys() >= NEEDED for one in written.done),
        f"{file} tells of trainings in another form than minimm writes; begin anew without --resume",
    )
    return Plan(runs, written.seconds), written.done


def _draw(runs: list[dict[str, Any]], form: str, out: Path) -> None:
    from minimm.plots.scaling import scaling_curves
    from minimm.plots.style import save_figure

    law = fit_power_law(*columns(runs), form)
    exponents = f"{law.size_exponent:.2f} of size, {law.data_exponent:.2f} of data"
    title = f"What size and data are worth, by {form.title()}'s law: exponents {exponents}"
    save_figure(scaling_curves(runs, law, title), out / "scaling.png")
