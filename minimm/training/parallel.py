"""How one model lies in several processes, by PyTorch's engine.

Data parallel (Li et al. 2020, "PyTorch distributed"): each process holds the whole model, and gradients are averaged while
they are being computed. Sharded (Rajbhandari et al. 2020, "ZeRO"; PyTorch's FSDP2): each process holds a part of every weight,
of its gradient and of the optimizer's averages; a block's weights are put together when it is their turn, and let go. That is
slower, and lets a model grow beyond what one device can hold.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from minimm.layers.dropout import seed_dropout
from minimm.layers.transformer_block import TransformerBlock
from minimm.training.compiling import with_compiled_blocks
from minimm.training.distributed import sharing, whole, world_size


class Whole(nn.Module):
    """A model as PyTorch's engine wants it: one module, called once for whatever is done with the model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, do: Callable[[nn.Module], Any]) -> Any:
        """do(model)"""
        return do(self.model)


class Learner:
    """What learns: `model` itself, alone or averaging its gradients with the other processes; or, `sharded`, its double.

    The double's weights lie in parts on all devices, and are copied into `model` by `finish`; meanwhile `model` itself waits
    in the memory of the CPU.
    """

    def __init__(
        self, model: nn.Module, loss: Callable[[nn.Module, Any], Tensor], sharded: bool, compiled: bool
    ) -> None:
        self.original, self.sharded = model, sharded
        self.model = _shard(copy.deepcopy(model)) if sharded else model
        self._loss = with_compiled_blocks(self.model, loss) if compiled else loss
        self._whole: nn.Module = Whole(self.model)
        if sharded:
            from torch.distributed.fsdp import fully_shard

            fully_shard(self._whole, mesh=_mesh(model))
            model.cpu()

    def prepare(self, batch: Any) -> None:
        """Meet the other processes, before the first step; `batch` is like those to come and is only looked at."""
        if self.sharded or world_size() == 1:
            return
        trial = copy.deepcopy(self.model).train()
        seed_dropout(trial, 0)
        with sharing():
            self._loss(trial, batch).backward()
        # What a step does not use, such as the eyes of a blind model, gets no gradient, and must not be waited for.
        is_unused = any(parameter.grad is None for parameter in trial.parameters() if parameter.requires_grad)
        whole = Whole(self.model)
        buffers = [name for name, _ in whole.named_buffers()]  # masks and tables, everywhere the same
        nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(whole, buffers)
        self._whole = nn.parallel.DistributedDataParallel(whole, find_unused_parameters=is_unused)

    def loss(self, batch: Any, last: bool = True) -> Tensor:
        """The mean loss; gradients are averaged over the processes when it is the `last` batch of a step."""
        if self.sharded:
            self._whole.set_requires_gradient_sync(last)
        elif world_size() > 1:
            self._whole.require_backward_grad_sync = last  # what `no_sync` sets
        return self._whole(lambda model: self._loss(model, batch))

    def measure(self, do: Callable[[nn.Module], float]) -> float:
        """do(model), without going back."""
        if not self.sharded:
            return do(self.model)
        value = self._whole(do)
        self._whole.reshard()
        return value

    @torch.no_grad()
    def finish(self, device: torch.device) -> None:
        """Bring what was learned back into the model that was given."""
        if self.sharded:
            for parameter, learned in zip(self.original.parameters(), self.model.parameters(), strict=True):
                parameter.copy_(whole(learned))
            self.original.to(device)


def _shard(model: nn.Module) -> nn.Module:
    """`model`, each of its blocks a unit. A block that looks at a memory is none, for its keys are computed outside; it is put
    together with the rest.
    """
    from torch.distributed.fsdp import fully_shard

    for block in model.modules():
        if isinstance(block, TransformerBlock) and block.cross_attention is None:
            fully_shard(block, mesh=_mesh(model))
    return model


def _mesh(model: nn.Module) -> Any:
    """All processes in one row."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(next(model.parameters()).device.type, (world_size(),))
