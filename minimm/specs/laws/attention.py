"""Laws of scaled dot-product attention: a soft look-up, in which queries find keys and take their values."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, exactly
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.attention_reference import gradient_inputs, masked, naive_attention, qkv
from minimm.specs.laws.softmax import LESSON
from minimm.specs.returns import Floats, Several


@st.composite
def qkv_and_order(draw: Draw) -> tuple[tuple[np.ndarray, ...], list[int]]:
    """Query, key and value, and an order of the keys."""
    inputs = draw(qkv())
    return inputs, draw(st.permutations(range(inputs[1].shape[-2])))


class Attention(Spec):
    """softmax(Q K^T / sqrt(D)) V, with masked keys left out."""

    signature = "scaled_dot_product_attention(query, key, value, mask=None)"
    shapes = (
        "query (..., T_q, D), key (..., T_k, D), value (..., T_k, D_v), mask bool (..., T_q, T_k), True = may attend"
        " -> (output (..., T_q, D_v), weights (..., T_q, T_k))"
    )
    lesson = LESSON
    example = (np.eye(2, 3), np.ones((4, 3)), np.arange(8.0).reshape(4, 2))
    reference = staticmethod(naive_attention)

    @staticmethod
    def returns(query, key, value, mask=None):
        output, weights = (*query.shape[:-1], value.shape[-1]), (*query.shape[:-1], key.shape[-2])
        return Several(output=Floats(output), weights=Floats(weights))

    @law(
        "each row of weights sums to one",
        qkv(),
        hint="The softmax runs over the keys, the last axis of the scores.",
    )
    def rows_sum_to_one(attention, inputs):
        _, weights = attention(*inputs)
        close(weights.sum(axis=-1), np.ones(weights.shape[:-1]), "the sum of each row of weights", like=inputs)

    @law(
        "the output is the average of the values, weighted with the weights",
        qkv(),
        hint="Which array do the weights multiply, and from which side?",
    )
    def output_is_weighted_average(attention, inputs):
        output, weights = attention(*inputs)
        close(output, weights @ inputs[2], "the output, beside weights @ value", like=inputs)

    @law(
        "keys may be permuted together with their values",
        qkv_and_order(),
        hint="Attention looks keys up by what they are, not by where they stand. What depends on their order?",
    )
    def keys_permute(attention, inputs_and_order):
        inputs, order = inputs_and_order
        query, key, value = inputs
        output, weights = attention(query, key, value)
        again, weights_again = attention(query, key[..., order, :], value[..., order, :])
        close(again, output, f"the output with keys and values in the order {order}", like=inputs)
        close(weights_again, weights[..., order], f"the weights with the keys in the order {order}", like=inputs)

    @law(
        "each query is answered on its own",
        qkv(),
        hint="Taking one query away must not change what the others see. Over which axis do you normalise?",
    )
    def queries_are_independent(attention, inputs):
        query, key, value = inputs
        output, weights = attention(query, key, value)
        first, first_weights = attention(query[..., :1, :], key, value)
        close(first, output[..., :1, :], "the output of the first query when it is asked alone", like=inputs)
        close(first_weights, weights[..., :1, :], "the weights of the first query when it is asked alone", like=inputs)

    @law(
        "equal keys get equal weights",
        qkv(),
        hint="A query that matches all keys alike can only take the plain mean of the values.",
    )
    def equal_keys(attention, inputs):
        query, key, value = inputs
        same = np.ones_like(key) * key[..., :1, :]
        output, weights = attention(query, same, value)
        close(weights, np.full(weights.shape, 1 / key.shape[-2]), "the weights of equal keys", like=inputs)
        mean = np.ones_like(output) * value.mean(axis=-2, keepdims=True)
        close(output, mean, "the output, beside the mean of the values", like=inputs)

    @law(
        "the scores are divided by sqrt(D), the size of a query",
        st.integers(1, 16),
        st.integers(1, 3),
        hint="Dot products of D numbers grow like sqrt(D). Which size of which array is D?",
    )
    def scaled(attention, d, t_q):
        query, key = np.full((t_q, d), 1.0), np.stack([np.zeros(d), np.full(d, 1 / math.sqrt(d))])
        _, weights = attention(query, key, np.zeros((2, 3)))
        ratio = weights[:, 1] / weights[:, 0]
        close(ratio, np.full(t_q, math.e), "weights[:, 1] / weights[:, 0], for scores of 0 and sqrt(D) before scaling")

    @law(
        "a masked key changes nothing, whatever is in it",
        masked(),
        st.sampled_from([5.0, -70.0, 1e4]),
        hint="True means may attend. A weight set to zero after the softmax has already taken its share.",
    )
    def masked_keys_change_nothing(attention, inputs_and_mask, surprise):
        (query, key, value), mask = inputs_and_mask
        closed = ~np.broadcast_to(mask, (*query.shape[:-1], key.shape[-2])).any(axis=-2)[..., None]  # (..., T_k, 1)
        output, weights = attention(query, key, value, mask=mask)
        changed_key, changed_value = np.where(closed, surprise, key), np.where(closed, surprise, value)
        changed_key, changed_value = changed_key.astype(key.dtype), changed_value.astype(value.dtype)
        again, weights_again = attention(query, changed_key, changed_value, mask=mask)
        close(
            again,
            output,
            f"the output after writing {surprise:g} into keys and values that nobody may see",
            like=(key,),
        )
        close(weights_again, weights, f"the weights after writing {surprise:g} into these keys and values", like=(key,))

    @law(
        "a masked key gets weight zero, and a row that may see something still sums to one",
        masked(large=True),
        hint="Which value in the scores becomes exactly zero in the softmax, even beside very negative scores?",
    )
    def masked_weights(attention, inputs_and_mask):
        inputs, mask = inputs_and_mask
        _, weights = attention(*inputs, mask=mask)
        open_ = np.broadcast_to(mask, weights.shape)
        holds(weights[~open_] == 0, "the weights of masked keys", weights[~open_], "0")
        close(weights.sum(axis=-1), open_.any(axis=-1) * 1.0, "the sum of each row of weights", like=inputs)

    @law(
        "a masked key stays closed also beside very low scores",
        st.sampled_from([-1e2, -1e3, -1e4, -1e6]),
        hint="No finite number is low enough to stand for a closed key; -inf is.",
    )
    def low_scores(attention, score):
        key, mask = np.array([[score], [0.0]]), np.array([[True, False]])
        _, weights = attention(np.ones((1, 1)), key, np.ones((2, 1)), mask=mask)
        close(
            weights, np.array([[1.0, 0.0]]), f"the weights of an open key with score {score:g} and a closed one with 0"
        )

    @law(
        "a query that may attend to nothing gets zero weights and a zero output",
        qkv(),
        hint="A row of -inf everywhere: what are its maximum and its sum? It needs a case of its own.",
    )
    def nothing_allowed(attention, inputs):
        query, key, value = inputs
        nothing = np.zeros((query.shape[-2], key.shape[-2]), dtype=bool)
        output, weights = attention(query, key, value, mask=nothing)
        close(weights, np.zeros_like(weights), "the weights when the mask is False everywhere")
        close(output, np.zeros_like(output), "the output when the mask is False everywhere")

    @law(
        "scores of any size give numbers",
        masked(large=True),
        hint="exp of a large score is infinity. What may be subtracted from a whole row without changing its softmax?",
    )
    def stays_finite(attention, inputs_and_mask):
        inputs, mask = inputs_and_mask
        for result, name in zip(attention(*inputs, mask=mask), ("output", "weights"), strict=True):
            holds(np.isfinite(result), f"the {name}", result, "finite numbers")

    @law(
        "it equals softmax(Q K^T / sqrt(D)) V worked out query by query",
        masked(),
        st.booleans(),
        hint="Work it out by hand for the input above: scores, mask, softmax, average.",
    )
    def agrees(attention, inputs_and_mask, with_mask):
        inputs, mask = inputs_and_mask
        mask = mask if with_mask else None
        output, weights = attention(*inputs, mask=mask)
        wanted_output, wanted_weights = naive_attention(*inputs, mask)
        close(weights, wanted_weights, "the weights", like=inputs)
        close(output, wanted_output, "the output", like=inputs)

    @law(
        "it equals the same with large scores, in float64",
        masked(large=True, dtype=exactly),
        hint="Work it out by hand for the input above: scores, mask, softmax, average.",
    )
    def agrees_for_large_scores(attention, inputs_and_mask):
        inputs, mask = inputs_and_mask
        output, weights = attention(*inputs, mask=mask)
        wanted_output, wanted_weights = naive_attention(*inputs, mask)
        close(weights, wanted_weights, "the weights")
        close(output, wanted_output, "the output")


class AttentionBackward(BackwardSpec):
    """The gradient of attention; only the output's gradient comes in, the weights are for looking at."""

    forward = Attention
    differentiable = ("query", "key", "value")
    hint = "Three steps back: through the average of values, the softmax of each row, and the scaled product of query and key."
    inputs = gradient_inputs()
    extreme = gradient_inputs(large=True)
