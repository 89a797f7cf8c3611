"""The linear layer: every output number is a weighted sum of all input numbers, plus a bias.

    y = x W + b

The weight is (D_in, D_out), so that the formula is the code. `torch.nn.Linear` keeps the transpose, (D_out, D_in).
"""

from __future__ import annotations

import numpy as np


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """x (..., D_in), weight (D_in, D_out), bias (D_out,) or None -> (..., D_out)."""
    y = x @ weight  # (..., D_out)
    return y if bias is None else y + bias


def linear_backward(
    grad_output: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of x, weight and bias (None without a bias); grad_output (..., D_out) = g.

    y_j = sum_i x_i W_ij + b_j gives dy_j/dx_i = W_ij, dy_j/dW_ij = x_i and dy_j/db_j = 1, hence

        dx = g W^T        dW = sum over rows of x^T g        db = sum over rows of g

    A row is one vector of the batch. With the rows under each other, x (N, D_in) and g (N, D_out), the sum of N outer
    products x^T g is one matrix product.
    """
    rows = x.reshape(-1, weight.shape[0])  # (N, D_in)
    grad_rows = grad_output.reshape(-1, weight.shape[1])  # (N, D_out)
    grad_bias = None if bias is None else grad_rows.sum(axis=0)
    return grad_output @ weight.T, rows.T @ grad_rows, grad_bias
