"""Normalisation: bring every position's vector back to one scale, so that depth neither blows it up nor lets it fade.

- LayerNorm: (x - mean) / sqrt(variance + eps) * gain + bias   (Ba, Kiros & Hinton 2016, eq. 4)
- RMSNorm: x / sqrt(mean(x^2) + eps) * gain                    (Zhang & Sennrich 2019, eq. 4): no mean, no bias, cheaper

Both work on the last axis alone: what stands at other positions, or in other rows of the batch, changes nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import MinimmError, check


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """x (..., d_model) with mean 0 and variance 1 along the last axis, then scaled by `gain` and shifted by `bias`."""
    _check_width(x, gain, bias)
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = (centred * centred).mean(dim=-1, keepdim=True)  # biased, as in the paper: divided by d_model
    return centred * torch.rsqrt(variance + eps) * gain + bias


def rms_norm(x: Tensor, gain: Tensor, eps: float = 1e-6) -> Tensor:
    """x (..., d_model) with root mean square 1 along the last axis, then scaled by `gain`."""
    _check_width(x, gain)
    mean_square = (x * x).mean(dim=-1, keepdim=True)
    return x * torch.rsqrt(mean_square + eps) * gain


def _check_width(x: Tensor, *vectors: Tensor) -> None:
    """Raise unless each of `vectors` has one number for each of x's; a single one would be stretched without a word."""
    for vector in vectors:
        if vector.shape != x.shape[-1:]:  # not `check`: its sentence would be written for every token and layer
            raise MinimmError(
                f"gain and bias must be ({x.shape[-1]},) for x {tuple(x.shape)}, but one is {tuple(vector.shape)}; give x "
                "the width that the norm was built for"
            )


class LayerNorm(nn.Module):
    """`layer_norm` with learned gain and bias, (d_model,) each, by the fused kernel; a test holds them equal."""

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_model) -> (..., d_model)"""
        return F.layer_norm(x, self.gain.shape, self.gain, self.bias, self.eps)


class _RMSNorm(torch.autograd.Function):
    """`rms_norm` with its gradient by hand, half the passes over memory that autograd needs.

    With n = x r, r = 1 / sqrt(mean(x^2) + eps) and y = n * gain:  d_gain = sum(d_y * n)  and
    d_x = r (d_y * gain - n mean(d_y * gain * n)), since dr/dx = -r^3 x / d_model.
    """

    @staticmethod
    def forward(ctx, x: Tensor, gain: Tensor, eps: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        r = torch.rsqrt(length * length / x.shape[-1] + eps)  # (..., 1)
        normalized = x * r
        ctx.save_for_backward(normalized, r, gain)
        return normalized * gain

    @staticmethod
    def backward(ctx, gradient: Tensor):
        normalized, r, gain = ctx.saved_tensors
        product = gradient * normalized
        mean = (product @ gain / gain.shape[0]).unsqueeze(-1)  # (..., 1)
        x_gradient = (gradient * gain).addcmul_(normalized, mean, value=-1.0).mul_(r)
        return x_gradient, product.reshape(-1, gain.shape[0]).sum(dim=0), None


class RMSNorm(nn.Module):
    """`rms_norm` with a learned gain, (d_model,); computed by `_RMSNorm`, which a test holds equal to the formula."""

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_model) -> (..., d_model)"""
        _check_width(x, self.gain)
        return _RMSNorm.apply(x, self.gain, self.eps)


NORMALIZATIONS = {"layer": LayerNorm, "rms": RMSNorm}


def build_normalization(name: str, d_model: int, eps: float | None = None) -> nn.Module:
    """ "layer" -> `LayerNorm`, "rms" -> `RMSNorm`; `eps` None takes the usual 1e-5 or 1e-6."""
    check(name in NORMALIZATIONS, f"normalization={name!r} is not known; choose from {sorted(NORMALIZATIONS)}")
    check(eps is None or 0.0 < eps < 1.0, f"norm_eps={eps} must be a small number above 0, such as 1e-5")
    return NORMALIZATIONS[name](d_model) if eps is None else NORMALIZATIONS[name](d_model, eps)
