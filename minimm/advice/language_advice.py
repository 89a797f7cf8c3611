"""Advice on a language model: the size that `language_size` chooses for a text, as a command, with the reason for the size."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from typing import Any

from minimm.advice.job_advice import Begin, Request, command_of, rehearse, text_options
from minimm.advice.jobs import Job
from minimm.advice.language_size import MOST_PASSES, Choice, Means, choose_size
from minimm.advice.machine import Machine
from minimm.datasets.text_corpus import read_corpus, split_text
from minimm.runs.plan import TOKENS_FOR_A_PARAMETER
from minimm.tasks.text.presets import TEXT_PRESETS, TextPreset
from minimm.tokenizers import TOKENIZERS

PRESET = "tiny"  # its tokenizer, context, batch and optimizer go with every size
SAMPLE = 1_000_000  # characters of which the tokens are counted; the rest of a longer text is taken to be alike


def advise_language_model(job: Job, begin: Begin, machine: Machine, request: Request) -> dict[str, Any]:
    """The size for the text, the time and the memory of a request; without a text, for the latter two alone."""
    preset = TEXT_PRESETS[PRESET]
    tokens, vocab_size = None, preset.vocab_size
    if request.text:
        tokens, vocab_size = count_tokens(read_corpus(*request.text), preset)
    means = Means(request.seconds, request.memory, machine, tokens)
    choice = choose_size(preset, vocab_size, means)
    size = choice.size
    shape = ("d_model", "num_layers", "num_heads")
    numbers = [word for name in shape for word in (f"--{name.replace('_', '-')}", str(getattr(size.config, name)))]
    options = [*job.command, *text_options(job, request), "--preset", PRESET, *numbers]
    seconds = size.step_seconds(machine)
    if request.timed:
        command = command_of(job.name, options, machine, request)
        seconds = rehearse(command, begin, machine, timed=True)[0].measured_seconds
    why = reason(choice, tokens)
    if tokens is not None:
        enough = max(1.0, math.ceil(MOST_PASSES * tokens / size.tokens_of_a_step * seconds))
        if enough < request.seconds:
            why += (
                f" After {enough:.0f} s it has read the text {MOST_PASSES} times, and would go on to learn it by heart."
            )
            request = replace(request, seconds=enough)
    command = command_of(job.name, options, machine, request)
    steps = int(request.seconds / seconds)
    seen = steps * size.tokens_of_a_step
    return {
        "command": shlex.join(command),
        "preset": PRESET,
        "parameters": size.parameters,
        "training_bytes": sum(size.bytes_of.values()),
        "bytes_of": size.bytes_of,
        "peak_bytes": size.needs(),
        "operations_per_step": size.operations,
        "seconds_per_step": seconds,
        "seconds_are_measured": request.timed,
        "steps": steps,
        "training_seconds": request.seconds,
        "seen": seen,
        "unit": "token",
        "tokens_wanted": size.wanted_tokens(),
        "tokens_of_the_text": tokens,
        "passes_over_text": None if tokens is None else seen / tokens,
        "limited_by": list(choice.limited_by),
        "size_chosen_because": why,
        "fits": not choice.lacking,
        "lacking": choice.lacking,
        "what_to_do": _what_to_do(choice) or None,
    }


def count_tokens(text: str, preset: TextPreset) -> tuple[int, int]:
    """How many tokens of `text` will be trained on, and the size of the vocabulary."""
    training = split_text(text)[0]
    sample = training[:SAMPLE]
    tokenizer = TOKENIZERS[preset.tokenizer].train(sample, vocab_size=preset.vocab_size)
    counted = len(tokenizer.encode(sample, unknown="replace"))
    return round(counted * len(training) / max(1, len(sample))), tokenizer.vocab_size


def reason(choice: Choice, tokens: int | None) -> str:
    """Why this size, in a sentence or two."""
    size = choice.size
    rule = (
        f"{size.parameters:,} parameters want {size.wanted_tokens():,} tokens, {TOKENS_FOR_A_PARAMETER} each "
        "(Hoffmann et al. 2022)"
    )
    if tokens is not None:
        rule += f"; your text has {tokens:,}, worth up to {MOST_PASSES} times that when it is read again and again"
    if choice.lacking:
        return f"{rule}. It is the smallest size that is offered."
    if not choice.limited_by:
        return f"{rule}. It is the largest size that is offered."
    lacks = " and ".join(f"{share:.3g} times the {name}" for name, share in choice.limited_by.items())
    return f"{rule}. The next larger size would need {lacks} that there is."


def _what_to_do(choice: Choice) -> str:
    advice = {
        "data": "give {0:.3g} times as much text; until then it learns by heart, and training keeps the weights of the step "
        "at which it knew unseen text best",
        "time": "give it {0:.3g} times as many minutes, or expect a model that has not learned out",
        "memory": "lower --batch-size, --context-length or --vocab-size, for it takes {0:.3g} times the memory there is",
    }
    return "; ".join(advice[name].format(share) for name, share in choice.lacking.items())
