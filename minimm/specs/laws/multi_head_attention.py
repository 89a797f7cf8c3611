"""Laws of multi-head attention: several attentions side by side, each in its own slice of the vector."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, booleans, dtypes, exactly, floats, up_to
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.attention_reference import naive_attention
from minimm.specs.returns import Floats


@st.composite
def inputs(draw: Draw, dtype: Any = dtypes, heads: Any = None, same_shape: bool = False) -> tuple:
    """x_query (..., T_q, d_model), x_memory (..., T_k, d_memory), w_q, w_k, w_v, w_o, num_heads.

    The products stay small enough for float32: the projections hold eighths of the numbers.
    """
    batch, dtype = draw(batches()), draw(dtype)
    num_heads = draw(up_to(3) if heads is None else heads)
    d_model, d_memory = num_heads * draw(up_to(3)), draw(up_to(4))
    t_q, t_k = draw(up_to(3)), draw(up_to(4))
    if same_shape:
        t_k, d_memory = t_q, d_model
    shapes = ((d_model, d_model), (d_memory, d_model), (d_memory, d_model), (d_model, d_model))
    weights = (floats(draw, *shape, dtype=dtype) for shape in shapes)
    x_query, x_memory = (
        floats(draw, *batch, t_q, d_model, dtype=dtype),
        floats(draw, *batch, t_k, d_memory, dtype=dtype),
    )
    return x_query, x_memory, *weights, num_heads


@st.composite
def with_mask(draw: Draw, dtype: Any = dtypes) -> tuple:
    """The same and a mask (T_q, T_k): drawn, causal, all False, or None."""
    args = draw(inputs(dtype))
    t_q, t_k = args[0].shape[-2], args[1].shape[-2]
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return (*args, None)
    if kind == 1:
        return (*args, np.arange(t_k) <= np.arange(t_q)[:, None])
    if kind == 2:
        return (*args, np.zeros((t_q, t_k), dtype=bool))
    return (*args, booleans(draw, t_q, t_k))


def naive_multi_head_attention(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    """Head by head: cut the columns out, attend, put the outputs side by side."""
    x_query, x_memory, w_q, w_k, w_v, w_o = (x.astype(np.float64) for x in (x_query, x_memory, w_q, w_k, w_v, w_o))
    size = w_q.shape[1] // num_heads
    outputs = []
    for head in range(num_heads):
        own = slice(head * size, (head + 1) * size)
        output, _ = naive_attention(x_query @ w_q[:, own], x_memory @ w_k[:, own], x_memory @ w_v[:, own], mask)
        outputs.append(output)
    return np.concatenate(outputs, axis=-1) @ w_o


def _tolerance(args: tuple) -> float | None:
    """float32 rounding grows with the scores, which are products of four numbers of up to 4 here."""
    return 1e-2 if args[0].dtype == np.float32 else None


class MultiHeadAttention(Spec):
    """concat(head_1 .. head_H) W_o, head_h = softmax(Q_h K_h^T / sqrt(D)) V_h."""

    signature = "multi_head_attention(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None)"
    shapes = (
        "x_query (..., T_q, d_model), x_memory (..., T_k, d_memory), w_q and w_o (d_model, d_model), w_k and w_v "
        "(d_memory, d_model), mask bool (T_q, T_k), True = may attend, the same for every head -> (..., T_q, d_model). "
        "Projections are x @ w; head h owns columns h*D to (h+1)*D with D = d_model / num_heads"
    )
    lesson = "lesson 04, attention"
    example = (np.eye(3, 4), np.ones((2, 5)), np.eye(4), np.eye(5, 4), np.ones((5, 4)), np.eye(4), 2)
    reference = staticmethod(naive_multi_head_attention)

    @staticmethod
    def returns(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
        return Floats((*x_query.shape[:-1], w_o.shape[1]))

    @law(
        "with one head it is plain attention between the projections",
        inputs(heads=st.just(1)),
        hint="Three products, attention, one product with w_o. Which comes from x_query, which from x_memory?",
    )
    def one_head(multi_head_attention, args):
        x_query, x_memory, w_q, w_k, w_v, w_o, _ = args
        output, _ = naive_attention(x_query @ w_q, x_memory @ w_k, x_memory @ w_v)
        close(multi_head_attention(*args), output @ w_o, "the output", like=args[:2], tolerance=_tolerance(args))

    @law(
        "the memory's positions may be put in any order",
        inputs(),
        hint="Keys and values move together. Which reshape mixes positions with heads?",
    )
    def memory_permutes(multi_head_attention, args):
        x_query, x_memory, *rest = args
        turned = multi_head_attention(x_query, x_memory[..., ::-1, :], *rest)
        wanted = multi_head_attention(*args)
        close(turned, wanted, "the output with x_memory in reverse order", like=args[:2], tolerance=_tolerance(args))

    @law(
        "each query is answered on its own",
        inputs(),
        hint="(T, H * D) to heads is a reshape to (T, H, D) and then a transpose; a single reshape mixes positions.",
    )
    def queries_are_independent(multi_head_attention, args):
        x_query, *rest = args
        alone = multi_head_attention(x_query[..., -1:, :], *rest)
        together = multi_head_attention(*args)[..., -1:, :]
        close(alone, together, "the output of the last query asked alone", like=args[:2], tolerance=_tolerance(args))

    @law(
        "scores are divided by sqrt(D), the size of one head, not of the whole vector",
        st.integers(1, 4),
        st.integers(1, 4),
        hint="After the split into heads, how many numbers go into each dot product?",
    )
    def scaled_by_head_size(multi_head_attention, num_heads, size):
        d_model = num_heads * size
        x_query, x_memory = np.ones((1, 1)) * np.ones((1, d_model)), np.array([[0.0, 1.0], [1.0, 1.0]])
        w_q = np.eye(d_model)
        w_k = np.stack([np.full(d_model, 1 / math.sqrt(size)), np.zeros(d_model)])
        w_v = np.stack([np.ones(d_model), np.zeros(d_model)])
        output = multi_head_attention(x_query, x_memory, w_q, w_k, w_v, np.eye(d_model), num_heads)
        wanted = np.full((1, d_model), math.e / (1 + math.e))
        close(
            output,
            wanted,
            "the output, which is the weight of a key with score sqrt(D) before scaling, beside one with 0",
        )

    @law(
        "a head that is given no values contributes nothing, and the others do not notice",
        inputs(heads=st.integers(2, 3)),
        hint="Head h owns the columns h*D to (h+1)*D of w_q, w_k and w_v, and these rows of w_o.",
    )
    def heads_are_independent(multi_head_attention, args):
        x_query, x_memory, w_q, w_k, w_v, w_o, num_heads = args
        size = w_q.shape[1] // num_heads
        first = np.arange(w_q.shape[1]) < size
        only_first = multi_head_attention(
            x_query, x_memory, w_q, w_k, np.where(first, w_v, 0).astype(w_v.dtype), w_o, num_heads
        )
        without = multi_head_attention(
            x_query, x_memory, w_q, w_k, np.where(first, 0, w_v).astype(w_v.dtype), w_o, num_heads
        )
        together, tolerance = multi_head_attention(*args), _tolerance(args)
        alone = naive_multi_head_attention(
            x_query, x_memory, w_q[:, first], w_k[:, first], w_v[:, first], w_o[first], 1
        )
        close(
            only_first,
            alone,
            "the output when only head 0 has values, beside head 0 alone",
            like=args[:2],
            tolerance=tolerance,
        )
        close(only_first + without, together, "head 0 and the others added up", like=args[:2], tolerance=tolerance)

    @law(
        "a query that may attend to nothing gets zero",
        inputs(),
        hint="No weights, no values: nothing is left for w_o to transform.",
    )
    def nothing_allowed(multi_head_attention, args):
        nothing = np.zeros((args[0].shape[-2], args[1].shape[-2]), dtype=bool)
        output = multi_head_attention(*args, mask=nothing)
        close(output, np.zeros_like(output), "the output when the mask is False everywhere")

    @law(
        "a position that nobody may see changes nothing, in any head",
        inputs(),
        st.sampled_from([7.0, -70.0]),
        hint="The mask (T_q, T_k) is the same for every head; does it reach all of them before the softmax?",
    )
    def masked_memory(multi_head_attention, args, surprise):
        x_query, x_memory, *rest = args
        mask = np.ones((x_query.shape[-2], x_memory.shape[-2]), dtype=bool)
        mask[:, -1] = False
        changed = np.array(x_memory)
        changed[..., -1, :] = surprise
        got, wanted = multi_head_attention(x_query, changed, *rest, mask=mask), multi_head_attention(*args, mask=mask)
        holds(np.isfinite(got), "the output", got, "finite numbers")
        close(got, wanted, f"the output after writing {surprise:g} into the masked last position", like=args[:2])

    @law(
        "query and memory keep their roles where they have the same shape",
        inputs(exactly, same_shape=True),
        hint="w_q meets x_query, w_k and w_v meet x_memory, as x @ w and not x @ w.T; nothing warns you when shapes agree.",
    )
    def roles(multi_head_attention, args):
        close(multi_head_attention(*args), naive_multi_head_attention(*args), "the output")

    @law(
        "it equals head after head worked out alone and put side by side",
        with_mask(),
        hint="Do it for one head by hand: which columns, which scale, which mask?",
    )
    def agrees(multi_head_attention, args):
        *given, mask = args
        output = multi_head_attention(*given) if mask is None else multi_head_attention(*given, mask=mask)
        close(output, naive_multi_head_attention(*args), "the output", like=args[:2], tolerance=_tolerance(args))


class MultiHeadAttentionBackward(BackwardSpec):
    """The gradient of multi-head attention."""

    forward = MultiHeadAttention
    differentiable = ("x_query", "x_memory", "w_q", "w_k", "w_v", "w_o")
    hint = "Undo in reverse: w_o, joining heads, attention, splitting heads, three projections; x_memory is used twice."
    inputs = with_mask(dtype=exactly)
