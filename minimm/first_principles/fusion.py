"""Two ways in which one thing may enter another: multiplied number by number, or added through a gate.

    low-rank bilinear    z = ((x U) * (y V)) P        z_k = sum_ij x_i W_ijk y_j   with   W_ijk = sum_r U_ir V_jr P_rk
    gated residual       z = x + tanh(a) y            a one number, 0 at first: then y is not heard

A bilinear map lets every number of x meet every number of y. The tensor W of all these meetings has d_x d_y d_z entries; of
rank R it is made of three matrices with (d_x + d_y + d_z) R entries, and is never built. The gate lets something new be put
into a model that already works without spoiling it: it starts as if it were not there and opens as far as it helps.

Sources: Kim et al. 2017, "Hadamard product for low-rank bilinear pooling", eq. 1 to 3 without the bias; Alayrac et al. 2022,
"Flamingo", section 2.2 and figure 4.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.linear import linear, linear_backward


def low_rank_bilinear(x: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray, p: np.ndarray) -> np.ndarray:
    """x (..., d_x), y (..., d_y), u (d_x, R), v (d_y, R), p (R, d_z) -> (..., d_z)."""
    return linear(linear(x, u) * linear(y, v), p)


def low_rank_bilinear_backward(
    grad_output: np.ndarray, x: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray, p: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, y, u, v, p; grad_output (..., d_z) = g.

    With a = x U and b = y V, each entry of the product h = a * b has the slopes dh/da = b and dh/db = a: what one side gets
    back is weighted by the other. The rest are three linear layers:

        dh = g P^T     da = dh * b     db = dh * a     dx = da U^T     dy = db V^T
    """
    a, b = linear(x, u), linear(y, v)  # (..., R)
    grad_product, grad_p, _ = linear_backward(grad_output, a * b, p)
    grad_x, grad_u, _ = linear_backward(grad_product * b, x, u)
    grad_y, grad_v, _ = linear_backward(grad_product * a, y, v)
    return grad_x, grad_y, grad_u, grad_v, grad_p


def gated_residual(x: np.ndarray, added: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """x (...) and added (...), gate () -> (...)."""
    return x + np.tanh(gate) * added


def gated_residual_backward(
    grad_output: np.ndarray, x: np.ndarray, added: np.ndarray, gate: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, added and gate; grad_output (...) = g.

    With t = tanh(a), whose slope is 1 - t^2:

        dx = g     d_added = t g     da = (1 - t^2) sum(g * added)

    At a = 0 nothing reaches `added`, but the gate itself has its full slope: it opens first, in the direction that helps,
    and only then do the weights behind it learn.
    """
    t = np.tanh(gate)
    return grad_output, t * grad_output, (1 - t * t) * np.sum(grad_output * added)
