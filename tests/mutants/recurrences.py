"""Planted: gru_cell and gru, and their gradients.

What goes wrong in the cell: the order of the gates, the place of the reset gate and of the biases, which of old and new the
update gate keeps. In the sequence: where time begins and ends. In the gradients: a path by which the hidden state matters
is forgotten, or time is cut.
"""

from __future__ import annotations

import numpy as np

from mutants.catalogue import right, wrong


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """What comes from the input and what from the hidden state, for the gates r, z, n: six arrays (..., D_h)."""
    from_input, from_hidden = inputs @ weight_ih.T + bias_ih, hidden @ weight_hh.T + bias_hh
    return *np.split(from_input, 3, axis=-1), *np.split(from_hidden, 3, axis=-1)


def _gates(*args):
    """r, z, n, and what n takes from the hidden state."""
    ir, iz, inew, hr, hz, hn = _halves(*args)
    r, z = _sigmoid(ir + hr), _sigmoid(iz + hz)
    return r, z, np.tanh(inew + r * hn), hn


def _cell(inputs, hidden, *weights):
    r, z, n, hn = _gates(inputs, hidden, *weights)
    return (1 - z) * n + z * hidden


def _unroll(inputs, hidden, *weights):
    """The hidden state before the first step and after each one: T + 1 arrays."""
    states = [hidden]
    for t in range(inputs.shape[-2]):
        states.append(_cell(inputs[..., t, :], states[-1], *weights))
    return states


def _outer(left, right):
    """Sum over the batch of the outer products: (..., A), (..., B) -> (A, B)."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


def _total(x):
    return x.reshape(-1, x.shape[-1]).sum(axis=0)


def _through_gates(grad_output, inputs, hidden, *weights):
    """The gradients before the nonlinearities: what comes from the input, what from the hidden state, and z."""
    r, z, n, hn = _gates(inputs, hidden, *weights)
    grad_n = grad_output * (1 - z) * (1 - n**2)
    grad_z = grad_output * (hidden - n) * z * (1 - z)
    grad_r = grad_n * hn * r * (1 - r)
    return np.concatenate([grad_r, grad_z, grad_n], -1), np.concatenate([grad_r, grad_z, grad_n * r], -1), z


def _collect(grad_output, a, b, z, inputs, hidden, weight_ih, weight_hh):
    """The six gradients of a cell from those before the nonlinearities."""
    grad_hidden = grad_output * z + b @ weight_hh
    return a @ weight_ih, grad_hidden, _outer(a, inputs), _outer(b, hidden), _total(a), _total(b)


def _cell_backward(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return _collect(grad_output, a, b, z, inputs, hidden, weight_ih, weight_hh)


def _add(sums, parts):
    return [total + part for total, part in zip(sums, parts, strict=True)]


# gru_cell


@wrong("gru_cell", "gates in the order z, r, n")
def gru_cell_zrn(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    iz, ir, inew, hz, hr, hn = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = _sigmoid(ir + hr), _sigmoid(iz + hz)
    n = np.tanh(inew + r * hn)
    return (1 - z) * n + z * hidden


@wrong("gru_cell", "gates in the order r, n, z")
def gru_cell_rnz(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, inew, iz, hr, hn, hz = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = _sigmoid(ir + hr), _sigmoid(iz + hz)
    n = np.tanh(inew + r * hn)
    return (1 - z) * n + z * hidden


@wrong("gru_cell", "gates interleaved: every third row belongs to one gate")
def gru_cell_interleaved(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b = inputs @ weight_ih.T + bias_ih, hidden @ weight_hh.T + bias_hh
    r, z = _sigmoid(a[..., 0::3] + b[..., 0::3]), _sigmoid(a[..., 1::3] + b[..., 1::3])
    n = np.tanh(a[..., 2::3] + r * b[..., 2::3])
    return (1 - z) * n + z * hidden


@wrong("gru_cell", "reset gate multiplies the hidden state, before the product")
def gru_cell_reset_before(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    d = hidden.shape[-1]
    r, z, _, _ = _gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    from_hidden = (r * hidden) @ weight_hh[2 * d :].T + bias_hh[2 * d :]
    n = np.tanh(inputs @ weight_ih[2 * d :].T + bias_ih[2 * d :] + from_hidden)
    return (1 - z) * n + z * hidden


@wrong("gru_cell", "b_hn outside the brackets of the reset gate")
def gru_cell_bias_outside(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    d = hidden.shape[-1]
    r, z, _, _ = _gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    from_hidden = r * (hidden @ weight_hh[2 * d :].T) + bias_hh[2 * d :]
    n = np.tanh(inputs @ weight_ih[2 * d :].T + bias_ih[2 * d :] + from_hidden)
    return (1 - z) * n + z * hidden


@wrong("gru_cell", "reset gate multiplies the input's part too")
def gru_cell_reset_all(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, iz, inew, hr, hz, hn = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = _sigmoid(ir + hr), _sigmoid(iz + hz)
    return (1 - z) * np.tanh(r * (inew + hn)) + z * hidden


@wrong("gru_cell", "reset gate forgotten")
def gru_cell_no_reset(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, iz, inew, hr, hz, hn = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    z = _sigmoid(iz + hz)
    return (1 - z) * np.tanh(inew + hn) + z * hidden


@wrong("gru_cell", "z and 1 - z swapped")
def gru_cell_update_swapped(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n, _ = _gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return z * n + (1 - z) * hidden


@wrong("gru_cell", "the new part at full strength")
def gru_cell_full_new(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n, _ = _gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return n + z * hidden


@wrong("gru_cell", "only the new part is returned")
def gru_cell_only_new(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    return _gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)[2]


@wrong("gru_cell", "sigmoid for the new part")
def gru_cell_sigmoid_new(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, iz, inew, hr, hz, hn = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = _sigmoid(ir + hr), _sigmoid(iz + hz)
    return (1 - z) * _sigmoid(inew + r * hn) + z * hidden


@wrong("gru_cell", "gates do not look at the hidden state")
def gru_cell_blind_gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, iz, inew, _, _, hn = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = _sigmoid(ir), _sigmoid(iz)
    return (1 - z) * np.tanh(inew + r * hn) + z * hidden


@wrong("gru_cell", "bias_hh forgotten")
def gru_cell_no_bias_hh(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    return _cell(inputs, hidden, weight_ih, weight_hh, bias_ih, np.zeros_like(bias_hh))


@wrong("gru_cell", "bias_ih forgotten")
def gru_cell_no_bias_ih(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    return _cell(inputs, hidden, weight_ih, weight_hh, np.zeros_like(bias_ih), bias_hh)


@wrong("gru_cell", "both biases added on both sides")
def gru_cell_bias_twice(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    bias = bias_ih + bias_hh
    return _cell(inputs, hidden, weight_ih, weight_hh, bias, bias)


@wrong("gru_cell", "weights reshaped instead of transposed")
def gru_cell_reshaped(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    transposed = weight_ih.reshape(weight_ih.shape[::-1])
    return _cell(inputs, hidden, transposed.T, weight_hh, bias_ih, bias_hh)


@wrong("gru_cell", "sigmoid as exp(x) / (1 + exp(x)), NaN for large x")
def gru_cell_overflow(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, iz, inew, hr, hz, hn = _halves(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    e_r, e_z = np.exp(ir + hr), np.exp(iz + hz)
    r, z = e_r / (1 + e_r), e_z / (1 + e_z)
    return (1 - z) * np.tanh(inew + r * hn) + z * hidden


@wrong("gru_cell", "splits the gates along axis 1: needs exactly one batch dimension")
def gru_cell_axis_one(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    ir, iz, inew = np.split(inputs @ weight_ih.T + bias_ih, 3, axis=1)
    hr, hz, hn = np.split(hidden @ weight_hh.T + bias_hh, 3, axis=1)
    r, z = _sigmoid(ir + hr), _sigmoid(iz + hz)
    return (1 - z) * np.tanh(inew + r * hn) + z * hidden


@wrong("gru_cell", "writes the new state into the old one")
def gru_cell_in_place(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    hidden[...] = _cell(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return hidden


@right("gru_cell", "moves from the old state towards the new one, gates by einsum")
def gru_cell_einsum(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    d = hidden.shape[-1]
    a = np.einsum("...i,goi->g...o", inputs, weight_ih.reshape(3, d, -1))
    b = np.einsum("...i,goi->g...o", hidden, weight_hh.reshape(3, d, d))
    a, b = (np.moveaxis(np.moveaxis(x, 0, -2) + bias.reshape(3, d), -2, 0) for x, bias in ((a, bias_ih), (b, bias_hh)))
    r, keep = _sigmoid(a[0] + b[0]), _sigmoid(a[1] + b[1])
    return hidden + (1 - keep) * (np.tanh(a[2] + r * b[2]) - hidden)


@right("gru_cell", "input and hidden state side by side for both gates")
def gru_cell_joined(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    d = hidden.shape[-1]
    both, weight = np.concatenate([inputs, hidden], axis=-1), np.concatenate([weight_ih, weight_hh], axis=1)
    gates = _sigmoid(both @ weight[: 2 * d].T + (bias_ih + bias_hh)[: 2 * d])
    from_hidden = gates[..., :d] * (hidden @ weight_hh[2 * d :].T + bias_hh[2 * d :])
    n = np.tanh(inputs @ weight_ih[2 * d :].T + bias_ih[2 * d :] + from_hidden)
    return n - gates[..., d:] * (n - hidden)


# gru


@wrong("gru", "reads from the end to the beginning")
def gru_reversed(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs[..., ::-1, :], hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[1:][::-1], axis=-2), states[-1]


@wrong("gru", "initial hidden state ignored, begins with zeros")
def gru_from_zero(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs, np.zeros_like(hidden), weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[1:], axis=-2), states[-1]


@wrong("gru", "outputs shifted by one: the state before each step")
def gru_shifted(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[:-1], axis=-2), states[-1]


@wrong("gru", "final is the first output")
def gru_final_first(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[1:], axis=-2), states[1]


@wrong("gru", "final is the initial state")
def gru_final_initial(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[1:], axis=-2), hidden.copy()


@wrong("gru", "final is the state after one step more, with the last input again")
def gru_final_extra(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    final = _cell(inputs[..., -1, :], states[-1], weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[1:], axis=-2), final


@wrong("gru", "every step starts from the initial state")
def gru_forgetful(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    steps = np.moveaxis(inputs, -2, 0)
    outputs = [_cell(step, hidden, weight_ih, weight_hh, bias_ih, bias_hh) for step in steps]
    return np.stack(outputs, axis=-2), outputs[-1]


@wrong("gru", "outputs stacked along the first axis, time before the batch")
def gru_time_first_out(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    states = _unroll(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return np.stack(states[1:]), states[-1]


@wrong("gru", "the steps run along the first axis, right without a batch")
def gru_time_first_in(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    outputs = []
    for step in inputs:
        hidden = _cell(step, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
        outputs.append(hidden)
    return np.stack(outputs), hidden


@wrong("gru", "one array, changed in place, stands in the list T times")
def gru_same_array(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    state, outputs = hidden.copy(), []
    for t in range(inputs.shape[-2]):
        state[...] = _cell(inputs[..., t, :], state, weight_ih, weight_hh, bias_ih, bias_hh)
        outputs.append(state)
    return np.stack(outputs, axis=-2), state


@wrong("gru", "gives back the outputs alone")
def gru_outputs_only(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.stack(_unroll(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)[1:], axis=-2)


_memory = {}


@wrong("gru", "goes on from where the call before stopped")
def gru_stateful(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    start = _memory.get(hidden.shape, hidden)
    states = _unroll(inputs, start, weight_ih, weight_hh, bias_ih, bias_hh)
    _memory[hidden.shape] = states[-1]
    return np.stack(states[1:], axis=-2), states[-1]


@right("gru", "the input's part of all steps in one product beforehand")
def gru_projected(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    d, projected = hidden.shape[-1], inputs @ weight_ih.T + bias_ih
    outputs = np.empty((*inputs.shape[:-1], d), hidden.dtype)
    for t in range(inputs.shape[-2]):
        a, b = projected[..., t, :], hidden @ weight_hh.T + bias_hh
        gates = _sigmoid(a[..., : 2 * d] + b[..., : 2 * d])
        n = np.tanh(a[..., 2 * d :] + gates[..., :d] * b[..., 2 * d :])
        hidden = outputs[..., t, :] = (1 - gates[..., d:]) * n + gates[..., d:] * hidden
    return outputs, hidden


@right("gru", "recursion: the first half of the time, then the second from there")
def gru_recursive(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    length, weights = inputs.shape[-2], (weight_ih, weight_hh, bias_ih, bias_hh)
    if length == 1:
        final = _cell(inputs[..., 0, :], hidden, *weights)
        return final[..., None, :], final
    first, middle = gru_recursive(inputs[..., : length // 2, :], hidden, *weights)
    second, final = gru_recursive(inputs[..., length // 2 :, :], middle, *weights)
    return np.concatenate([first, second], axis=-2), final


# gru_cell_backward


@wrong("gru_cell_backward", "the straight way z * h forgotten in the gradient of hidden")
def gru_cell_backward_no_straight(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return _collect(grad_output, a, b, 0 * z, inputs, hidden, weight_ih, weight_hh)


@wrong("gru_cell_backward", "only the straight way in the gradient of hidden")
def gru_cell_backward_only_straight(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return a @ weight_ih, grad_output * z, _outer(a, inputs), _outer(b, hidden), _total(a), _total(b)


@wrong("gru_cell_backward", "r forgotten on the way to W_hn and b_hn")
def gru_cell_backward_same_biases(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, _, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return _collect(grad_output, a, a, z, inputs, hidden, weight_ih, weight_hh)


@wrong("gru_cell_backward", "sign of the update gate's gradient")
def gru_cell_backward_update_sign(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    sign = np.repeat([1.0, -1.0, 1.0], hidden.shape[-1])
    return _collect(grad_output, a * sign, b * sign, z, inputs, hidden, weight_ih, weight_hh)


@wrong("gru_cell_backward", "nothing flows through the reset gate")
def gru_cell_backward_no_reset(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    but_r = np.repeat([0.0, 1.0, 1.0], hidden.shape[-1])
    return _collect(grad_output, a * but_r, b * but_r, z, inputs, hidden, weight_ih, weight_hh)


@wrong("gru_cell_backward", "slope of tanh forgotten")
def gru_cell_backward_no_tanh(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n, hn = _gates(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    grad_n = grad_output * (1 - z)
    grad_r, grad_z = grad_n * hn * r * (1 - r), grad_output * (hidden - n) * z * (1 - z)
    a, b = np.concatenate([grad_r, grad_z, grad_n], -1), np.concatenate([grad_r, grad_z, grad_n * r], -1)
    return _collect(grad_output, a, b, z, inputs, hidden, weight_ih, weight_hh)


@wrong("gru_cell_backward", "biases averaged over the batch")
def gru_cell_backward_bias_mean(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    a, b, z = _through_gates(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    parts = _collect(grad_output, a, b, z, inputs, hidden, weight_ih, weight_hh)
    return *parts[:4], a.reshape(-1, len(bias_ih)).mean(axis=0), b.reshape(-1, len(bias_hh)).mean(axis=0)


# gru_backward


def _through_time(grad_outputs, grad_final, inputs, hidden, *weights):
    """The gradients of the six arguments, step by step from the end."""
    states, grad, steps, sums = _unroll(inputs, hidden, *weights), grad_final, [], [0.0] * 4
    for t in reversed(range(inputs.shape[-2])):
        grad_step, grad, *parts = _cell_backward(grad + grad_outputs[..., t, :], inputs[..., t, :], states[t], *weights)
        steps.insert(0, grad_step)
        sums = _add(sums, parts)
    return np.stack(steps, axis=-2), grad, *sums


@wrong("gru_backward", "gradient of the final state ignored")
def gru_backward_no_final(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    return _through_time(grad_outputs, 0 * grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)


@wrong("gru_backward", "gradient of the final state added at every step")
def gru_backward_final_everywhere(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    grad_outputs, nothing = grad_outputs + grad_final[..., None, :], 0 * grad_final
    return _through_time(grad_outputs, nothing, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)


@wrong("gru_backward", "only the last output counts")
def gru_backward_last_output(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    grad_end = grad_final + grad_outputs[..., -1, :]
    return _through_time(0 * grad_outputs, grad_end, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)


@wrong("gru_backward", "begins with zeros instead of the given hidden state")
def gru_backward_from_zero(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    return _through_time(grad_outputs, grad_final, inputs, 0 * hidden, weight_ih, weight_hh, bias_ih, bias_hh)


@wrong("gru_backward", "weights averaged over the steps instead of summed")
def gru_backward_time_mean(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    parts = _through_time(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return *parts[:2], *(part / inputs.shape[-2] for part in parts[2:])


@wrong("gru_backward", "gradients of the inputs collected from the end and left in that order")
def gru_backward_reversed(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    first, *rest = _through_time(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    return first[..., ::-1, :], *rest


@wrong("gru_backward", "cut in time: no step hands its gradient to the one before")
def gru_backward_cut(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    states, steps, sums = _unroll(inputs, hidden, *weights), [], [0.0] * 4
    for t in reversed(range(inputs.shape[-2])):
        grad = grad_outputs[..., t, :] + (grad_final if t == inputs.shape[-2] - 1 else 0)
        grad_step, grad_hidden, *parts = _cell_backward(grad, inputs[..., t, :], states[t], *weights)
        steps.insert(0, grad_step)
        sums = _add(sums, parts)
    return np.stack(steps, axis=-2), grad_hidden, *sums


@wrong("gru_backward", "weight gradients of the first step alone: overwritten, not added")
def gru_backward_overwritten(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    states, grad, steps = _unroll(inputs, hidden, *weights), grad_final, []
    for t in reversed(range(inputs.shape[-2])):
        grad = grad + grad_outputs[..., t, :]
        grad_step, grad, *parts = _cell_backward(grad, inputs[..., t, :], states[t], *weights)
        steps.insert(0, grad_step)
    return np.stack(steps, axis=-2), grad, *parts


@wrong("gru_backward", "each step looked at with the state after it instead of before")
def gru_backward_state_after(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    states, grad, steps, sums = _unroll(inputs, hidden, *weights), grad_final, [], [0.0] * 4
    for t in reversed(range(inputs.shape[-2])):
        grad = grad + grad_outputs[..., t, :]
        grad_step, grad, *parts = _cell_backward(grad, inputs[..., t, :], states[t + 1], *weights)
        steps.insert(0, grad_step)
        sums = _add(sums, parts)
    return np.stack(steps, axis=-2), grad, *sums


@right("gru_cell_backward", "a tiny imaginary step for every single number")
def gru_cell_backward_complex_step(grad_output, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    args = [x.astype(complex) for x in (inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)]
    slopes = [np.zeros(x.shape, grad_output.dtype) for x in args]
    for x, slope in zip(args, slopes, strict=True):
        for index in np.ndindex(x.shape):
            x[index] += 1e-30j
            slope[index] = (grad_output * _cell(*args).imag).sum() / 1e-30
            x[index] = x[index].real
    return tuple(slopes)


@right("gru_backward", "weight gradients of all steps in one product at the end")
def gru_backward_one_product(grad_outputs, grad_final, inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    weights, grad = (weight_ih, weight_hh, bias_ih, bias_hh), grad_final
    before = np.stack(_unroll(inputs, hidden, *weights)[:-1], axis=-2)
    a = np.empty((*inputs.shape[:-1], len(bias_ih)), inputs.dtype)
    b = np.empty_like(a)
    for t in reversed(range(inputs.shape[-2])):
        grad = grad + grad_outputs[..., t, :]
        a[..., t, :], b[..., t, :], z = _through_gates(grad, inputs[..., t, :], before[..., t, :], *weights)
        grad = grad * z + b[..., t, :] @ weight_hh
    return a @ weight_ih, grad, _outer(a, inputs), _outer(b, before), _total(a), _total(b)
