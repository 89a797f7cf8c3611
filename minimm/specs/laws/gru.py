"""Laws of the gated recurrent unit through time: one cell, step after step, and its state is all that is remembered."""

from __future__ import annotations

import numpy as np

from minimm.specs.draw import exactly
from minimm.specs.expect import close
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.gru_cell import ARGUMENTS, LESSON, SHAPES, example, naive_gru_cell, steps
from minimm.specs.returns import Floats, Several


def naive_gru(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """The cell, once a step."""
    outputs = []
    for t in range(inputs.shape[-2]):
        hidden = naive_gru_cell(inputs[..., t, :], hidden, weight_ih, weight_hh, bias_ih, bias_hh)
        outputs.append(hidden)
    return np.stack(outputs, axis=-2), hidden


class GRU(Spec):
    """The cell, step after step."""

    signature = f"gru{ARGUMENTS}"
    shapes = f"inputs (..., T, D), {SHAPES} -> (outputs (..., T, H), final (..., H))"
    lesson = LESSON
    example = example(4)
    reference = staticmethod(naive_gru)

    @staticmethod
    def returns(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
        return Several(outputs=Floats((*inputs.shape[:-1], hidden.shape[-1])), final=Floats(hidden.shape))

    @law("the final state is the last output", steps(in_time=True), hint="Time is the last axis but one of inputs.")
    def final_is_last(gru, args):
        outputs, final = gru(*args)
        close(final, outputs[..., -1, :], "the final state, beside the last output", like=args)

    @law(
        "one step is the cell",
        steps(in_time=True),
        hint="The first step starts from the hidden state that was given.",
    )
    def one_step(gru, args):
        inputs, *rest = args
        _, final = gru(inputs[..., :1, :], *rest)
        close(final, naive_gru_cell(inputs[..., 0, :], *rest), "the state after one step", like=args)

    @law(
        "what comes later changes nothing before",
        steps(in_time=True),
        hint="Does it read from the beginning to the end?",
    )
    def causal(gru, args):
        inputs, *rest = args
        changed = np.array(inputs)
        changed[..., -1, :] += 3
        got, wanted = gru(changed, *rest)[0][..., :-1, :], gru(*args)[0][..., :-1, :]
        close(got, wanted, "the outputs before the last step, after the last input has changed", like=args)

    @law(
        "reading the rest from the state in the middle is the same as reading on",
        steps(in_time=True),
        hint="The state is all that is remembered: what else survives a step?",
    )
    def continues(gru, args):
        inputs, hidden, *weights = args
        cut = (inputs.shape[-2] + 1) // 2
        outputs, final = gru(*args)
        first, middle = gru(inputs[..., :cut, :], hidden, *weights)
        close(first, outputs[..., :cut, :], f"the first {cut} outputs, read alone", like=args)
        if cut < inputs.shape[-2]:
            second, end = gru(inputs[..., cut:, :], middle, *weights)
            close(
                second, outputs[..., cut:, :], f"the outputs from step {cut} on, read from the state there", like=args
            )
            close(end, final, "the final state", like=args)

    @law(
        "an update gate that is wide open carries the first state to the end",
        steps(in_time=True),
        hint="z near 1 means keep. Does the given hidden state reach the first step?",
    )
    def carries(gru, args):
        inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh = args
        h = hidden.shape[-1]
        bias = np.array(bias_ih)
        bias[h : 2 * h] = 1e3
        _, final = gru(inputs, hidden, weight_ih, weight_hh, bias, bias_hh)
        close(final, hidden, "the final state when the bias of z is 1000", like=args)

    @law(
        "it equals the cell worked out step by step",
        steps(in_time=True),
        hint="Compare the first output that differs: which state did it start from?",
    )
    def agrees(gru, args):
        (outputs, final), (wanted_outputs, wanted_final) = gru(*args), naive_gru(*args)
        close(outputs, wanted_outputs, "the outputs", like=args)
        close(final, wanted_final, "the final state", like=args)


class GRUBackward(BackwardSpec):
    """The gradient through time."""

    forward = GRU
    differentiable = ("inputs", "hidden", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
    hint = (
        "From the last step to the first: each state gets its own output's gradient and what the next step sends back."
    )
    inputs = steps(exactly, in_time=True)
    extreme = steps(exactly, in_time=True, large=True)
    incoming = ("grad_outputs", "grad_final")
