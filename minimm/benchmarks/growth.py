"""How cost grows: the time of a token with the text before it, the time of a corpus with its length, memory with the batch.

    a token with a cache       c + a n        its own products, and one look at each of the n tokens before it
    a token without            all n tokens are read again for each new one: c n + a n^2
    a corpus                   proportional to its length: tokenizer, encoding, reading
    memory of a step           proportional to the batch; blocks that are recomputed keep their inputs only

Straight lines are fitted by least squares, and powers y = c x^p by least squares of the logarithms, so p says the kind of
growth: 1 is proportional, 2 is quadratic.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from minimm.benchmarks.comparison import take_turns
from minimm.datasets.text_corpus import TokenWindows
from minimm.errors import check
from minimm.layers.initialization import initialize
from minimm.layers.recompute import set_recompute
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.tokenizers import BytePairTokenizer
from minimm.training.losses import cross_entropy
from minimm.training.memory import saved_bytes

CONTEXTS = (64, 128, 256, 512, 1024, 2048, 3072, 4064)  # tokens before the one that is timed
UNCACHED = CONTEXTS[:6]  # the others would take minutes
WRITTEN = 16  # tokens timed at each context
SHARES = (0.125, 0.25, 0.5, 1.0)  # of the corpus
BATCHES = (1, 2, 4, 8, 16, 32)
VOCABULARY, TRAINED_CONTEXT = 1024, 128


def measure_growth(text: str, rounds: int, device: torch.device) -> dict[str, Any]:
    """Curves by name: `x`, `y`, and what was fitted; `y` is in seconds or bytes.

    Args:
        text: the whole corpus. rounds: how often each time is taken; the median counts.
    """
    config = LanguageModelConfig(VOCABULARY, context_length=CONTEXTS[-1] + 2 * WRITTEN)
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), config.num_layers)
    model = model.to(device).eval()
    return {
        "context": _by_context(model, rounds, device),
        "data": _by_data(text, model, rounds, device),
        "batch": _by_batch(device),
    }


def fitted_line(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """intercept + slope x by least squares, and `r_squared`, the share of the differences in y that it explains."""
    check(
        len(set(x)) > 1 and len(x) == len(y),
        f"a line needs two different places at least and a value at each, but they are {list(x)} and {list(y)}",
    )
    slope, intercept = np.polyfit(x, y, 1)
    left = np.asarray(y) - (intercept + slope * np.asarray(x))
    spread = np.asarray(y) - np.mean(y)
    r_squared = 1.0 - (left @ left) / (spread @ spread) if spread @ spread > 0 else 1.0
    return {"intercept": float(intercept), "slope": float(slope), "r_squared": float(r_squared)}


def fitted_power(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """factor x^exponent by least squares of the logarithms; x and y are above 0."""
    wrong = [value for value in (*x, *y) if not 0 < value < math.inf]
    check(not wrong, f"a power can be fitted to finite numbers above 0 only, but there are {wrong[:3]}; leave them out")
    line = fitted_line(np.log(x), np.log(y))
    return {"factor": float(np.exp(line["intercept"])), "exponent": line["slope"], "r_squared": line["r_squared"]}


def _by_context(model: LanguageModel, rounds: int, device: torch.device) -> dict[str, Any]:
    ids = torch.randint(VOCABULARY, (1, model.config.context_length), generator=torch.Generator().manual_seed(0)).to(
        device
    )

    @torch.inference_mode()
    def write(context: int) -> float:
        """Seconds of a token, after `context` others are in the cache."""
        cache = model.new_cache()
        model(ids[:, :context], cache=cache)
        model(ids[:, :1], cache=cache)  # the first one grows the cache
        seconds = []
        for _ in range(WRITTEN):
            start = time.perf_counter()
            model(ids[:, :1], cache=cache)[0, 0, 0].item()  # waits for the device
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)

    cached = [statistics.median(write(context) for _ in range(rounds)) for context in CONTEXTS]
    with torch.inference_mode():
        uncached = _seconds({n: lambda n=n: model(ids[:, :n]) for n in UNCACHED}, rounds, device)
    line = fitted_line(CONTEXTS, cached)
    share = [line["slope"] * n / (line["intercept"] + line["slope"] * n) for n in CONTEXTS]
    return {
        "with_cache": {"x": list(CONTEXTS), "y": cached, **line, "share_of_attention": share},
        "without_cache": {"x": list(UNCACHED), "y": uncached, **fitted_power(UNCACHED, uncached)},
    }


def _by_data(text: str, model: LanguageModel, rounds: int, device: torch.device) -> dict[str, Any]:
    parts = {len(part.encode()): part for part in (text[: int(len(text) * share)] for share in SHARES)}
    tokenizer = BytePairTokenizer.train(text, vocab_size=VOCABULARY)
    ids = {size: torch.tensor(tokenizer.encode(part)) for size, part in parts.items()}

    @torch.inference_mode()
    def read(ids: torch.Tensor) -> None:
        for inputs, targets in TokenWindows(ids, TRAINED_CONTEXT).evaluation_batches(64):
            cross_entropy(model(inputs.to(device)), targets.to(device))

    jobs: dict[str, Callable[[int], object]] = {
        "train_tokenizer": lambda size: BytePairTokenizer.train(parts[size], vocab_size=VOCABULARY),
        "encode": lambda size: tokenizer.encode(parts[size]),
        "read": lambda size: read(ids[size]),
    }
    found = {}
    for name, job in jobs.items():
        seconds = _seconds({size: lambda size=size, job=job: job(size) for size in parts}, rounds, device)
        found[name] = {"x": list(parts), "y": seconds, **fitted_power(list(parts), seconds)}
    return found


def _by_batch(device: torch.device) -> dict[str, Any]:
    """Bytes that autograd keeps for the way back, counted."""
    model = LanguageModel(LanguageModelConfig(VOCABULARY, TRAINED_CONTEXT))
    initialize(model, torch.Generator().manual_seed(0), model.config.num_layers)
    model = model.to(device).train()
    found = {}
    for name, recompute in (("kept", False), ("recomputed", True)):
        set_recompute(model, recompute)
        held = []
        for batch in BATCHES:
            ids = torch.zeros(batch, TRAINED_CONTEXT, dtype=torch.long, device=device)
            held.append(saved_bytes(model, lambda ids=ids: cross_entropy(model(ids), ids)))
        found[name] = {"x": list(BATCHES), "y": held, **fitted_power(BATCHES, held)}
    return found


def _seconds(jobs: dict[int, Callable[[], object]], rounds: int, device: torch.device) -> list[float]:
    """The median seconds of each, taking turns."""
    taken = take_turns({str(size): job for size, job in jobs.items()}, rounds, device)
    return [statistics.median(taken[str(size)]) for size in jobs]
