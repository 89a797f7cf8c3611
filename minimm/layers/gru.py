"""The gated recurrent unit: a memory of fixed size that decides at each step what to keep and what to write.

    r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)            reset: how much of the memory the proposal sees
    z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)            update: how much of the memory stays
    n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))         new: the proposal
    h' = (1 - z) * n + z * h

The matrices of r, z and n lie under each other in one, in this order; the biases likewise. `gru_cell` is the formula,
line by line. `gru` is the cell along a sequence, with its gradient by hand: what needs no earlier step is done for all
steps in one product, and a test holds it equal to the cell.

Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", eq. 5 to 8. Differs from the paper,
as PyTorch and cuDNN do: r multiplies the product W_hn h + b_hn, not h before the product, so that the products of the
three gates can be one.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from minimm.errors import check
from minimm.layers.masks import padding_mask


def gru_cell(
    inputs: Tensor, hidden: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    """One step: the memory `hidden` (..., D_h) reads `inputs` (..., D_in) and becomes the new memory (..., D_h).

    Args:
        weight_ih: (3 D_h, D_in). weight_hh: (3 D_h, D_h). bias_ih, bias_hh: (3 D_h,). Rows in the order r, z, n.
    """
    _check_arguments(inputs, inputs.shape[:-1], hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    input_r, input_z, input_n = F.linear(inputs, weight_ih, bias_ih).chunk(3, dim=-1)
    hidden_r, hidden_z, hidden_n = F.linear(hidden, weight_hh, bias_hh).chunk(3, dim=-1)
    r = torch.sigmoid(input_r + hidden_r)
    z = torch.sigmoid(input_z + hidden_z)
    n = torch.tanh(input_n + r * hidden_n)
    return (1 - z) * n + z * hidden


class _Recurrence(torch.autograd.Function):
    """inputs (T, B, D_in), hidden (B, D_h) -> states (T + 1, B, D_h): the memory before the first step and after each.

    padding: (T, B, 1) bool or None, True where a row rests: its z is 1, so its memory stays as it is.

    Going back, G_t is the whole gradient of the memory after step t: its own and what later steps send. With a the sums
    that come from the input, c those from the memory, sigmoid' = s (1 - s) and tanh' = 1 - tanh^2:

        da_n = G (1 - z) (1 - n^2)      dc_n = r da_n
        da_z = G (h - n) z (1 - z)      dc_z = da_z
        da_r = da_n c_n r (1 - r)       dc_r = da_r
        G_{t-1} = its own + G_t z + dc W_hh

    Each is G times something already known: the factors are found before the loop, for all steps at once. After it,
    dW_hh = sum_t dc_t^T h_{t-1} and dW_ih = sum_t da_t^T x_t are one product each, with steps and batch as rows.
    """

    @staticmethod
    def forward(ctx, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh, padding) -> Tensor:
        size = hidden.shape[1]
        bias = torch.cat([bias_ih[: 2 * size] + bias_hh[: 2 * size], bias_ih[2 * size :]])
        sums = F.linear(inputs, weight_ih, bias)  # (T, B, 3 D_h), for r, z and n; W_hh h is added in the loop
        new = sums[..., 2 * size :].clone()  # a_n, which becomes n
        sums[..., 2 * size :] = bias_hh[2 * size :]  # c_n is kept apart, for r multiplies it
        reset, update, from_hidden = sums.split(size, dim=-1)  # (T, B, D_h) each: views of `sums`
        if padding is not None:
            update.masked_fill_(padding, math.inf)
        states = hidden.new_empty(len(inputs) + 1, *hidden.shape)
        states[0] = hidden
        weight = weight_hh.T.contiguous()  # laid out once as every step's product reads it
        gates = sums[..., : 2 * size]
        steps = zip(states[:-1], states[1:], sums, gates, reset, update, from_hidden, new, strict=True)
        for before, after, sum_t, gate, r, z, c_n, n in steps:  # everything in place, in memory that lies ready
            sum_t.addmm_(before, weight)
            gate.sigmoid_()
            n.addcmul_(r, c_n).tanh_()
            torch.lerp(n, before, z, out=after)  # n + z (h - n)
        ctx.save_for_backward(inputs, weight_ih, weight_hh, states, sums, new)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        inputs, weight_ih, weight_hh, states, sums, new = ctx.saved_tensors
        size = new.shape[-1]
        reset, update, from_hidden = sums.split(size, dim=-1)
        new_slope = torch.addcmul(new.new_ones(()), new, new, value=-1)  # 1 - n^2
        new_slope.addcmul_(new_slope, update, value=-1)  # times 1 - z, as x - x z: it needs no memory for 1 - z
        sums_gradient = torch.empty_like(sums)  # dc, (T, B, 3 D_h); until the loop arrives, the factors of G
        reset_part, update_part, new_part = sums_gradient.split(size, dim=-1)
        torch.mul(new_slope, reset, out=new_part)
        torch.mul(new_part, from_hidden, out=reset_part).addcmul_(reset_part, reset, value=-1)
        torch.sub(states[:-1], new, out=update_part).mul_(update).addcmul_(update_part, update, value=-1)
        total = torch.empty_like(states)  # G, (T + 1, B, D_h)
        total[-1] = gradient[-1]
        thirds = sums_gradient.unflatten(-1, (3, size))  # (T, B, 3, D_h)
        steps = zip(total[:-1], total[1:], gradient[:-1], update, sums_gradient, thirds, strict=True)
        for before, after, own, z, sum_t, third in reversed(list(steps)):
            third.mul_(after.unsqueeze(1))
            torch.addcmul(own, after, z, out=before).addmm_(sum_t, weight_hh)

        needed = ctx.needs_input_grad
        rows = sums_gradient.flatten(0, 1)  # (T * B, 3 D_h)
        d_weight_hh = rows.T @ states[:-1].flatten(0, 1) if needed[3] else None
        d_bias_hh = rows.sum(dim=0)
        torch.mul(total[1:], new_slope, out=new_part)  # now da: only in n does it differ from dc
        d_weight_ih = rows.T @ inputs.flatten(0, 1) if needed[2] else None
        d_inputs = sums_gradient @ weight_ih if needed[0] else None
        d_bias_ih = rows.sum(dim=0)
        return d_inputs, total[0], d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh, None


def gru(
    inputs: Tensor,
    hidden: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    lengths: Tensor | None = None,
    *,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """The cell, step after step along `inputs` (B, T, D_in), from the memory `hidden` (B, D_h). Weights as in `gru_cell`.

    Args:
        lengths: (B,) int64, how many of the T steps of each row are real; the rest is padding, which changes nothing.
            None = all.
        reverse: read from each row's last real step to its first.

    Returns:
        outputs (B, T, D_h), the memory after reading each step, zero at padding; and final (B, D_h), the memory after
        the last step read.
    """
    check(inputs.ndim == 3, f"gru needs inputs (B, T, D_in), but got {tuple(inputs.shape)}")
    _check_arguments(inputs, inputs.shape[:1], hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    padding = None if lengths is None else _padding(lengths, inputs)  # (B, T, 1)
    if padding is not None:
        inputs = inputs.masked_fill(padding, 0.0)  # whatever stands there: even NaN changes nothing
    if torch.is_autocast_enabled(inputs.device.type):  # a custom Function is not cast by autocast, so do it here
        dtype = torch.get_autocast_dtype(inputs.device.type)
        tensors = (inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
        inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh = (tensor.to(dtype) for tensor in tensors)

    def in_order(x: Tensor) -> Tensor:
        return (x.flip(1) if reverse else x).transpose(0, 1).contiguous()  # (T, B, ...): a step lies in one piece

    resting = None if padding is None else in_order(padding)  # (T, B, 1); in reverse a row rests before it reads
    states = _Recurrence.apply(in_order(inputs), hidden, weight_ih, weight_hh, bias_ih, bias_hh, resting)
    outputs = states[1:].transpose(0, 1)  # (B, T, D_h)
    if reverse:
        outputs = outputs.flip(1)
    if padding is not None:
        outputs = outputs.masked_fill(padding, 0.0)
    return outputs, states[-1]


class GRU(nn.Module):
    """`gru` with learned weights, in one direction or in both; a state dict of PyTorch's GRU of one layer loads into it, and
    the first weights are drawn as there: uniform within +-1 / sqrt(hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int, bidirectional: bool = False) -> None:
        super().__init__()
        check(
            input_size >= 1 and hidden_size >= 1,
            f"input_size and hidden_size must be at least 1, but they are {input_size} and {hidden_size}",
        )
        self.input_size, self.hidden_size, self.bidirectional = input_size, hidden_size, bidirectional
        for direction in ("l0", "l0_reverse") if bidirectional else ("l0",):
            for name, shape in _weight_shapes(input_size, hidden_size).items():
                self.register_parameter(f"{name}_{direction}", nn.Parameter(torch.empty(shape)))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights and biases anew, from `generator` if one is given."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            parameter.uniform_(-bound, bound, generator=generator)

    def forward(self, x: Tensor, hidden: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, T, input_size) -> outputs (B, T, D_h) and final (B, D_h), with D_h = hidden_size.

        Args:
            hidden: the first memory, (B, D_h); None = zeros. lengths: (B,) int64, the real steps of each row.

        In both directions hidden and final are (2, B, D_h), forward first, and outputs (B, T, 2 D_h). What reads in
        reverse begins at each row's last real step; its outputs stand at the step that it has just read.
        """
        check(
            x.ndim == 3 and x.shape[2] == self.input_size,
            f"this GRU was built for x (B, T, {self.input_size}), but got {tuple(x.shape)}",
        )
        shape = (2, len(x), self.hidden_size) if self.bidirectional else (len(x), self.hidden_size)
        hidden = x.new_zeros(shape) if hidden is None else hidden
        check(hidden.shape == shape, f"hidden must be {shape} for x {tuple(x.shape)}, but it is {tuple(hidden.shape)}")
        weights = list(self.parameters())
        if not self.bidirectional:
            return gru(x, hidden, *weights, lengths)
        forward, forward_final = gru(x, hidden[0], *weights[:4], lengths)
        backward, backward_final = gru(x, hidden[1], *weights[4:], lengths, reverse=True)
        return torch.cat([forward, backward], dim=-1), torch.stack([forward_final, backward_final])


def _weight_shapes(width: int, size: int) -> dict[str, tuple[int, ...]]:
    """The weights of a memory of `size` that reads vectors of `width`, in the order of `gru_cell`'s arguments."""
    rows = 3 * size  # r, z, n
    return {"weight_ih": (rows, width), "weight_hh": (rows, size), "bias_ih": (rows,), "bias_hh": (rows,)}


def _padding(lengths: Tensor, inputs: Tensor) -> Tensor:
    """(B, T, 1) bool, True behind the real steps."""
    batch, steps, _ = inputs.shape
    check(
        lengths.shape == (batch,) and lengths.dtype == torch.int64,
        f"lengths must be ({batch},) int64, one for each row of inputs {tuple(inputs.shape)}, "
        f"but they are {tuple(lengths.shape)} {lengths.dtype}",
    )
    check(
        bool(((lengths >= 0) & (lengths <= steps)).all()),
        f"lengths must lie in 0..{steps}, the steps of inputs, but they are {lengths.tolist()}",
    )
    return ~padding_mask(lengths.to(inputs.device), steps).unsqueeze(-1)


def _check_arguments(inputs: Tensor, rows: torch.Size, hidden: Tensor, *weights: Tensor) -> None:
    """`rows`: the dimensions that `hidden` must have before its last."""
    check(
        hidden.shape[:-1] == rows,
        f"inputs {tuple(inputs.shape)} need hidden {(*rows, 'D_h')}, but it is {tuple(hidden.shape)}",
    )
    width, size = inputs.shape[-1], hidden.shape[-1]
    for (name, shape), tensor in zip(_weight_shapes(width, size).items(), weights, strict=True):
        check(
            tensor.shape == shape,
            f"inputs of width {width} and a memory of {size} need {name} {shape}, but it is {tuple(tensor.shape)}",
        )
    dtypes = {str(tensor.dtype) for tensor in (inputs, hidden, *weights)}
    check(
        len(dtypes) == 1 or torch.is_autocast_enabled(inputs.device.type),
        f"inputs, hidden and weights must be of one dtype, but they are {', '.join(sorted(dtypes))}; use .to(dtype)",
    )
