"""What training holds in memory: weights, gradients, the optimizer's averages, and what going back needs from going forward.

The last, the activations, is counted and not derived: autograd says what it saves. Layers are alike and texts are, so from one
and two of each follows what any number keeps, without building it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from minimm.layers.initialization import initialize
from minimm.models.cost import count_parameters
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.losses import cross_entropy

PROCESS_BYTES = 350_000_000  # of Python, PyTorch and what they load, before the first step: 340 to 370 MB were measured
# What comes and goes in a step, as a share of the activations: their gradients, products under way, memory that was freed but
# not given back. On a CPU 1.2 to 3.2 were measured. Evaluation and figures after training can take some 150 MB more.
MOMENTARY_SHARE = 3


def saved_bytes(model: nn.Module, loss: Callable[[], Tensor]) -> int:
    """Bytes that autograd keeps while `loss()` is computed, those of the parameters left out; shared memory counts once."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}
    alive = []  # so that no address is given to two tensors

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss()
    return sum(kept.values())


def peak_bytes(held: dict[str, int]) -> int:
    """What a process takes in training that holds `held`, parts as in `training_bytes`, with what comes and goes, foretold."""
    return sum(held.values()) + MOMENTARY_SHARE * held["activations"] + PROCESS_BYTES


def activation_bytes(config: LanguageModelConfig, batch: int, length: int, precision: torch.dtype) -> int:
    """What a step on `batch` texts of `length` tokens keeps for the way back, on a CPU."""

    def saved(texts: int) -> int:
        one, two = (_saved(replace(config, num_layers=layers), texts, length, precision) for layers in (1, 2))
        return one + (config.num_layers - 1) * (two - one)

    one, two = saved(1), saved(2)
    return one + (batch - 1) * (two - one)


def training_bytes(config: LanguageModelConfig, batch: int, length: int, precision: torch.dtype) -> dict[str, int]:
    """By part. Weights, gradients and AdamW's two averages of each are float32 whatever the precision of the products."""
    weights = 4 * sum(count_parameters(config).values())
    return {
        "weights": weights,
        "gradients": weights,
        "optimizer": 2 * weights,
        "activations": activation_bytes(config, batch, length, precision),
    }


def _saved(config: LanguageModelConfig, batch: int, length: int, precision: torch.dtype) -> int:
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), config.num_layers)
    ids = torch.zeros(batch, length, dtype=torch.long)

    def loss() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            return cross_entropy(model(ids), ids)

    return saved_bytes(model, loss)
