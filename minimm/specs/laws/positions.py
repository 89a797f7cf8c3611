"""Laws of positions: waves that give every place its own pattern, and rotations that leave distance alone in the product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, dtypes, exactly, floats, integers, up_to
from minimm.specs.expect import close
from minimm.specs.gradient import BackwardSpec
from minimm.specs.law import Spec, law
from minimm.specs.returns import Floats

LESSON = "lesson 05, positions, normalisation, the block"
BASES = st.sampled_from([10000.0, 10.0, 500000.0])
lengths = st.integers(1, 12)
widths = st.integers(1, 8).map(lambda half: 2 * half)


class SinusoidalPositions(Spec):
    """Column 2i is sin(t / 10000^(2i / d_model)), column 2i + 1 the cosine of the same angle."""

    signature = "sinusoidal_positions(length, d_model)"
    shapes = "length T, d_model even -> (T, d_model)"
    lesson = LESSON
    example = (3, 4)

    @staticmethod
    def returns(length, d_model):
        return Floats((length, d_model))

    @staticmethod
    def reference(length: int, d_model: int) -> np.ndarray:
        """Cell by cell."""
        table = np.zeros((length, d_model))
        for t in range(length):
            for column in range(d_model):
                angle = t / 10000 ** (column // 2 * 2 / d_model)
                table[t, column] = math.cos(angle) if column % 2 else math.sin(angle)
        return table

    @law(
        "position 0 alternates between 0 and 1, beginning with 0",
        widths,
        hint="Positions count from 0; sin 0 = 0 and cos 0 = 1. Sines and cosines take turns.",
    )
    def first_row(sinusoidal_positions, d_model):
        close(sinusoidal_positions(1, d_model)[0], np.tile([0.0, 1.0], d_model // 2), "the row of position 0")

    @law(
        "each sine stands beside the cosine of the same angle: their squares sum to one",
        lengths,
        widths,
        hint="Columns 2i and 2i + 1 share one angle; the exponent is 2i / d_model for both.",
    )
    def pairs(sinusoidal_positions, length, d_model):
        table = sinusoidal_positions(length, d_model)
        total = table[:, 0::2] ** 2 + table[:, 1::2] ** 2
        close(total, np.ones((length, d_model // 2)), "column 2i squared plus column 2i + 1 squared", tolerance=1e-5)

    @law(
        "the first pair turns by one radian a position",
        lengths,
        widths,
        hint="For i = 0 the wavelength is 10000^0 = 1.",
    )
    def first_pair(sinusoidal_positions, length, d_model):
        t = np.arange(length)
        wanted = np.stack([np.sin(t), np.cos(t)], axis=1)
        close(sinusoidal_positions(length, d_model)[:, :2], wanted, "the first two columns", tolerance=1e-5)

    @law(
        "pair i turns 10000^(2i / d_model) times slower than the first",
        st.integers(2, 8).map(lambda half: 2 * half),
        hint="The exponent runs over 2i / d_model with i = 0, 1, ...: it never reaches 1.",
    )
    def slower(sinusoidal_positions, d_model):
        row = sinusoidal_positions(2, d_model)[1].astype(np.float64)
        angles = np.arctan2(row[0::2], row[1::2])
        wanted = [10000 ** (-2 * i / d_model) for i in range(d_model // 2)]
        close(np.log(angles), np.log(wanted), "the logarithm of the angles of position 1", tolerance=1e-4)

    @law(
        "a longer table begins with the shorter one",
        lengths,
        st.integers(1, 5),
        widths,
        hint="The wave of a position does not depend on how long the text is.",
    )
    def grows(sinusoidal_positions, length, more, d_model):
        longer, shorter = sinusoidal_positions(length + more, d_model), sinusoidal_positions(length, d_model)
        close(longer[:length], shorter, f"the first {length} rows of a table {more} longer", tolerance=1e-6)

    @law(
        "it equals the formula worked out cell by cell",
        st.sampled_from([1, 2, 3, 7, 60]),
        widths,
        hint="Take the printed cell: which t, which i, sine or cosine?",
    )
    def agrees(sinusoidal_positions, length, d_model):
        wanted = SinusoidalPositions.reference(length, d_model)
        close(sinusoidal_positions(length, d_model), wanted, "the table", tolerance=1e-5)


@st.composite
def turned(draw: Draw, dtype: Any = dtypes) -> tuple[np.ndarray, np.ndarray]:
    """x (..., T, D) and positions (T,), in any order and with gaps."""
    t, half = draw(up_to(4)), draw(up_to(4))
    x = floats(draw, *draw(batches()), t, 2 * half, dtype=draw(dtype))
    return x, integers(draw, t, high=20)


@st.composite
def rotary_inputs(draw: Draw) -> tuple:
    """For gradients: float64 and a base."""
    return (*draw(turned(exactly)), draw(BASES))


def naive_rotary(x: np.ndarray, positions: np.ndarray, base: float = 10000.0) -> np.ndarray:
    """Pair by pair: (a, b) -> (a cos - b sin, a sin + b cos)."""
    half = x.shape[-1] // 2
    result = np.zeros(x.shape)
    for row, position in enumerate(np.asarray(positions).tolist()):
        for i in range(half):
            angle = position * base ** (-2 * i / x.shape[-1])
            a, b = x[..., row, i].astype(np.float64), x[..., row, i + half].astype(np.float64)
            result[..., row, i] = a * math.cos(angle) - b * math.sin(angle)
            result[..., row, i + half] = a * math.sin(angle) + b * math.cos(angle)
    return result


class RotaryEmbedding(Spec):
    """The pair (x_i, x_(i + D/2)) is turned by position * base^(-2i / D)."""

    signature = "rotary_embedding(x, positions, base=10000.0)"
    shapes = "x (..., T, D) with D even, positions (T,) -> (..., T, D); halves paired as in Llama"
    lesson = LESSON
    example = (np.eye(3, 4), np.array([0, 1, 2]))
    reference = staticmethod(naive_rotary)

    @staticmethod
    def returns(x, positions, base=10000.0):
        return Floats(x.shape)

    @law("position 0 is not turned", turned(), hint="The angle is the position times a frequency.")
    def position_zero(rotary_embedding, inputs):
        x, positions = inputs
        close(rotary_embedding(x, np.zeros_like(positions)), x, "the result for positions of 0", like=(x,))

    @law(
        "turning changes no length: each pair (x_i, x_(i + D/2)) keeps its own",
        turned(),
        hint="Which numbers form a pair? Halves: the first number of the first half with the first of the second.",
    )
    def keeps_length(rotary_embedding, inputs):
        x, positions = inputs
        half = x.shape[-1] // 2

        def lengths(vectors: np.ndarray) -> np.ndarray:
            return vectors[..., :half] ** 2 + vectors[..., half:] ** 2

        close(lengths(rotary_embedding(x, positions)), lengths(x), "x_i^2 + x_(i + D/2)^2 after turning", like=(x,))

    @law(
        "the product of a query and a key depends on their distance alone",
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(0, 9),
        turned(exactly),
        hint="Both are turned in the same direction, each by its own position: the product keeps the difference.",
    )
    def relative(rotary_embedding, at_query, at_key, shift, inputs):
        x = inputs[0].reshape(-1, inputs[0].shape[-1])[:1]
        y = x[:, ::-1] + 1.0

        def product(i: int, j: int) -> float:
            return float((rotary_embedding(x, np.array([i])) * rotary_embedding(y, np.array([j]))).sum())

        wanted = product(at_query, at_key)
        got = product(at_query + shift, at_key + shift)
        where = f"positions {at_query + shift} and {at_key + shift}, beside {at_query} and {at_key}"
        close(got, wanted, f"the product at {where}", tolerance=1e-5)  # a table of angles may be kept in float32

    @law(
        "turning by 3 and then by 4 is turning by 7",
        turned(exactly),
        BASES,
        hint="Angles add up when the position multiplies a fixed frequency.",
    )
    def angles_add(rotary_embedding, inputs, base):
        x, positions = inputs
        step, more = np.full_like(positions, 3), np.full_like(positions, 4)
        twice = rotary_embedding(rotary_embedding(x, step, base=base), more, base=base)
        close(
            twice, rotary_embedding(x, step + more, base=base), "the result of turning by 3, then by 4", tolerance=1e-5
        )

    @law(
        "the first pair turns by one radian a position, from the first half towards the second",
        st.integers(0, 9),
        widths,
        hint="(a, b) -> (a cos - b sin, a sin + b cos): where is the minus sign? For i = 0 the frequency is 1.",
    )
    def direction(rotary_embedding, position, d):
        x = np.zeros((1, d))
        x[0, 0] = 1.0
        wanted = np.zeros((1, d))
        wanted[0, 0], wanted[0, d // 2] = math.cos(position), math.sin(position)
        close(rotary_embedding(x, np.array([position])), wanted, f"[1, 0, ...] at position {position}", tolerance=1e-5)

    @law(
        "pair i turns base^(2i / D) times slower than the first",
        st.integers(2, 4),
        BASES,
        hint="Slower, so the exponent is negative; it runs over 2i / D with i = 0, 1, ... Does the base reach the formula?",
    )
    def slower(rotary_embedding, half, base):
        x = np.concatenate([np.ones((1, half)), np.zeros((1, half))], axis=1)
        turned_by_one = rotary_embedding(x, np.array([1]), base=base)[0]
        angles = np.arctan2(turned_by_one[half:], turned_by_one[:half])
        wanted = [base ** (-i / half) for i in range(half)]
        close(angles, np.array(wanted), f"the angles of position 1 with base={base:g}", tolerance=1e-5)

    @law(
        "each row is turned by its own position",
        turned(),
        hint="positions[t] belongs to row t; they may start anywhere and come in any order.",
    )
    def own_position(rotary_embedding, inputs):
        x, positions = inputs
        together = rotary_embedding(x, positions)[..., -1:, :]
        alone = rotary_embedding(x[..., -1:, :], positions[-1:])
        close(alone, together, f"the last row alone, at position {positions[-1]}", like=(x,))

    @law(
        "it equals the rotation worked out pair by pair",
        turned(),
        BASES,
        hint="Pair i turns by position * base^(-2i / D). Does the base reach the formula?",
    )
    def agrees(rotary_embedding, inputs, base):
        x, positions = inputs
        if base == 10000.0:
            close(rotary_embedding(x, positions), naive_rotary(x, positions), "the result", like=(x,))
        got, wanted = rotary_embedding(x, positions, base=base), naive_rotary(x, positions, base)
        close(got, wanted, f"the result with base={base:g}", like=(x,))


class RotaryEmbeddingBackward(BackwardSpec):
    """The gradient of the rotary embedding."""

    forward = RotaryEmbedding
    differentiable = ("x",)
    hint = "A rotation is undone by turning back."
    inputs = rotary_inputs()
