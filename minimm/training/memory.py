"""What training holds in memory: weights, gradients, the optimizer's averages, and what going back needs from going forward.

The last, the activations, is counted and not derived: autograd says what it saves. Layers are alike and texts are, so from one
or two more of each follows what any number keeps, without building it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from minimm.errors import MinimmError
from minimm.layers.dropout import seed_dropout
from minimm.layers.initialization import initialize
from minimm.layers.recompute import set_recompute
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
            alive.append(tensor.detach())
        return tensor.detach()  # with its history, an operation that saves its own result would hold itself for ever

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss()
    return sum(kept.values())


def peak_bytes(held: dict[str, int]) -> int:
    """What a process takes in training that holds `held`, parts as in `training_bytes`, with what comes and goes, foretold."""
    return sum(held.values()) + MOMENTARY_SHARE * held["activations"] + PROCESS_BYTES


def activation_bytes(
    config: LanguageModelConfig, batch: int, length: int, precision: torch.dtype, recompute: bool = False
) -> int:
    """What a step on `batch` texts of `length` tokens keeps for the way back, on a CPU.

    With `recompute`, blocks keep their inputs, and one block at a time all that it has computed again.
    """

    def in_layers(recompute: bool) -> tuple[int, int]:
        """Of the whole batch: what is outside of the blocks, and what one block keeps."""
        least = 1 if batch <= 2 else 2  # a single text is read where it lies, and needs fewer copies
        sizes = [
            _saved(replace(config, num_layers=layers), texts, length, precision, recompute)
            for layers in (1, 2)
            for texts in (least, least + 1)
        ]
        one, two = (first + (batch - least) * (second - first) for first, second in (sizes[:2], sizes[2:]))
        return 2 * one - two, two - one

    outside, block = in_layers(recompute)
    return outside + config.num_layers * block + (in_layers(False)[1] if recompute else 0)


def training_bytes(
    config: LanguageModelConfig, batch: int, length: int, precision: torch.dtype, recompute: bool = False
) -> dict[str, int]:
    """By part. Weights, gradients and AdamW's two averages of each are float32 whatever the precision of the products."""
    weights = 4 * sum(count_parameters(config).values())
    return {
        "weights": weights,
        "gradients": weights,
        "optimizer": 2 * weights,
        "activations": activation_bytes(config, batch, length, precision, recompute),
    }


def _saved(
    config: LanguageModelConfig, batch: int, length: int, precision: torch.dtype, recompute: bool = False
) -> int:
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), config.num_layers)
    seed_dropout(model, 0)
    set_recompute(model, recompute)
    ids = torch.zeros(batch, length, dtype=torch.long)

    def loss() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            return cross_entropy(model(ids), ids)

    return saved_bytes(model, loss)


SHORTAGES = ("DefaultCPUAllocator", "CUDA error: out of memory", "STATUS_ALLOC_FAILED", "MPS backend out of memory")


def is_shortage(error: Exception) -> bool:
    """Whether this is what Python, NumPy or PyTorch raises when there is not enough memory, on a GPU or on a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(words in str(error) for words in SHORTAGES)


@contextmanager
def shortage_explained(model: nn.Module, batch: tuple[int, int] | None = None) -> Iterator[None]:
    """Inside, where `model` is trained, a shortage of memory becomes a `MinimmError`: what takes how much, and what to lower.

    Args:
        batch: of a `LanguageModel`, (texts at once, tokens of each).
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_shortage(error):
            raise
        raise MinimmError(_explain(model, batch)) from None


def _explain(model: nn.Module, batch: tuple[int, int] | None) -> str:
    count = sum(parameter.numel() for parameter in model.parameters())
    fixed = f"weights, gradients and averages of {count / 1e6:.1f} million numbers take {_megabytes(16 * count)}"
    if batch is None or not isinstance(model, LanguageModel):
        return (
            f"there is not enough memory: {fixed}, and what a batch keeps for the way back takes more than is left; lower "
            "--batch-size (raise --accumulation as much: much the same result), choose --recompute, or a smaller model"
        )
    texts, length = batch
    kept, less = (activation_bytes(model.config, texts, length, torch.float32, again) for again in (False, True))
    what = "--d-model or --num-layers" if 16 * count > kept else "--batch-size" if texts > 1 else "--context-length"
    return (
        f"there is not enough memory: {fixed}, and {texts} texts of {length} tokens keep {_megabytes(kept)} for the way back "
        f"({_megabytes(less)} with --recompute); lower {what} first"
        + (" (raise --accumulation as much, and the result stays the same)" if what == "--batch-size" else "")
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
