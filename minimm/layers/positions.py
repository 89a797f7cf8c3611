"""Positions: attention alone cannot tell "dog bites man" from "man bites dog", so order is written into the vectors.

Three ways, in the order the field found them:
- learned: one trainable vector a position, added to the embedding (GPT-2, BERT);
- sinusoidal: fixed waves of many lengths, added to the embedding (Vaswani et al. 2017, section 3.5);
- rotary: queries and keys are turned by an angle proportional to their position, so that their dot product depends on
  the distance alone (Su et al. 2021, "RoFormer", eq. 34; halves paired as in Llama).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import MinimmError, check

KINDS = ("learned", "sinusoidal", "rotary")


def check_positions(name: str) -> None:
    """Raise a `MinimmError` that lists the three unless `name` is one of them."""
    check(name in KINDS, f"positions={name!r} is not known; choose from {KINDS}")


def sinusoidal_positions(length: int, d_model: int) -> Tensor:
    """(T, d_model): column 2i is sin(t / 10000^(2i/d_model)), column 2i+1 the cosine of the same angle."""
    check(
        d_model >= 2 and d_model % 2 == 0,
        f"sines and cosines come in pairs, so d_model must be even, but it is {d_model}",
    )
    # In float64 until the end: float32 keeps seven digits, so the angle of position 5000 would be off by 1e-4.
    position = torch.arange(length, dtype=torch.float64)[:, None]  # (T, 1)
    wavelength = 10000.0 ** (torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)  # (d_model / 2,)
    angle = position / wavelength  # (T, d_model / 2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2).float()  # interleaved: (T, d_model)


class PositionTable(nn.Module):
    """Adds row t of a table to the embedding at position t; the table is learned, or the fixed sinusoids."""

    def __init__(self, context_length: int, d_model: int, *, learned: bool) -> None:
        super().__init__()
        if learned:
            self.table = nn.Parameter(torch.empty(context_length, d_model))  # filled by `initialize`
        else:  # a buffer follows .to(device); it is neither trained nor saved
            self.register_buffer("table", sinusoidal_positions(context_length, d_model), persistent=False)

    def forward(self, x: Tensor, positions: Tensor | slice) -> Tensor:
        """x (B, T, d_model) plus the rows for `positions`, a slice of length T, (T,) or (B, T)."""
        rows = self.table[positions]
        _check_rows(x, rows)
        return x + rows.to(x.dtype)


def _check_rows(x: Tensor, rows: Tensor) -> None:
    """Raise unless there is one row for each of x's positions; a single one would be stretched without a word."""
    if rows.shape[-2:] != x.shape[-2:]:  # not `check`: its sentence would be written for every token and layer
        raise MinimmError(
            f"x {tuple(x.shape)} needs positions (T, D) = {tuple(x.shape[-2:])}, but there are {tuple(rows.shape[-2:])}; "
            "x may be longer than the context, or of another width"
        )


class RotaryPositions(nn.Module):
    """cos and sin of t * base^(-2i/D) for every position t and pair i, looked up once a forward pass.

    Args:
        context_length: how many positions the table holds.
        d_head: D, the size of one head; even.
        base: the longest wavelength is about 2 pi * base positions.
    """

    def __init__(self, context_length: int, d_head: int, base: float = 10000.0) -> None:
        super().__init__()
        check(
            d_head % 2 == 0,
            f"rotary positions turn pairs of numbers, so the head size must be even, but it is {d_head}",
        )
        frequency = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)  # (D / 2,)
        angle = torch.arange(context_length, dtype=torch.float64)[:, None] * frequency  # (T, D / 2)
        # The first half of a head is paired with the second, so both halves get the same angle; the minus sign of
        # the rotation is kept in the sine table.
        self.register_buffer("cos", torch.cat([angle.cos(), angle.cos()], dim=-1).float(), persistent=False)
        self.register_buffer("sin", torch.cat([-angle.sin(), angle.sin()], dim=-1).float(), persistent=False)

    def forward(self, positions: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Rows for `positions` (a slice, (T,) or (B, T)): cos and sin, each (..., T, D)."""
        return self.cos[positions], self.sin[positions]


class _Rotation(torch.autograd.Function):
    """Turning is linear and keeps lengths, so the gradient is turned back: the same rotation with the sine negated."""

    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        half = x.shape[-1] // 2
        swapped = torch.cat([x[..., half:], x[..., :half]], dim=-1)  # the halves change places: (b, a)
        return (x * cos).addcmul_(swapped, sin)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        cos, sin = ctx.saved_tensors
        return _Rotation.apply(gradient, cos, -sin), None, None


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x_i, x_{i + D/2}) of x (..., D) by its angle. Lengths do not change, only directions.

    (a, b) -> (a cos - b sin, b cos + a sin); `cos` and `sin` come from `RotaryPositions` and broadcast against x.
    """
    _check_rows(x, cos)
    return _Rotation.apply(x, cos.to(x.dtype), sin.to(x.dtype))
