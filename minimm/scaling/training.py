"""One training of a scaling experiment, its loss on the held-out text, and how fast this machine does both.

What could favour a size is scaled with it: first weights have the standard deviation 1 / sqrt(d_model), and the learning rate
is inversely proportional to the width, as Adam's should be for layers whose inputs are wider (Yang et al. 2022, "Tensor
programs V", table 3). Of rates a factor of two apart, tried once each on 1.1 MB of plays, the best were 0.016 or 0.032 for
width 16, 0.008 for 48 and 0.002 for 128; the rates next to them gave losses up to 2 % higher, about what two seeds
differ by. Hence 0.32 / d_model. A tenth of the steps warms up, then a cosine falls to the end of the run.
"""

from __future__ import annotations

import math
import time
from statistics import median
from typing import Any

import torch
from torch import Tensor

from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel
from minimm.scaling.plan import BATCH, CONTEXT, Corpus, Run, Size
from minimm.training.losses import cross_entropy
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

LEARNING_RATE = 0.32  # of a model one number wide
TIMED_STEPS, UNTIMED_STEPS = 6, 2
MEASURED_AT_ONCE = 64  # windows of the held-out text


def learning_rate(size: Size) -> float:
    """The highest learning rate of a run of this size.

    >>> learning_rate(Size(2, 16))
    0.02
    """
    return LEARNING_RATE / size.d_model


def train_run(run: Run, corpus: Corpus) -> dict[str, Any]:
    """Train one model from its first weights to the end of its schedule; returns its sizes, costs and loss in nats a byte."""
    started = time.monotonic()
    model, trainer = _prepare(run.size, run.seed, run.steps, corpus)
    trainer.run()
    operations = run.size.operations_per_token * run.tokens
    return {
        "name": run.name,
        "num_layers": run.size.num_layers,
        "d_model": run.size.d_model,
        **run.size.parameters,
        "tokens": run.tokens,
        "epochs": round(run.tokens / corpus.training_tokens, 3),
        "steps": run.steps,
        "seed": run.seed,
        "learning_rate": learning_rate(run.size),
        "operations": operations,
        "compute": 6 * run.size.parameters["parameters"] * run.tokens,
        "loss": held_out_loss(model, corpus.held_out),
        "seconds": round(time.monotonic() - started, 2),
    }


def held_out_loss(model: LanguageModel, windows: Tensor) -> float:
    """Mean loss in nats per byte over windows (n, T + 1); the same windows for all models."""
    total = 0.0
    model.eval()
    with torch.inference_mode():
        for part in windows.split(MEASURED_AT_ONCE):
            total += cross_entropy(model(part[:, :-1]), part[:, 1:]).item() * len(part)
    return total / len(windows)


def measure_speed(size: Size, corpus: Corpus) -> tuple[float, float]:
    """Seconds of one training step, the median of a few, and of a measurement of the loss on the held-out text."""
    model, trainer = _prepare(size, 0, UNTIMED_STEPS + TIMED_STEPS, corpus)
    times = []
    for _ in range(UNTIMED_STEPS + TIMED_STEPS):
        started = time.perf_counter()
        trainer.step()
        times.append(time.perf_counter() - started)
    part = corpus.held_out[:MEASURED_AT_ONCE]
    started = time.perf_counter()
    held_out_loss(model, part)
    batches = math.ceil(len(corpus.held_out) / MEASURED_AT_ONCE)
    return median(times[UNTIMED_STEPS:]), (time.perf_counter() - started) * batches


def _prepare(size: Size, seed: int, steps: int, corpus: Corpus) -> tuple[LanguageModel, Trainer]:
    model = LanguageModel(size.config())
    initialize(model, torch.Generator().manual_seed(seed), size.num_layers, linear_std=size.d_model**-0.5)
    batches = corpus.batches(seed)
    config = TrainerConfig(
        max_steps=steps,
        learning_rate=learning_rate(size),
        warmup_steps=steps // 10,
        validate_every=steps,  # only at the end: looking at the held-out text on the way would cost time and change nothing
        precision="float32",
        seed=seed,
    )
    trainer = Trainer(
        model,
        config,
        draw_batch=lambda _: next(batches),
        loss=lambda model, batch: cross_entropy(model(batch[0]), batch[1]),
        batch_items=BATCH * CONTEXT,
        unit="byte",
    )
    return model, trainer
