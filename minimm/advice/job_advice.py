"""What one job will take with given means, counted by beginning its command, and whether the means suffice.

How long a step takes is foretold by `machine`, or measured when that is asked for. Memory is what training holds,
which is counted, and what comes and goes beside it, which is foretold (`training.memory`).
"""

from __future__ import annotations

import contextlib
import io
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minimm.advice.jobs import Job
from minimm.advice.machine import Machine
from minimm.datasets.bundled import bundled
from minimm.datasets.instruction_jobs import RECORDED
from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.errors import MinimmError
from minimm.tasks.answering.multimodal_assistant import MultimodalAssistant
from minimm.training.memory import MOMENTARY_SHARE, peak_bytes
from minimm.training.rehearsal import RehearsalIsOver, StepCost, rehearsing, step_cost
from minimm.training.trainer import Trainer

STEPS_BEFORE_DRAWING = 4  # a rehearsal of text-to-image reads only the pictures of so many steps

Begin = Callable[[list[str]], None]  # runs `minimm train ...`, given what stands behind `train`


@dataclass(frozen=True)
class Request:
    """What there is: seconds, bytes of memory, the number of own examples, and text files. timed: steps are to be measured."""

    seconds: float
    memory: float
    examples: int | None = None
    text: tuple[Path, ...] = ()
    timed: bool = False


def advise_job(job: Job, begin: Begin, machine: Machine, request: Request) -> dict[str, Any]:
    """The largest of the job's presets that the means suffice for, or the smallest, with what it lacks."""
    best: dict[str, Any] = {}
    names = _suitable(job, request)
    in_time = [name for name in names if job.seconds(name) <= request.seconds] or names[:1]
    for preset in reversed(in_time):
        command = command_of(
            job.name, [*job.command, *text_options(job, request), "--preset", preset], machine, request
        )
        try:
            costs = rehearse(command, begin, machine, timed=request.timed, stages=job.stages)
        except MinimmError as error:  # such as data that must first be installed
            return {"command": shlex.join(command), "preset": preset, "cannot_be_counted": str(error)}
        best = {"command": shlex.join(command), "preset": preset, **describe(costs, machine, request)}
        batch_size = job.presets[preset].batch_size
        best |= _judge(best, batch_size, job.seconds(preset), request)
        if best["fits"]:
            break
    return best


def text_options(job: Job, request: Request) -> list[str]:
    """`--text` for a job that needs it: the request's files, else what comes with minimm."""
    paths = (request.text or (bundled("text"),)) if job.reads_text else ()
    return [word for path in paths for word in ("--text", str(path))]


def command_of(name: str, options: list[str], machine: Machine, request: Request) -> list[str]:
    """`minimm train ...` with the limits and the place of this request."""
    where = [] if machine.device == "auto" else ["--device", machine.device]
    return ["minimm", "train", *options, "--max-seconds", f"{request.seconds:.0f}", *where, "--out", f"runs/{name}"]


def rehearse(command: list[str], begin: Begin, machine: Machine, *, timed: bool, stages: int = 1) -> list[StepCost]:
    """The cost of each stage of a command, which trains nothing and leaves no file behind."""
    costs: list[StepCost] = []

    def watch(trainer: Trainer) -> None:
        costs.append(step_cost(trainer, machine.precision, timed=timed))
        if len(costs) == stages:
            raise RehearsalIsOver

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        rehearsing(watch),
    ):
        options = [*command[2:-1], str(Path(folder) / "model")]
        if (
            options[0] == "assistant"
        ):  # its command would measure after each stage, which takes longer than all else here
            _begin_assistant(options, machine)
        else:
            begin(options + (["--max-steps", str(STEPS_BEFORE_DRAWING)] if options[0] == "text-to-image" else []))
    return costs


def _begin_assistant(options: list[str], machine: Machine) -> None:
    value = {name: options[options.index(name) + 1] for name in ("--preset", "--speech", "--max-seconds")}
    data = MultimodalInstructions(RECORDED, "train", value["--speech"])
    task = MultimodalAssistant(value["--preset"], device=machine.device)
    task.fit(data, max_seconds=float(value["--max-seconds"]))


def describe(costs: list[StepCost], machine: Machine, request: Request) -> dict[str, Any]:
    """Of all stages: the memory of the one that takes most, the step of the one that takes longest, and the steps in all."""

    def seconds(cost: StepCost) -> float:
        foretold = machine.step_seconds(cost.operations, cost.bytes_of["activations"])
        return foretold if cost.measured_seconds is None else cost.measured_seconds

    largest = max(costs, key=lambda cost: sum(cost.bytes_of.values()))
    longest = max(costs, key=lambda cost: cost.max_seconds)
    steps = [int(cost.max_seconds / seconds(cost)) for cost in costs]
    seen = sum(number * cost.items for number, cost in zip(steps, costs, strict=True))
    result: dict[str, Any] = {
        "parameters": max(cost.parameters for cost in costs),
        "training_bytes": sum(largest.bytes_of.values()),
        "bytes_of": largest.bytes_of,
        "peak_bytes": peak_bytes(largest.bytes_of),
        "operations_per_step": longest.operations,
        "seconds_per_step": seconds(longest),
        "seconds_are_measured": longest.measured_seconds is not None,
        "steps": sum(steps),
        "training_seconds": request.seconds,
        "seen": seen,
        "unit": longest.unit,
    }
    if request.examples is not None:
        result["passes_over_examples"] = seen / request.examples
    return result


def _suitable(job: Job, request: Request) -> list[str]:
    """The presets to consider, smallest first: up to the one for own data where there are enough, else the first alone."""
    names = list(job.presets)
    if request.examples is None or job.own is None or request.examples < job.own[1]:
        return names[:1]
    return names[: names.index(job.own[0]) + 1]


def _judge(advice: dict[str, Any], batch_size: int, enough: float, request: Request) -> dict[str, Any]:
    """Whether it fits, what it lacks, in bytes and seconds, and what to do about it."""
    lacking, do = {}, []
    if (bytes_too_many := advice["peak_bytes"] - request.memory) > 0:
        lacking["memory_bytes"] = bytes_too_many
        each = (1 + MOMENTARY_SHARE) * advice["bytes_of"]["activations"] / batch_size
        room = int((each * batch_size - bytes_too_many) / each)
        do.append(
            f"add --batch-size {room} (now {batch_size})"
            if room >= 1
            else "take a machine with more memory, for even one example at a time is too much"
        )
    if request.seconds < enough:
        lacking["seconds"] = enough - request.seconds
        do.append(f"give it {enough / 60:.3g} minutes, with which its sizes were measured to work, or expect less")
    return {"fits": not lacking, "lacking": lacking, "what_to_do": "; ".join(do) or None}
