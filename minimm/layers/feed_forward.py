"""The feed-forward part of a block: each position on its own goes through a wider layer and back.

- GELU: act(x W_up) W_down with act(x) = x * Phi(x)   (Hendrycks & Gimpel 2016; Phi is the normal distribution function).
  "gelu_tanh" is GPT-2's approximation of it, Phi(x) ~ (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
- SwiGLU: (silu(x W_gate) * (x W_up)) W_down with silu(x) = x * sigmoid(x)   (Shazeer 2020, eq. 6): one product decides
  how much of the other passes.

`gelu` and `silu` are the formulas. The modules call PyTorch's fused kernels of the same functions, which read and write
the numbers once instead of four times; a test holds them equal in value and gradient.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check


def gelu(x: Tensor) -> Tensor:
    """x * Phi(x): the exact form with the error function, not the tanh approximation."""
    return 0.5 * x * (1.0 + torch.erf(x / math.sqrt(2.0)))


def silu(x: Tensor) -> Tensor:
    """x * sigmoid(x), also called swish."""
    return x * torch.sigmoid(x)


class GELUFeedForward(nn.Module):
    """(..., d_model) -> (..., d_ff) -> GELU, exact or by tanh -> (..., d_model)."""

    def __init__(self, d_model: int, d_ff: int, *, bias: bool = False, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_model) -> (..., d_model)"""
        return self.down(F.gelu(self.up(x), approximate=self.approximate))


class SwiGLUFeedForward(nn.Module):
    """(..., d_model) -> gate and value, (..., d_ff) each -> silu(gate) * value -> (..., d_model)."""

    def __init__(self, d_model: int, d_ff: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_model) -> (..., d_model)"""
        return self.down(F.silu(self.gate(x)) * self.up(x))


def default_d_ff(name: str, d_model: int) -> int:
    """4 x d_model for GELU. SwiGLU has three matrices instead of two, so 8/3 x d_model costs the same; rounded up to 32."""
    return 32 * math.ceil(8 * d_model / 3 / 32) if name == "swiglu" else 4 * d_model


FEED_FORWARDS = {
    "gelu": GELUFeedForward,
    "gelu_tanh": partial(GELUFeedForward, approximate="tanh"),
    "swiglu": SwiGLUFeedForward,
}


def build_feed_forward(name: str, d_model: int, d_ff: int | None = None, *, bias: bool = False) -> nn.Module:
    """ "gelu" or "gelu_tanh" -> `GELUFeedForward`, "swiglu" -> `SwiGLUFeedForward`; `d_ff` None takes `default_d_ff`."""
    check(name in FEED_FORWARDS, f"feed_forward={name!r} is not known; choose from {sorted(FEED_FORWARDS)}")
    return FEED_FORWARDS[name](d_model, default_d_ff(name, d_model) if d_ff is None else d_ff, bias=bias)
