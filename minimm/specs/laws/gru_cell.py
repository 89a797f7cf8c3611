"""Laws of one step of the gated recurrent unit: a memory that is kept, reset or rewritten."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, exactly, floats, up_to
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats

LESSON = "lesson 13, sound, spectrograms and the GRU"
SHAPES = "hidden (..., H), weight_ih (3H, D), weight_hh (3H, H), bias_ih and bias_hh (3H,), gates in the order r, z, n"
ARGUMENTS = "(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh)"


@st.composite
def steps(draw: Draw, dtype: Any = dtypes, in_time: bool = False, large: bool = False) -> tuple[np.ndarray, ...]:
    """inputs (..., D) or, `in_time`, (..., T, D); hidden (..., H); both weights and both biases."""
    batch, dtype = draw(batches()), draw(dtype)
    d, h = draw(up_to(3)), draw(up_to(3))
    time = (draw(up_to(4)),) if in_time else ()
    shapes = ((*batch, *time, d), (*batch, h), (3 * h, d), (3 * h, h), (3 * h,), (3 * h,))
    return tuple(floats(draw, *shape, dtype=dtype, large=large) for shape in shapes)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.vectorize(
        lambda v: 1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v)), otypes=[float]
    )(x)


def naive_gru_cell(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """One gate after the other, with its own rows of the weights."""
    size = hidden.shape[-1]
    reset, update, new = (slice(gate * size, (gate + 1) * size) for gate in range(3))

    def from_input(gate: slice) -> np.ndarray:
        return inputs.astype(np.float64) @ weight_ih[gate].T.astype(np.float64) + bias_ih[gate]

    def from_hidden(gate: slice) -> np.ndarray:
        return hidden.astype(np.float64) @ weight_hh[gate].T.astype(np.float64) + bias_hh[gate]

    r = _sigmoid(from_input(reset) + from_hidden(reset))
    z = _sigmoid(from_input(update) + from_hidden(update))
    n = np.tanh(from_input(new) + r * from_hidden(new))
    return (1 - z) * n + z * hidden


def example(*time: int) -> tuple[np.ndarray, ...]:
    """Plain arguments for a first call, with the length in time if there is one."""
    return np.ones((2, *time, 3)), np.zeros((2, 2)), np.ones((6, 3)) / 4, np.ones((6, 2)) / 4, np.zeros(6), np.ones(6)


class GRUCell(Spec):
    """h' = (1 - z) n + z h,  n = tanh(W_in x + b_in + r (W_hn h + b_hn)),  r and z sigmoids."""

    signature = f"gru_cell{ARGUMENTS}"
    shapes = f"inputs (..., D), {SHAPES} -> hidden (..., H)"
    lesson = LESSON
    example = example()
    reference = staticmethod(naive_gru_cell)

    @staticmethod
    def returns(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
        return Floats(hidden.shape)

    @law(
        "without weights and biases half of the memory remains",
        steps(),
        hint="sigmoid(0) = 1/2 and tanh(0) = 0: what is (1 - z) n + z h then?",
    )
    def half_remains(gru_cell, args):
        inputs, hidden, *weights = args
        got = gru_cell(inputs, hidden, *(np.zeros_like(weight) for weight in weights))
        close(got, hidden / 2, "the new hidden state, beside hidden / 2", like=args)

    @law(
        "an update gate that is wide open keeps the memory",
        steps(),
        hint="z near 1 means keep: h' = (1 - z) n + z h. The gates stand in the order r, z, n.",
    )
    def keeps(gru_cell, args):
        inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh = args
        h = hidden.shape[-1]
        bias = np.array(bias_ih)
        bias[h : 2 * h] = 1e3
        got = gru_cell(inputs, hidden, weight_ih, weight_hh, bias, bias_hh)
        close(got, hidden, "the new hidden state when the bias of z is 1000", like=args)

    @law(
        "with both gates shut the new state is tanh of what comes in",
        steps(),
        hint="r near 0 wipes out the memory's part inside the tanh, its bias b_hn included; the input's part stays.",
    )
    def forgets(gru_cell, args):
        inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh = args
        h = hidden.shape[-1]
        bias = np.array(bias_ih)
        bias[: 2 * h] = -1e3
        wanted = np.tanh(inputs @ weight_ih[2 * h :].T + bias_ih[2 * h :])
        got = gru_cell(inputs, hidden, weight_ih, weight_hh, bias, bias_hh)
        close(got, wanted, "the new hidden state when the biases of r and z are -1000", like=args)

    @law(
        "with the reset gate open and the update gate shut it is a plain recurrent step",
        steps(),
        hint="tanh(W_in x + b_in + W_hn h + b_hn), with the last third of the rows.",
    )
    def plain_step(gru_cell, args):
        inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh = args
        h = hidden.shape[-1]
        bias = np.array(bias_ih)
        bias[:h], bias[h : 2 * h] = 1e3, -1e3
        new = slice(2 * h, 3 * h)
        wanted = np.tanh(inputs @ weight_ih[new].T + bias_ih[new] + hidden @ weight_hh[new].T + bias_hh[new])
        got = gru_cell(inputs, hidden, weight_ih, weight_hh, bias, bias_hh)
        close(got, wanted, "the new hidden state when the biases of r and z are 1000 and -1000", like=args)

    @law(
        "the reset gate multiplies W_hn h + b_hn, after the product and not before",
        st.sampled_from([0.5, -1.0, 2.0]),
        st.sampled_from([1.0, -2.0]),
        hint="r * (W_hn h + b_hn), number by number; not W_hn (r * h), and b_hn stands inside the brackets.",
    )
    def reset_after_product(gru_cell, bias, weight):
        hidden, quiet, shut = np.array([[1.0, 0.0]]), 0.0, -1e3
        weight_hh = np.zeros((6, 2))
        weight_hh[0] = [2.0, 0.0]  # the first reset gate listens to the first number, the second stays at 1/2
        weight_hh[5] = [weight, 0.0]  # the second candidate too
        bias_ih = np.array([quiet, quiet, shut, shut, 0.0, 0.0])
        bias_hh = np.array([0.0, 0.0, 0.0, 0.0, 0.0, bias])
        got = gru_cell(np.zeros((1, 1)), hidden, np.zeros((6, 1)), weight_hh, bias_ih, bias_hh)
        close(got[0, 1], math.tanh(0.5 * (weight + bias)), "new hidden[0, 1], which is tanh(1/2 (W_hn h + b_hn))")

    @law(
        "each row of the batch has a memory of its own",
        steps(),
        hint="No sum runs over the rows.",
    )
    def rows_are_independent(gru_cell, args):
        inputs, hidden, *weights = args
        pair = gru_cell(np.stack([inputs, inputs + 1]), np.stack([hidden, hidden - 1]), *weights)[0]
        close(pair, gru_cell(*args), "the new hidden state, computed beside another row", like=args)

    @law(
        "gates that are wide open or shut give numbers",
        steps(exactly, large=True),
        hint="exp(1e4) is infinity: which of exp(x) and exp(-x) is safe depends on the sign of x.",
    )
    def stays_finite(gru_cell, args):
        result = gru_cell(*args)
        holds(np.isfinite(result), "the new hidden state", result, "finite numbers")

    @law(
        "it equals the gates worked out one after the other",
        steps(),
        hint="Which rows belong to r, z and n? Where do the two biases go?",
    )
    def agrees(gru_cell, args):
        close(gru_cell(*args), naive_gru_cell(*args), "the new hidden state", like=args)


class GRUCellBackward(BackwardSpec):
    """The gradient of one step."""

    forward = GRUCell
    differentiable = ("inputs", "hidden", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
    hint = (
        "hidden is used in z * h and in all three gates; a bias gets what its gate's sum gets, added up over the rows."
    )
    inputs = steps(exactly)
    extreme = steps(exactly, large=True)
