"""Several processes train one model: `torchrun --nproc-per-node 2 -m minimm train language-model --text book.txt`.

Every process draws the same batch, from the same seed, and learns from its own rows of it:

    loss = sum of the surprises of all processes / number of all targets        gradient = the mean of their gradients

So a batch gives the same loss and the same step on one process and on eight, no row is learned from twice, and a run may go
on with another number of processes. What is random inside a step (dropout, blanked-out bands of recordings) is drawn by each
process for its own rows, and there alone a run differs with their number.

torchrun starts the processes and tells each its number in the environment; alone, a process is number 0 of 1, and nothing
here does anything. Only the first writes files (`files.py`). PyTorch's engine moves the numbers: gloo between CPUs, NCCL
between GPUs.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from minimm.errors import MinimmError, check

PATIENCE = timedelta(minutes=5)  # how long one process waits for the others before it gives up
_sharing = False  # True while a batch is learned from, of which each process has a part


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes torchrun has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join(device: torch.device) -> None:
    """Meet the other processes, once; nothing to do alone."""
    if world_size() > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        atexit.register(dist.destroy_process_group)


def part_of(batch: Any) -> Any:
    """This process's rows of a batch: of each tensor, array and list in it, however they are put together.

    Raises `MinimmError` where the rows cannot be shared evenly.
    """
    if world_size() == 1:
        return batch
    if isinstance(batch, Mapping):
        return {name: part_of(value) for name, value in batch.items()}
    if is_dataclass(batch):
        return replace(batch, **{field.name: part_of(getattr(batch, field.name)) for field in fields(batch)})
    if isinstance(batch, tuple):
        parts = [part_of(value) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
    if not isinstance(batch, Tensor | np.ndarray | list):
        return batch  # a generator, a number: the same for all
    size = world_size()
    check(
        len(batch) >= size and len(batch) % size == 0,
        f"a batch of {len(batch)} cannot be shared evenly among {size} processes; choose a batch size that is a multiple of "
        f"{size}, such as {max(1, round(len(batch) / size)) * size}, or start another number of processes",
    )
    rows = len(batch) // size
    return batch[rank() * rows : (rank() + 1) * rows]


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Inside, `mean_of_all` counts what all processes have; only where each of them has a part of one batch."""
    global _sharing
    before, _sharing = _sharing, world_size() > 1
    try:
        yield
    finally:
        _sharing = before


def mean_of_all(total: Tensor, count: Tensor) -> Tensor:
    """total / count, and while `sharing` what makes the mean over the processes the mean over all that they count.

    Args:
        total, count: scalars, of what this process has.
    """
    if _sharing:
        count = count.to(total.dtype)
        dist.all_reduce(count)
        return total * world_size() / count.clamp(min=1)
    return total / count.clamp(min=1)


def rows_of_all(x: Tensor) -> Tensor:
    """x (N, ...) -> (N * processes, ...), those of all processes in order, through which gradients flow; while `sharing`.

    Where the second axis is longer elsewhere, as padded texts are, zeros are added behind.
    """
    if not _sharing:
        return x
    from torch.distributed.nn.functional import all_gather

    if x.ndim > 1:
        longest = torch.tensor(x.shape[1], device=x.device)
        dist.all_reduce(longest, dist.ReduceOp.MAX)
        x = torch.nn.functional.pad(x, (0, 0) * (x.ndim - 2) + (0, int(longest) - x.shape[1]))
    if x.is_floating_point():
        with warnings.catch_warnings():  # its successor is not in every version of PyTorch that minimm runs with
            warnings.simplefilter("ignore", FutureWarning)
            return torch.cat(all_gather(x.contiguous()))
    sent = x.long().contiguous()  # the engines move no bool
    parts = [torch.empty_like(sent) for _ in range(world_size())]
    dist.all_gather(parts, sent)
    return torch.cat(parts).to(x.dtype)


def mean_numbers(numbers: Sequence[float], device: torch.device) -> list[float]:
    """Each number's mean over the processes."""
    if world_size() == 1:
        return list(numbers)
    shared = torch.tensor(numbers, dtype=torch.float64, device=device)
    dist.all_reduce(shared)
    return (shared / world_size()).tolist()


def as_the_first(value: Any) -> Any:
    """What the first process has here, in every process: a choice that all must make alike."""
    if world_size() == 1:
        return value
    found = [value]
    dist.broadcast_object_list(found)
    return found[0]


def first_alone(do: Callable[[], None]) -> None:
    """Let the first process do something while the others wait; a `MinimmError` that ends it is raised in all of them."""
    error = None
    if rank() == 0:
        try:
            do()
        except MinimmError as raised:
            error = raised
    error = as_the_first(error)
    if error is not None:
        raise error


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which every process holds a part, put together in each; any other as it is. All must call it together."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def part_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """A whole tensor as `parameter` lies in the processes: in the same parts, if it is in parts."""
    if not hasattr(parameter, "full_tensor"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(parameter.device), parameter.device_mesh, parameter.placements)


def check_alike(things: Mapping[str, Any]) -> None:
    """Make sure that all processes have the same of each of `things`, or say which differ: they would learn nonsense."""
    mine = {name: _digest(thing) for name, thing in things.items()}
    found: list[Any] = [None] * world_size()
    dist.all_gather_object(found, mine)
    for other, theirs in enumerate(found):
        differing = [name for name in mine if theirs[name] != found[0][name]]
        check(
            not differing,
            f"process {other} has other {' and '.join(differing)} than process 0; start all of them with the same files, "
            "options and version of minimm",
        )


def is_lost(error: RuntimeError) -> bool:
    """Whether this is what PyTorch raises when another process has ended."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def own_code() -> bytes:
    """The source of minimm, all files one after the other, by which two versions are told apart."""
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py")))


def _digest(thing: Any) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(thing):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(thing: Any) -> Iterator[bytes]:
    """Bytes that say what is in `thing`."""
    if isinstance(thing, bytes):
        yield thing
    elif isinstance(thing, Tensor):
        yield from _pieces(thing.detach().cpu().numpy())
    elif isinstance(thing, np.ndarray):
        yield f"{thing.dtype}{thing.shape}".encode()
        yield np.ascontiguousarray(thing).tobytes()
    elif isinstance(thing, Mapping):
        yield from _pieces(list(thing.items()))
    elif is_dataclass(thing):
        yield from _pieces([getattr(thing, field.name) for field in fields(thing)])
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from _pieces(value)
    elif not isinstance(thing, torch.Generator):
        yield repr(thing).encode()
