"""Rehearsing a run: everything up to its first step happens, then it is counted instead of trained.

What a step costs depends on the model, the batch and the optimizer together, so the surest way to know is to get them from the
command that would train: data are read, the tokenizer learns its words, the model is built. Then autograd says what it keeps,
PyTorch's counter says which products are done, and the optimizer shows what it remembers. Written-out attention is counted in
place of the fused kernel, which does the same products but which the counter does not know on a CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from minimm.layers.dropout import seed_dropout
from minimm.layers.multi_head_attention import MultiHeadAttention
from minimm.training.memory import saved_bytes

if TYPE_CHECKING:
    from minimm.training.trainer import Trainer

BATCHES = 3  # looked at: texts are of many lengths, and so are their batches
TIMED_STEPS = 3

_watch: ContextVar[Callable[[Trainer], None] | None] = ContextVar("rehearsal", default=None)


@dataclass(frozen=True)
class StepCost:
    """What one stage of a run costs.

    bytes_of: by part, `weights`, `gradients`, `optimizer` and `activations`, the last of the largest batch that was looked at.
    operations: in matrix products of one step, those of the optimizer included; the mean. items: how many `unit` a step sees.
    max_seconds: the run's limit for this stage. measured_seconds: of one step, where it was timed.
    """

    parameters: int
    bytes_of: dict[str, int]
    operations: float
    items: int
    unit: str
    max_seconds: float | None
    measured_seconds: float | None = None


class RehearsalIsOver(Exception):
    """Raised by whoever watches a rehearsal when there is nothing more to see; it ends the run."""


@contextmanager
def rehearsing(watch: Callable[[Trainer], None]) -> Iterator[None]:
    """Inside, `Trainer.run` gives every trainer to `watch` and trains nothing; `RehearsalIsOver` ends the block quietly."""
    token = _watch.set(watch)
    try:
        yield
    except RehearsalIsOver:
        pass
    finally:
        _watch.reset(token)


def is_rehearsed(trainer: Trainer) -> bool:
    """Whether this is a rehearsal; then who watches has seen `trainer` now."""
    watch = _watch.get()
    if watch is not None:
        watch(trainer)
    return watch is not None


def step_cost(trainer: Trainer, precision: torch.dtype, *, timed: bool = False) -> StepCost:
    """Count a trainer's steps, with its products in `precision`; the steps are done, so its model is spoilt for training.

    Args:
        timed: also time a few of them.
    """
    trainer.precision = str(precision).removeprefix("torch.")
    model = trainer.learner.model.train()
    seed_dropout(model, 0)
    kept, operations = [], []
    for number in range(BATCHES):
        trainer.result.steps = number  # each step draws a batch of its own
        kept.append(_kept(trainer, number))
        operations.append(_operations(trainer, model))
    seconds = None
    if timed:
        times = []
        for _ in range(TIMED_STEPS):
            start = time.perf_counter()
            trainer.step()
            times.append(time.perf_counter() - start)
        seconds = median(times)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    learned = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    remembered = (value for state in trainer.optimizer.state.values() for value in state.values())
    bytes_of = {
        "weights": sum(parameter.nbytes for parameter in model.parameters()),
        "gradients": learned,
        "optimizer": sum(value.nbytes for value in remembered if isinstance(value, Tensor)),
        "activations": max(kept),
    }
    limit = trainer.config.max_seconds
    return StepCost(parameters, bytes_of, mean(operations), trainer.batch_items, trainer.unit, limit, seconds)


def _kept(trainer: Trainer, number: int) -> int:
    batch = trainer.draw_batch(torch.Generator().manual_seed(number))

    def loss() -> Tensor:
        with trainer.autocast():
            return trainer.learner.loss(batch, last=True)

    return saved_bytes(trainer.learner.model, loss)


def _operations(trainer: Trainer, model: nn.Module) -> int:
    layers = [module for module in model.modules() if isinstance(module, MultiHeadAttention)]
    for layer in layers:
        layer.record = True
    with FlopCounterMode(display=False) as counter:
        trainer.step()
    for layer in layers:
        layer.record, layer.weights = False, None
    return counter.get_total_flops()
