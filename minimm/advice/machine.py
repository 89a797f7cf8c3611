"""How long a step will take on this machine, foretold from two things that are measured now.

    seconds of a step = operations in products / rate of products + bytes kept for the way back / rate at which they are made

The first is the time of the matrix products alone. The second stands for all the rest, which writes and reads what autograd
keeps and so grows with it: activations, normalisations, gradients, fresh memory. A step is bound by the one or by the other,
as in the roofline model (Williams et al. 2009); differs from it in adding the two, for here they take turns. With twelve jobs
on one core, which other work shared, a step took 0.5 to 1.4 times what was foretold; no GPU was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.device import multiplication_rate, select_device, select_precision
from minimm.training.losses import cross_entropy
from minimm.training.rehearsal import step_cost
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

MEASURED = LanguageModelConfig(vocab_size=512, context_length=128, d_model=64, num_heads=2, num_layers=2)
BATCH_SIZE = 12


@dataclass(frozen=True)
class Machine:
    """Where it will be trained, and how fast that is.

    device: as asked for. precision: of products. rate: operations a second in them. kept_rate: bytes a second of what is kept
    for the way back, with all the work around it.
    """

    device: str
    precision: torch.dtype
    rate: float
    kept_rate: float

    def step_seconds(self, operations: float, kept: float) -> float:
        """Seconds of a step with so many operations that keeps so many bytes; within about half to twice."""
        return operations / self.rate + kept / self.kept_rate

    @classmethod
    def measure(cls, device: str = "auto") -> Machine:
        """This machine, now: a product of two matrices, and a few steps of a small language model."""
        where = select_device(device)
        precision = select_precision("auto", where)
        rate = multiplication_rate(where, precision)
        cost = step_cost(_small_run(where), precision, timed=True)
        products = cost.operations / rate
        rest = max(cost.measured_seconds - products, 0.1 * cost.measured_seconds)  # the two were not measured at once
        return cls(device, precision, rate, cost.bytes_of["activations"] / rest)


def _small_run(where: torch.device) -> Trainer:
    model = LanguageModel(MEASURED)
    initialize(model, torch.Generator().manual_seed(0), MEASURED.num_layers)
    shape = (BATCH_SIZE, MEASURED.context_length)

    def draw(generator: torch.Generator) -> Tensor:
        return torch.randint(MEASURED.vocab_size, shape, generator=generator).to(where)

    def loss(model: nn.Module, ids: Tensor) -> Tensor:
        return cross_entropy(model(ids), ids)

    config = TrainerConfig(max_steps=1, optimizer="muon", learning_rate=1e-3)
    return Trainer(model.to(where), config, draw_batch=draw, loss=loss)
