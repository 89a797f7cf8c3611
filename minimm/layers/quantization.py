"""Weights as small whole numbers: a matrix in a quarter or a fifth of the memory, at a little less precision.

    8 bits, one scale for each output:       w ~ s q             q in -127 .. 127,  s = max|w| / 127
    4 bits, in groups of 32 neighbours:      w ~ a + s q         q in 0 .. 15,  a = min w,  s = (max w - min w) / 15

Only weights are stored so; they become floats again right before they are used, and all sums stay as exact as before. One
token's product reads every weight once and is bound by memory, so fewer bytes are faster, though they must be converted.

Sources: Dettmers et al. 2022, "LLM.int8()", section 2.1, for one scale an output (its "vector-wise" quantisation, of the
weights alone); groups with a scale and a zero point are those of Frantar et al. 2022, "GPTQ", section 4, without its search.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check

GROUP = 32  # neighbours of a row that share a scale, with 4 bits
ROWS_AT_ONCE = 2048  # that become floats together: a piece that fits into the processor's cache
BITS = (4, 8)


class QuantizedMatrix(nn.Module):
    """A matrix (out, in) of whole numbers with their scales; with 4 bits two numbers lie in each byte.

    The parameters do not learn. They are empty until `fill` is called or a file is loaded.

    Args:
        rows, columns: its sides, out and in. bits: 8 or 4; for 4, `columns` must be a multiple of 32.
    """

    def __init__(self, rows: int, columns: int, bits: int) -> None:
        super().__init__()
        check(bits in BITS, f"bits={bits} is not known; weights are stored in 8 or 4 bits")
        check(
            bits == 8 or columns % GROUP == 0,
            f"4 bits need rows that are a multiple of {GROUP} long, but a matrix of this model is ({rows}, {columns}); use 8",
        )
        self.rows, self.columns, self.bits = rows, columns, bits
        if bits == 8:
            tensors = {"values": torch.zeros(rows, columns, dtype=torch.int8), "scale": torch.zeros(rows, 1)}
        else:
            tensors = {"values": torch.zeros(rows, columns // 2, dtype=torch.uint8)}
            tensors |= {name: torch.zeros(rows, columns // GROUP) for name in ("scale", "least")}
        for name, tensor in tensors.items():
            setattr(self, name, nn.Parameter(tensor, requires_grad=False))

    @torch.no_grad()
    def fill(self, weight: Tensor) -> QuantizedMatrix:
        """Take the numbers of `weight` (out, in), rounded to the nearest that can be stored."""
        if self.bits == 8:
            largest = weight.abs().amax(dim=1, keepdim=True)  # (out, 1)
            self.scale.copy_(largest / 127)
            self.values.copy_((weight / self.scale.clamp(min=torch.finfo(torch.float32).tiny)).round())
            return self
        groups = weight.unflatten(1, (-1, GROUP))  # (out, groups, 32)
        self.least.copy_(groups.amin(dim=2))
        self.scale.copy_((groups.amax(dim=2) - self.least) / 15)
        steps = (groups - self.least[..., None]) / self.scale[..., None].clamp(min=torch.finfo(torch.float32).tiny)
        steps = steps.round().to(torch.uint8).flatten(1)  # (out, in), 0 .. 15
        self.values.copy_(steps[:, ::2] | steps[:, 1::2] << 4)
        return self

    def as_floats(self, index: slice | Tensor = slice(None)) -> Tensor:
        """The rows at `index` (...,) as floats (..., in)."""
        values, scale = self.values[index], self.scale[index]
        if self.bits == 8:
            return values * scale
        steps = torch.stack([values & 15, values >> 4], dim=-1).flatten(-2)  # (..., in)
        groups = steps.unflatten(-1, (-1, GROUP)) * scale[..., None] + self.least[index][..., None]
        return groups.flatten(-2)

    def multiply(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """x W^T + bias: (..., in) -> (..., out), some rows of W at a time."""
        parts = []
        for start in range(0, self.rows, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            if self.bits == 8:  # the scale of a row may as well multiply its sum: fewer numbers than the row has
                parts.append(F.linear(x, self.values[rows].to(x.dtype)) * self.scale[rows].T)
            else:
                parts.append(F.linear(x, self.as_floats(rows)))
        product = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        return product if bias is None else product + bias


class QuantizedLinear(nn.Module):
    """x W^T + bias with a `QuantizedMatrix`."""

    def __init__(self, matrix: QuantizedMatrix, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.matrix, self.bias = matrix, bias

    @property
    def weight(self) -> Tensor:
        """W as floats (out, in), made anew each time."""
        return self.matrix.as_floats()

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)"""
        return self.matrix.multiply(x, self.bias)


class QuantizedEmbedding(nn.Module):
    """A table of vectors in a `QuantizedMatrix`, one row for each token."""

    def __init__(self, matrix: QuantizedMatrix) -> None:
        super().__init__()
        self.matrix = matrix

    @property
    def weight(self) -> Tensor:
        """All vectors as floats (V, d), made anew each time."""
        return self.matrix.as_floats()

    def forward(self, ids: Tensor) -> Tensor:
        """(...,) int64 -> (..., d)"""
        return self.matrix.as_floats(ids)


def quantize(model: nn.Module, bits: int) -> None:
    """Put quantised layers in the place of all linear layers and embeddings of `model`; a shared matrix stays shared.

    What is small stays as it is: biases, norms, positions, convolutions.
    """
    check(
        not is_quantized(model), "the model's weights are stored in few bits already; quantise the one it was made from"
    )
    matrices: dict[Tensor, QuantizedMatrix] = {}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) not in (nn.Linear, nn.Embedding):
                continue
            if child.weight not in matrices:
                matrix = QuantizedMatrix(*child.weight.shape, bits).to(child.weight.device)
                matrices[child.weight] = matrix.fill(child.weight)
            matrix = matrices[child.weight]
            new = QuantizedLinear(matrix, child.bias) if type(child) is nn.Linear else QuantizedEmbedding(matrix)
            setattr(parent, name, new)
    check(len(matrices) > 0, "the model has neither linear layers nor embeddings, so there is nothing to quantise")


def is_quantized(model: nn.Module) -> bool:
    """Whether any matrix of the model is stored in few bits; such a model can be used, but not trained."""
    return any(isinstance(module, QuantizedMatrix) for module in model.modules())


def stored_bytes(model: nn.Module) -> int:
    """What the parameters take, each counted once."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
