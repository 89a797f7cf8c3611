"""Laws of cross-modal attention: every word asks the picture, and the picture's values answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, exactly, floats, sizes
from minimm.specs.expect import close
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.attention_reference import naive_attention
from minimm.specs.returns import Floats, Several


@st.composite
def text_and_image(draw: Draw, dtype: Any = dtypes, same_shape: bool = False) -> tuple[np.ndarray, ...]:
    """text (..., T, D_t), image (..., N, D_i), w_q (D_t, D), w_k (D_i, D), w_v (D_i, D_v); or all sizes equal."""
    batch, dtype = draw(batches(1)), draw(dtype)
    t, n, d_t, d_i, d, d_v = (draw(sizes),) * 6 if same_shape else (draw(sizes) for _ in range(6))
    shapes = ((*batch, t, d_t), (*batch, n, d_i), (d_t, d), (d_i, d), (d_i, d_v))
    return tuple(floats(draw, *shape, dtype=dtype) for shape in shapes)


class CrossModalAttention(Spec):
    """softmax(Q_t K_v^T / sqrt(D)) V_v: every word asks the picture."""

    signature = "cross_modal_attention(text, image, w_q, w_k, w_v)"
    shapes = (
        "text (T, D_t), image (N, D_i), w_q (D_t, D), w_k (D_i, D), w_v (D_i, D_v)"
        " -> (output (T, D_v), weights (T, N)); text and image may have leading batch dimensions"
    )
    lesson = "lesson 14, cross-modal attention and fusion"
    example = (np.eye(2, 3), np.ones((4, 2)), np.eye(3, 2), np.eye(2, 2), np.arange(6.0).reshape(2, 3))

    @staticmethod
    def returns(text, image, w_q, w_k, w_v):
        output, weights = (*text.shape[:-1], w_v.shape[-1]), (*text.shape[:-1], image.shape[-2])
        return Several(output=Floats(output), weights=Floats(weights))

    @staticmethod
    def reference(text, image, w_q, w_k, w_v):
        """Project, then attend query by query."""
        return naive_attention(text @ w_q, image @ w_k, image @ w_v)

    @law(
        "each word's weights over the picture sum to one", text_and_image(), hint="The softmax runs over the N regions."
    )
    def rows_sum_to_one(cross_modal_attention, inputs):
        _, weights = cross_modal_attention(*inputs)
        close(weights.sum(axis=-1), np.ones(weights.shape[:-1]), "the sum of each word's weights", like=inputs)

    @law(
        "what is mixed comes from the picture",
        text_and_image(),
        hint="Text asks, the picture answers: which of the two is multiplied by w_v?",
    )
    def values_from_image(cross_modal_attention, inputs):
        text, image, _, _, w_v = inputs
        output, weights = cross_modal_attention(*inputs)
        close(output, weights @ (image @ w_v), "the output, beside weights @ (image @ w_v)", like=inputs)

    @law(
        "the picture's regions may be put in any order",
        text_and_image(),
        hint="A set of regions has no order; the weights only move with them.",
    )
    def regions_permute(cross_modal_attention, inputs):
        text, image, *projections = inputs
        output, weights = cross_modal_attention(*inputs)
        again, turned = cross_modal_attention(text, image[..., ::-1, :], *projections)
        close(again, output, "the output with the regions in reverse order", like=inputs)
        close(turned, weights[..., ::-1], "the weights with the regions in reverse order", like=inputs)

    @law(
        "a text that asks nothing (w_q = 0) sees the mean of the picture",
        text_and_image(),
        hint="Scores of zero make equal weights.",
    )
    def no_question(cross_modal_attention, inputs):
        text, image, w_q, w_k, w_v = inputs
        output, _ = cross_modal_attention(text, image, np.zeros_like(w_q), w_k, w_v)
        mean = np.ones_like(output) * (image @ w_v).mean(axis=-2, keepdims=True)
        close(output, mean, "the output, beside the mean of image @ w_v", like=inputs)

    @law(
        "the scores are divided by sqrt(D), the width of w_q and w_k",
        st.integers(1, 16),
        hint="D is the size in which text and picture meet, not that of either of them.",
    )
    def scaled(cross_modal_attention, d):
        text, image = np.ones((1, 1)), np.array([[0.0, 1.0], [1.0, 1.0]])
        w_q, w_k = np.ones((1, d)), np.concatenate([np.full((1, d), 1 / math.sqrt(d)), np.zeros((1, d))])
        _, weights = cross_modal_attention(text, image, w_q, w_k, np.ones((2, 3)))
        close(weights[0, 1] / weights[0, 0], math.e, "weights[0, 1] / weights[0, 0], for scores of 0 and sqrt(D)")

    @law(
        "text and picture keep their roles where they have the same shape",
        text_and_image(exactly, same_shape=True),
        hint="w_q meets the text, w_k and w_v the image; nothing warns you when the shapes agree.",
    )
    def roles(cross_modal_attention, inputs):
        output, weights = cross_modal_attention(*inputs)
        wanted_output, wanted_weights = CrossModalAttention.reference(*inputs)
        close(weights, wanted_weights, "the weights")
        close(output, wanted_output, "the output")

    @law(
        "it equals attention over projected text and picture, worked out word by word",
        text_and_image(),
        hint="Three products with w_q, w_k, w_v, then attention as in lesson 04.",
    )
    def agrees(cross_modal_attention, inputs):
        output, weights = cross_modal_attention(*inputs)
        wanted_output, wanted_weights = CrossModalAttention.reference(*(x.astype(np.float64) for x in inputs))
        close(weights, wanted_weights, "the weights", like=inputs, tolerance=_score_tolerance(inputs))
        close(output, wanted_output, "the output", like=inputs, tolerance=_score_tolerance(inputs))


def _score_tolerance(inputs: tuple[np.ndarray, ...]) -> float:
    """float32 rounding grows with the scores, which are products of three factors of up to 4 here."""
    return 2e-3 if inputs[0].dtype == np.float32 else 1e-7


class CrossModalAttentionBackward(BackwardSpec):
    """The gradient of cross-modal attention."""

    forward = CrossModalAttention
    differentiable = ("text", "image", "w_q", "w_k", "w_v")
    hint = "The image is used twice, for keys and for values: two gradients add up. And scores were divided by sqrt(D)."
    inputs = text_and_image(dtype=exactly)
