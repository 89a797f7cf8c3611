"""`minimm advise`: which model, which size and which command for a task, a time and a memory; printed for a reader.

Nothing is looked up that can be counted. Each command is begun as if it were to train, up to its first step
(`training.rehearsal`), and its parameters, bytes and operations are those of the model that stands there. The size of a
language model is chosen by `language_size`. How long steps take is foretold by `machine`, or, when asked, measured.
"""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import fill
from typing import Any

from minimm.advice.job_advice import Begin, Request, advise_job
from minimm.advice.jobs import JOBS, find_jobs
from minimm.advice.language_advice import advise_language_model
from minimm.advice.machine import Machine
from minimm.errors import check
from minimm.files import write_json
from minimm.training.stopwatch import seconds_since

FEW = 1_000  # examples; the fewest that a model of minimm was measured to learn from, from nothing, are 1,357 emoji
WIDTH = 118  # of what is printed
LABEL = 12


def advise(
    begin: Begin,
    machine: Machine,
    request: Request,
    *,
    taken: list[str] | None = None,
    given: str | None = None,
    task: str | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Print advice for each job that fits, and write it to results.json when there is an `out`.

    Args:
        begin: see `job_advice.Begin`. taken, given: modalities that go in, and the one that comes out. task: a job's name.
    """
    check_request(request)
    started = time.monotonic()
    jobs = find_jobs(taken, given, task)
    results: dict[str, Any] = {
        "device": machine.device,
        "precision": str(machine.precision).removeprefix("torch."),
        "machine_operations_per_second": machine.rate,
        "machine_kept_bytes_per_second": machine.kept_rate,
        "given_seconds": request.seconds,
        "given_memory_bytes": request.memory,
        "jobs": {},
    }
    _print_means(results, timed=request.timed)
    for job in jobs:
        print(f"\n{job.name}", flush=True)  # some take seconds to be counted
        advise_one = advise_language_model if job.name == "language-model" else advise_job
        advice = {"why": job.why, "measured": job.measured, **advise_one(job, begin, machine, request)}
        if request.examples is not None and request.examples < FEW and not job.reads_text:
            advice["few_examples"] = job.few
        results["jobs"][job.name] = advice
        _print_job(advice, request)
    results["seconds"] = seconds_since(started)
    if out is not None:
        write_json(out / "results.json", results)
        print(f"\nall numbers are in {out / 'results.json'}")
    return results


def check_request(request: Request) -> None:
    """Raise unless there is time and memory, and examples where their number is given."""
    check(request.seconds > 0, "--minutes must be above 0; give the time that training may take, such as 5")
    check(request.memory > 0, "--memory must be above 0; give the gigabytes that training may take, such as 2")
    check(request.examples is None or request.examples > 0, "--examples must be above 0; leave it out if you have none")


def list_questions() -> None:
    """Print what can be asked."""
    print("Ask for what goes in and what comes out, or for a task by name:\n")
    for job in JOBS:
        routes = [f"{before.replace(' ', ' + ')} -> {after}" for before, after in job.routes]
        shown = ", ".join(routes[:4]) + (f", and {len(routes) - 4} more" if len(routes) > 4 else "")
        print(f"  --task {job.name:<26} {shown}")
    print("\nminimm advise --from image --to text --minutes 5 --memory 2")
    print("minimm advise --task language-model --text my_book.txt --minutes 30")
    print("minimm advise --from image --from text --to text --examples 300")


def _print_means(results: dict[str, Any], *, timed: bool) -> None:
    rate, kept = (results[f"machine_{name}_per_second"] for name in ("operations", "kept_bytes"))
    told = (
        f"With {results['given_seconds'] / 60:.3g} min and {_size(results['given_memory_bytes'])} of memory. This machine now "
        f"does {rate / 1e9:.3g} billion operations a second in products of matrices ({results['precision']}), and all else in "
        f"training at {_size(kept)} a second of what is kept for the way back. "
    )
    foretold = "Times are foretold from these two; expect half to twice as long, or add --measure to time real steps."
    print(fill(told + ("Times are those of real steps, measured now." if timed else foretold), WIDTH))


def _print_job(advice: dict[str, Any], request: Request) -> None:
    _print_line("why", advice["why"])
    print(f"  {'run':<{LABEL}}{advice['command']}")  # in one line, to be copied
    if "cannot_be_counted" in advice:
        _print_line("not counted", advice["cannot_be_counted"])
        return
    parts = ", ".join(f"{part} {_size(size)}" for part, size in advice["bytes_of"].items())
    _print_line("size", f"{advice['parameters']:,} parameters")
    _print_line(
        "memory",
        f"{_size(advice['training_bytes'])} held in training ({parts}); with Python, PyTorch and what comes and goes, about "
        f"{_size(advice['peak_bytes'])} at the peak of training",
    )
    limit = advice["training_seconds"]
    limit = f"{limit:.0f} s" if limit < 100 else f"{limit / 60:.3g} min"
    how = "measured" if advice["seconds_are_measured"] else "about"
    _print_line(
        "time",
        f"{advice['operations_per_step'] / 1e9:.3g} billion operations a step, {how} {advice['seconds_per_step']:.2g} s: "
        f"{_round(advice['steps'])} steps in {limit}, {_round(advice['seen'])} {advice['unit']}s seen"
        + (f", each of yours {_round(passes)} times" if (passes := advice.get("passes_over_examples")) else ""),
    )
    if "size_chosen_because" in advice:
        _print_line("this size", advice["size_chosen_because"])
    if advice["fits"]:
        _print_line("enough?", "yes: time and memory suffice")
    else:
        _print_line("enough?", f"no, it lacks {_lacks(advice['lacking'])}: {advice['what_to_do']}")
    if advice["measured"]:
        _print_line("to expect", f"{advice['measured']} (two cores; README, Measured)")
    if request.examples is not None:
        _print_line("own data", f"minimm train {advice['command'].split()[2]} --help says how to give it yours")
    if "few_examples" in advice:
        _print_line("few data", f"{request.examples:,} examples are few: {advice['few_examples']}")


def _lacks(lacking: dict[str, float]) -> str:
    shown = {
        "memory_bytes": lambda size: f"{_size(size)} of memory",
        "seconds": lambda seconds: f"{seconds / 60:.2g} min of time",
    }
    return " and ".join(shown[name](value) if name in shown else name for name, value in lacking.items())


def _print_line(label: str, text: str) -> None:
    print(fill(text, WIDTH, initial_indent=f"  {label:<{LABEL}}", subsequent_indent=" " * (LABEL + 2)))


def _round(number: float) -> str:
    """Two digits: more would pretend to know.

    >>> _round(12345), _round(7.4)
    ('12,000', '7.4')
    """
    digits = float(f"{number:.2g}")
    return f"{digits:,.0f}" if digits >= 10 else f"{digits:g}"


def _size(num_bytes: float) -> str:
    """
    >>> _size(2_500_000)
    '2.5 MB'
    """
    return f"{num_bytes / 1e9:.3g} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.3g} MB"
