"""Laws of the contrastive loss: each picture should be nearest to its own text, and each text to its own picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, dtypes, exactly, floats, up_to
from minimm.specs.expect import close, holds
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.laws.cross_entropy import naive_cross_entropy
from minimm.specs.returns import Number

TEMPERATURES = st.sampled_from([1.0, 0.5, 0.07, 3.0])


@st.composite
def pairs(draw: Draw, dtype: Any = dtypes) -> tuple[np.ndarray, np.ndarray]:
    """image_embeddings and text_embeddings, both (N, D), no row of length zero."""
    n, d, dtype = draw(up_to(4)), draw(up_to(4)), draw(dtype)
    images, texts = floats(draw, n, d, dtype=dtype), floats(draw, n, d, dtype=dtype)
    return tuple(np.where(np.abs(x).sum(-1, keepdims=True) < 0.25, np.ones_like(x), x) for x in (images, texts))


@st.composite
def gradient_inputs(draw: Draw, temperatures: st.SearchStrategy) -> tuple:
    """float64 and a temperature."""
    return (*draw(pairs(exactly)), draw(temperatures))


def naive_contrastive_loss(image_embeddings: np.ndarray, text_embeddings: np.ndarray, temperature: float) -> float:
    """The matrix of cosines, cell by cell; then cross-entropy along rows and along columns."""

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a.astype(np.float64), b.astype(np.float64)
        return float(a @ b) / (math.sqrt(float(a @ a)) * math.sqrt(float(b @ b)))

    logits = np.array([[cosine(image, text) / temperature for text in text_embeddings] for image in image_embeddings])
    own = np.arange(len(logits))
    return (naive_cross_entropy(logits, own) + naive_cross_entropy(logits.T, own)) / 2


def _tolerance(inputs: tuple[np.ndarray, ...]) -> float | None:
    """In float32 a cosine is off by 1e-7, which a temperature of 0.07 stretches."""
    return 1e-4 if inputs[0].dtype == np.float32 else None


class ContrastiveLoss(Spec):
    """Cross-entropy of the cosines / temperature with the diagonal as target, the mean of both directions."""

    signature = "contrastive_loss(image_embeddings, text_embeddings, temperature)"
    shapes = "image_embeddings (N, D), text_embeddings (N, D), row i of both belongs together -> one float"
    lesson = "lesson 16, contrastive alignment and retrieval"
    example = (np.eye(2, 3), np.eye(2, 3) + 0.5, 0.5)
    reference = staticmethod(naive_contrastive_loss)

    @staticmethod
    def returns(image_embeddings, text_embeddings, temperature):
        return Number()

    @law(
        "when all embeddings point the same way the loss is ln N",
        st.integers(1, 8),
        TEMPERATURES,
        hint="Equal similarities make a uniform guess among N, its own partner included. A mean, not a sum.",
    )
    def uniform(contrastive_loss, n, temperature):
        same = np.ones((n, 3))
        close(contrastive_loss(same, same, temperature), math.log(n), f"the loss, beside ln {n}")

    @law(
        "one pair alone has nothing to be confused with",
        pairs(),
        hint="The softmax of one number is 1, its logarithm 0.",
    )
    def one_pair(contrastive_loss, inputs):
        images, texts = inputs
        close(contrastive_loss(images[:1], texts[:1], 0.5), 0.0, "the loss of one pair", like=inputs)

    @law(
        "pictures and texts may change places",
        pairs(),
        TEMPERATURES,
        hint="Two cross-entropies: along the rows and along the columns; their mean is symmetric.",
    )
    def symmetric(contrastive_loss, inputs, temperature):
        images, texts = inputs
        got, wanted = contrastive_loss(texts, images, temperature), contrastive_loss(images, texts, temperature)
        close(got, wanted, "the loss with images and texts exchanged", tolerance=_tolerance(inputs))

    @law(
        "only directions count: longer embeddings change nothing",
        pairs(),
        st.sampled_from([2.0, 30.0]),
        hint="Divide each row by its own length before anything else, on both sides.",
    )
    def directions(contrastive_loss, inputs, factor):
        images, texts = inputs
        stretch = np.arange(1, len(images) + 1, dtype=images.dtype)[:, None] * images.dtype.type(factor)
        got, wanted = contrastive_loss(images * stretch, texts, 0.5), contrastive_loss(images, texts, 0.5)
        close(got, wanted, "the loss with longer image embeddings", tolerance=_tolerance(inputs))
        got = contrastive_loss(images, texts * stretch, 0.5)
        close(got, wanted, "the loss with longer text embeddings", tolerance=_tolerance(inputs))

    @law(
        "pairs may come in any order",
        pairs(),
        TEMPERATURES,
        hint="Row i of the images belongs to row i of the texts: the targets are the diagonal.",
    )
    def order(contrastive_loss, inputs, temperature):
        images, texts = inputs
        got = contrastive_loss(images[::-1], texts[::-1], temperature)
        close(got, contrastive_loss(images, texts, temperature), "the loss of the pairs in reverse order", like=inputs)

    @law(
        "perfect pairs at right angles lose ln(1 + (N - 1) exp(-1 / temperature))",
        st.integers(1, 6),
        TEMPERATURES,
        hint="Cosines of 1 on the diagonal and 0 beside it, divided by the temperature.",
    )
    def right_angles(contrastive_loss, n, temperature):
        wanted = math.log(1 + (n - 1) * math.exp(-1 / temperature))
        close(contrastive_loss(np.eye(n), 2 * np.eye(n), temperature), wanted, f"the loss of {n} perfect pairs")

    @law(
        "a wrong pairing at right angles costs 1 / temperature more than a right one",
        st.integers(2, 6),
        st.sampled_from([1.0, 0.5, 0.01, 0.001]),
        hint="Small temperatures make large logits: exp(100) is harmless, exp(1000) is not. Is the logarithm safe?",
    )
    def wrong_pairs(contrastive_loss, n, temperature):
        wrong = contrastive_loss(np.eye(n), np.roll(np.eye(n), 1, axis=0), temperature)
        wanted = math.log(1 + (n - 1) * math.exp(-1 / temperature)) + 1 / temperature
        close(wrong, wanted, "the loss of pairs that are all shifted by one")

    @law("the loss is never negative", pairs(), TEMPERATURES, hint="It is the mean of -log p.")
    def not_negative(contrastive_loss, inputs, temperature):
        loss = contrastive_loss(*inputs, temperature)
        holds(loss >= -1e-5, "the loss", loss, "0 or more")

    @law(
        "it equals both cross-entropies worked out cosine by cosine",
        pairs(),
        TEMPERATURES,
        hint="Write down the N x N cosines of the printed pairs, divide by the temperature, and take both directions.",
    )
    def agrees(contrastive_loss, inputs, temperature):
        wanted = naive_contrastive_loss(*inputs, temperature)
        got = contrastive_loss(*inputs, temperature)
        close(got, wanted, "the loss", tolerance=_tolerance(inputs))


class ContrastiveLossBackward(BackwardSpec):
    """The gradient of the contrastive loss."""

    forward = ContrastiveLoss
    differentiable = ("image_embeddings", "text_embeddings")
    hint = "Both directions send gradients to every cosine; dividing by a length removes what points along the vector."
    inputs = gradient_inputs(st.sampled_from([1.0, 0.5]))  # of which the slope is not too steep to measure
    extreme = gradient_inputs(st.just(0.001))
