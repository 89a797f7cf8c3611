"""`minimm guide`, `advise`, `plan`, `bench`, `scaling-law`, `quantize`: which model to take, what it costs, how to save."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimm.commands.options import Device, Model, Resume, Seed, interruptible
from minimm.one_at_a_time import alone_in


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="training, gpt2, processes, generation, quantization, layers, tokenizers, growth, quality; all if none given."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.json and ratios.png; it is created.")] = Path(
        "runs/bench"
    ),
    rounds: Annotated[int, typer.Option(help="How often each side does its work, by turns.", min=1)] = 8,
    threads: Annotated[
        int | None, typer.Option(help="Threads of the processor; as many as it has if not given.", min=1)
    ] = None,
    nanogpt: Annotated[Path | None, typer.Option(help="Checkout of nanoGPT; the code in it is run.")] = None,
    text: Annotated[
        Path | None, typer.Option(help="What the tokenizers read; minimm's own texts if not given.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Measure training, writing, layers and tokenizers beside transformers, nanoGPT, torch.nn and tokenizers.

    Needs what the `test` extra installs; a row whose peer is absent says so. Other work on the machine blurs the numbers.

    Example: minimm bench layers training --nanogpt ../nanoGPT
    """
    from minimm.benchmarks.suite import run_benchmarks

    run_benchmarks(names or [], out, rounds=rounds, threads=threads, nanogpt=nanogpt, text=text, device=device)


def quantize(
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    bits: Annotated[int, typer.Option(help="Bits for each weight: 8 or 4.")] = 8,
    text: Annotated[Path | None, typer.Option(help="A text to measure a language model by, before and after.")] = None,
) -> None:
    """Write a trained model of any kind with its matrices in 8 or 4 bits: a quarter or a fifth of their size.

    It is used like any other, but cannot be trained. What it lost is in results.json when a --text is given.

    Example: minimm quantize --model runs/book --bits 8 --text book.txt --out runs/book-small
    """
    from minimm.runs.quantize import quantize_model

    quantize_model(model, out, bits=bits, text=text)


def plan(
    num_layers: Annotated[int, typer.Option(help="Transformer blocks, one behind the other.", min=1)] = 4,
    d_model: Annotated[int, typer.Option(help="Width of the model's vectors.", min=1)] = 128,
    num_heads: Annotated[int, typer.Option(help="Attention heads; must divide --d-model.", min=1)] = 4,
    context_length: Annotated[int, typer.Option(help="Tokens it can look back on.", min=1)] = 256,
    vocab_size: Annotated[int, typer.Option(help="Different tokens.", min=1)] = 1024,
    batch_size: Annotated[int, typer.Option(help="Texts learned from at once.", min=1)] = 16,
    out: Annotated[Path, typer.Option(help="Folder for results.json; it is created.")] = Path("runs/plan"),
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    recompute: Annotated[
        bool,
        typer.Option("--recompute", help="Count as if blocks kept their inputs only, and computed the rest again."),
    ] = False,
    device: Device = "auto",
) -> None:
    """Say what a language model of some size needs: parameters, operations, memory, and at least how long.

    Example: minimm plan --num-layers 12 --d-model 768 --num-heads 12 --context-length 1024 --vocab-size 50257
    """
    from minimm.models.language_model import LanguageModelConfig
    from minimm.runs.plan import plan_language_model

    config = LanguageModelConfig(vocab_size, context_length, d_model, num_heads, num_layers)
    plan_language_model(config, batch_size, out, precision=precision, recompute=recompute, device=device)


def advise(
    taken: Annotated[
        list[str] | None,
        typer.Option("--from", help="What goes in: text, image, audio or video; several may be given."),
    ] = None,
    given: Annotated[str | None, typer.Option("--to", help="What should come out: text, image or audio.")] = None,
    task: Annotated[str | None, typer.Option(help="A job by its name; `minimm advise` alone lists them.")] = None,
    minutes: Annotated[float, typer.Option(help="How long training may take.")] = 5.0,
    memory: Annotated[float, typer.Option(help="Memory that training may take, in GB (1,000,000,000 bytes).")] = 2.0,
    examples: Annotated[
        int | None, typer.Option(help="How many examples of your own you have: pairs, pictures, labelled texts.")
    ] = None,
    text: Annotated[
        list[Path] | None, typer.Option(help="Your text for a language model, a file or folder; may be repeated.")
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Time real steps instead of foretelling them.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for results.json; nothing is written without it.")] = None,
    device: Device = "auto",
) -> None:
    """Say which model and size to take for a task, a time and a memory, the command that trains it, and why.

    Each command is begun, up to its first step, to count its parameters, memory and operations; nothing is trained.

    Example: minimm advise --from image --to text --minutes 5 --memory 2
    """
    from typer.main import get_command

    from minimm.advice.advise import advise as run
    from minimm.advice.advise import check_request, list_questions
    from minimm.advice.job_advice import Request
    from minimm.advice.jobs import find_jobs
    from minimm.advice.machine import Machine
    from minimm.commands.train import train

    if not taken and given is None and task is None:
        list_questions()
        return
    request = Request(60 * minutes, 1e9 * memory, examples, tuple(text or ()), measure)
    check_request(request)
    find_jobs(taken or None, given, task)  # refuses what there is not, before the machine is measured
    command = get_command(train)
    run(
        lambda arguments: command(arguments, standalone_mode=False),
        Machine.measure(device),
        request,
        taken=taken or None,
        given=given,
        task=task,
        out=out,
    )


def guide(
    taken: Annotated[
        list[str] | None,
        typer.Option("--from", help="What goes in: text, image, audio or video; several may be given."),
    ] = None,
    given: Annotated[str | None, typer.Option("--to", help="What should come out: text, image or audio.")] = None,
    task: Annotated[str | None, typer.Option(help="A job by its name.")] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page to write, too.")] = None,
) -> None:
    """Say which models there are for a task, their sizes, what they are judged by and what to expect; nothing is measured.

    Example: minimm guide --page guide.html
    """
    from minimm.advice.guide import guide as run

    run(taken or None, given, task, page)


def scaling_law(
    text: Annotated[
        list[Path] | None, typer.Option(help="Text files or folders to learn from; minimm's own texts if not given.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.json and scaling.png; it is created.")] = Path(
        "runs/scaling"
    ),
    minutes: Annotated[float, typer.Option(help="How long the whole experiment may take.")] = 15.0,
    tokens: Annotated[
        int | None,
        typer.Option(help="Bytes that the longest runs read; as many as the minutes allow if not given.", min=1),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of the processor; as many as it has if not given.", min=1)
    ] = None,
    seed: Seed = 0,
    resume: Resume = False,
) -> None:
    """Train five sizes on several amounts of a text, fit how the loss falls with both, and say how sure that is.

    The speed of each size is measured first and decides how much is read. A megabyte or two of text fills 15 minutes.

    Example: minimm scaling-law --text my_book.txt --minutes 15 --out runs/scaling
    """
    from minimm.scaling.experiment import run_scaling_law

    with interruptible(), alone_in(out):
        run_scaling_law(text or [], out, minutes=minutes, tokens=tokens, threads=threads, seed=seed, resume=resume)
