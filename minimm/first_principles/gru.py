"""The gated recurrent unit: a memory of fixed size that decides at each step what to keep and what to write.

    r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)            reset: how much of the memory the proposal sees
    z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)            update: how much of the memory stays
    n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))         new: the proposal
    h' = (1 - z) * n + z * h

The three matrices lie under each other in one: rows 0..D_h of weight_ih are W_ir, the next D_h rows W_iz, the last W_in;
weight_hh and the biases likewise. So one product gives what all three gates take from x, another what they take from h.

Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", eq. 5 to 8. Differs from the paper, as
PyTorch and cuDNN do: r multiplies the product W_hn h + b_hn, not h before the product, so that the products of the three
gates can be one.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.activations import sigmoid
from minimm.first_principles.linear import linear, linear_backward


def gru_cell(
    inputs: np.ndarray,
    hidden: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> np.ndarray:
    """One step: the memory `hidden` (..., D_h) reads `inputs` (..., D_in) and becomes the new memory (..., D_h).

    Args:
        weight_ih: (3 D_h, D_in). weight_hh: (3 D_h, D_h). bias_ih, bias_hh: (3 D_h,). Rows in the order r, z, n.
    """
    return _next(linear(inputs, weight_ih.T, bias_ih), linear(hidden, weight_hh.T, bias_hh), hidden)


def gru_cell_backward(
    grad_output: np.ndarray,
    inputs: np.ndarray,
    hidden: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of all six arguments; grad_output (..., D_h).

    Back through the gates to the two products (`_next_backward`), then through each as through any linear layer. The old
    memory was used twice, in its product and in z * h, so its gradient is the sum of both.
    """
    from_input = linear(inputs, weight_ih.T, bias_ih)  # (..., 3 D_h)
    from_hidden = linear(hidden, weight_hh.T, bias_hh)  # (..., 3 D_h)
    grad_from_input, grad_from_hidden, grad_kept = _next_backward(grad_output, from_input, from_hidden, hidden)
    grad_inputs, grad_weight_ih, grad_bias_ih = linear_backward(grad_from_input, inputs, weight_ih.T, bias_ih)
    grad_hidden, grad_weight_hh, grad_bias_hh = linear_backward(grad_from_hidden, hidden, weight_hh.T, bias_hh)
    return grad_inputs, grad_hidden + grad_kept, grad_weight_ih.T, grad_weight_hh.T, grad_bias_ih, grad_bias_hh


def gru(
    inputs: np.ndarray,
    hidden: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The cell, step after step along the time axis of `inputs` (..., T, D_in), from the memory `hidden` (..., D_h).

    Returns:
        outputs (..., T, D_h), the memory after each step, and final (..., D_h), the memory after the last.
    """
    from_input = linear(
        inputs, weight_ih.T, bias_ih
    )  # (..., T, 3 D_h): this part waits for no step, so one product does
    outputs = np.empty((*inputs.shape[:-1], hidden.shape[-1]), hidden.dtype)  # (..., T, D_h)
    for t in range(inputs.shape[-2]):
        hidden = _next(from_input[..., t, :], linear(hidden, weight_hh.T, bias_hh), hidden)
        outputs[..., t, :] = hidden
    return outputs, hidden


def gru_backward(
    grad_outputs: np.ndarray,
    grad_final: np.ndarray,
    inputs: np.ndarray,
    hidden: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of inputs and hidden, of both weights and both biases.

    grad_outputs (..., T, D_h) and grad_final (..., D_h) are those of the forward's two results.

    The memory after step t reaches the loss in two ways: as outputs_t and, through step t + 1, as all that comes later.
    With G_t the sum of both and J_t one step back through the cell:

        G_t = grad_outputs_t + J_{t+1} G_{t+1},   where J_{T+1} G_{T+1} is grad_final

    Only this chain has to go step by step, from the last to the first. Every step used the same weights, so their gradient
    is a sum over steps of products; the steps laid out as rows, that sum is one product for each weight, after the loop.
    """
    outputs, _ = gru(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    before = np.concatenate([hidden[..., None, :], outputs], axis=-2)[..., :-1, :]  # (..., T, D_h), what each step read
    from_input = linear(inputs, weight_ih.T, bias_ih)  # (..., T, 3 D_h)
    from_hidden = linear(before, weight_hh.T, bias_hh)  # (..., T, 3 D_h)
    grad_from_input, grad_from_hidden = np.empty_like(from_input), np.empty_like(from_hidden)
    grad_hidden = grad_final
    for t in reversed(range(inputs.shape[-2])):
        grad_from_input[..., t, :], grad_from_hidden[..., t, :], grad_kept = _next_backward(
            grad_outputs[..., t, :] + grad_hidden, from_input[..., t, :], from_hidden[..., t, :], before[..., t, :]
        )
        grad_hidden = grad_from_hidden[..., t, :] @ weight_hh + grad_kept  # (..., D_h)
    grad_inputs, grad_weight_ih, grad_bias_ih = linear_backward(grad_from_input, inputs, weight_ih.T, bias_ih)
    _, grad_weight_hh, grad_bias_hh = linear_backward(grad_from_hidden, before, weight_hh.T, bias_hh)
    return grad_inputs, grad_hidden, grad_weight_ih.T, grad_weight_hh.T, grad_bias_ih, grad_bias_hh


def _next(from_input: np.ndarray, from_hidden: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The new memory (..., D_h), given what the gates take from the input and from the memory, (..., 3 D_h) each."""
    _, z, n = _gates(from_input, from_hidden)
    return (1 - z) * n + z * hidden


def _next_backward(
    grad_next: np.ndarray, from_input: np.ndarray, from_hidden: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of `_next`'s arguments, that of `hidden` along z * h only; grad_next (..., D_h) = g.

    Write a = from_input and c = from_hidden, each with its thirds r, z, n. With sigmoid' = s (1 - s), tanh' = 1 - tanh^2:

        da_n = g (1 - z) (1 - n^2)             dc_n = r da_n
        da_z = g (h - n) z (1 - z)             dc_z = da_z           z weighs h against n
        da_r = da_n c_n r (1 - r)              dc_r = da_r           r multiplies c_n inside the tanh
        dh   = g z
    """
    r, z, n = _gates(from_input, from_hidden)
    _, _, hidden_part = np.split(from_hidden, 3, axis=-1)  # c_n
    grad_n = grad_next * (1 - z) * (1 - n * n)
    grad_z = grad_next * (hidden - n) * z * (1 - z)
    grad_r = grad_n * hidden_part * r * (1 - r)
    grad_from_input = np.concatenate([grad_r, grad_z, grad_n], axis=-1)  # (..., 3 D_h)
    grad_from_hidden = np.concatenate([grad_r, grad_z, grad_n * r], axis=-1)
    return grad_from_input, grad_from_hidden, grad_next * z


def _gates(from_input: np.ndarray, from_hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """r, z and n, (..., D_h) each."""
    input_r, input_z, input_n = np.split(from_input, 3, axis=-1)
    hidden_r, hidden_z, hidden_n = np.split(from_hidden, 3, axis=-1)
    r, z = sigmoid(input_r + hidden_r), sigmoid(input_z + hidden_z)
    return r, z, np.tanh(input_n + r * hidden_n)
