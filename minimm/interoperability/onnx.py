"""A model as an ONNX graph: one file of named operations that runs wherever there is an ONNX runtime, without PyTorch.

A graph is recorded by running the model once on made-up inputs. What the model decides in Python (`if length > 1`) is
decided then, once and for all, and a size that should stay free has to be declared. So every graph here is a module that
takes and gives nothing but tensors, beside a list of `Port`s that say which sizes are free; `onnx_models.py` has them.

Source: https://github.com/onnx/onnx/blob/main/docs/IR.md; the recording is PyTorch's (`torch.onnx.export`, by
`torch.export`).
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.files import write_atomically
from minimm.layers.quantization import is_quantized

PACKAGES = ("onnx", "onnxscript")  # what PyTorch needs to write a graph; `onnxruntime` runs it
OLDEST_TORCH = (2, 7)  # the first whose recording lets sizes be free by name
FIRST_FREE_SIZE = 2  # the recording takes sizes of 0 and 1 for fixed ones


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    dtype: "int64", "float32" or "bool". shape: numbers where a size is fixed, words where it is free; equal words of one
    graph's inputs mean equal sizes.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Graph:
    """A module from a list of tensors to a tuple of tensors, and what goes in and comes out, in this order."""

    module: nn.Module
    inputs: Sequence[Port]
    outputs: Sequence[Port]

    def describe(self) -> dict[str, Any]:
        """The ports, as JSON values."""
        return {"inputs": [asdict(port) for port in self.inputs], "outputs": [asdict(port) for port in self.outputs]}


def _check_exportable(model: nn.Module) -> None:
    check(
        torch.__version__ >= OLDEST_TORCH,
        f"to write ONNX graphs PyTorch 2.7 or newer is needed, but this is {torch.__version__}; "
        "run: pip install --upgrade 'torch>=2.7,<2.14'",
    )
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    check(
        not missing,
        f"to write ONNX graphs PyTorch needs {' and '.join(missing)}, not installed here; run: pip install 'minimm[onnx]'",
    )
    check(
        not is_quantized(model),
        "weights in few bits cannot be exported to ONNX; export the model that it was made from",
    )


def save_graph(graph: Graph, path: Path) -> None:
    """Record `graph`, whose weights must be on the CPU, and write it with them into the file `path`.

    Raises `MinimmError` where a package is missing or PyTorch too old, when the weights are stored in few bits, or for a
    full disk.
    """
    _check_exportable(graph.module)
    module = graph.module.eval()
    with torch.no_grad(), _quietly():
        program = torch.onnx.export(
            module,
            (list(_made_up(graph.inputs)),),
            dynamo=True,
            verbose=False,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
            dynamic_shapes=([_free_sizes(port) for port in graph.inputs],),
        )
    for node in program.model.graph:  # where in which file of this machine each came from: as large as a small model
        node.metadata_props.clear()
    write_atomically(path, program.save)


def _made_up(ports: Sequence[Port]) -> Iterator[Tensor]:
    """Inputs to record with: every free size another number, so that none is taken for another."""
    free = list(dict.fromkeys(size for port in ports for size in port.shape if isinstance(size, str)))
    for port in ports:
        shape = [size if isinstance(size, int) else FIRST_FREE_SIZE + free.index(size) for size in port.shape]
        yield torch.ones(shape, dtype=getattr(torch, port.dtype))


def _free_sizes(port: Port) -> dict[int, str]:
    """Axis -> the name of its size."""
    return {axis: size for axis, size in enumerate(port.shape) if isinstance(size, str)}


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the recorder's remarks about packages that this project does not use and its own old calls."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
