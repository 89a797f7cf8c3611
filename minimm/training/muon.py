"""Muon: momentum, then every singular value of the step set to about one (Jordan et al. 2024, "Muon: an optimizer for
hidden layers in neural networks").

A gradient matrix G = U S V^T is mostly a few strong directions; stepping along U V^T instead moves all directions
equally far. U V^T is found without a decomposition by the Newton-Schulz iteration

    X <- a X + (b A + c A^2) X,   A = X X^T,   (a, b, c) = (3.4445, -4.7750, 2.0315),

five times from X = G / |G|: an odd polynomial acts on the singular values alone, and this one drives them towards one.
It is for the matrices of the blocks; embeddings, gains and biases are left to AdamW.
"""

from __future__ import annotations

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95
RATIO_TO_ADAMW = (
    5.0  # Muon's learning rate for the same --learning-rate: its steps have a fixed size, AdamW's entries do
)


def orthogonalize(matrices: Tensor) -> Tensor:
    """(n, rows, columns) -> the same shape with singular values near one (between 0.7 and 1.2)."""
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.transpose(1, 2)  # the smaller X X^T
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.transpose(1, 2)
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)  # b A + c A^2
        x = torch.baddbmm(x, polynomial, x, beta=a)
    x = x.to(matrices.dtype)  # under autocast the products are in bfloat16
    return x if matrices.shape[1] <= matrices.shape[2] else x.transpose(1, 2)


def orthogonalize_operations(rows: int, columns: int) -> int:
    """Multiplications and additions in the products of `orthogonalize` for one matrix: A, c A^2 and A X, each time."""
    n, m = min(rows, columns), max(rows, columns)
    return ITERATIONS * 2 * (n * n * m + n**3 + n * n * m)


class Muon(torch.optim.Optimizer):
    """Muon for `matrices`, and `adamw` for what it was built with; one `step`, one `state`.

    Args:
        matrices: parameters (rows, columns). adamw: the optimizer of all other parameters.
        learning_rate: AdamW's; Muon's is `RATIO_TO_ADAMW` times that. weight_decay: as in AdamW.
    """

    def __init__(
        self, matrices: list[Tensor], adamw: torch.optim.AdamW, learning_rate: float, weight_decay: float
    ) -> None:
        super().__init__([{"params": matrices}], {"lr": RATIO_TO_ADAMW * learning_rate, "weight_decay": weight_decay})
        self.adamw = adamw
        self.own_group = self.param_groups[0]
        self.param_groups = [*self.param_groups, *adamw.param_groups]  # one schedule drives them all
        self.state = adamw.state
        shapes: dict[torch.Size, list[Tensor]] = {}
        for matrix in matrices:
            shapes.setdefault(matrix.shape, []).append(matrix)
        self.batches = list(shapes.values())  # matrices of one shape are orthogonalized together

    @torch.no_grad()
    def step(self) -> None:
        """One step along every gradient; parameters must all have one."""
        self.adamw.step()
        rate, decay = self.own_group["lr"], self.own_group["weight_decay"]
        for matrices in self.batches:
            directions = orthogonalize(torch.stack([self._look_ahead(matrix) for matrix in matrices]))
            rows, columns = matrices[0].shape
            scale = max(1.0, rows / columns) ** 0.5  # the same root-mean-square change whatever the shape
            for matrix, direction in zip(matrices, directions, strict=True):
                matrix.mul_(1.0 - rate * decay).add_(direction, alpha=-rate * scale)

    def _look_ahead(self, matrix: Tensor) -> Tensor:
        """Nesterov's momentum: the mean gradient so far, moved once more towards the present one."""
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        momentum = state["momentum"].lerp_(matrix.grad, 1.0 - MOMENTUM)
        return matrix.grad.lerp(momentum, MOMENTUM)
