"""Planted: sinusoidal_positions, and rotary_embedding with its gradient.

What goes wrong: which columns hold sines and which cosines, the exponent of the frequencies, where positions begin, which
numbers form a pair, and which way a pair turns.
"""

from __future__ import annotations

import math

import numpy as np

from mutants.catalogue import right, wrong


def _angles(length, d_model):
    """(length, d_model / 2): position times the frequency of each pair."""
    i = np.arange(d_model // 2)
    return np.arange(length)[:, None] / 10000 ** (2 * i / d_model)


def _interleaved(angles):
    """sin, cos, sin, cos, ..."""
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(angles), -1)


def _cos_sin(x, positions, base):
    """(T, D / 2) each, in the dtype of x."""
    half = x.shape[-1] // 2
    angles = np.asarray(positions)[:, None] * base ** (-np.arange(half) / half)
    return np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)


def _turned(x, cos, sin):
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


# sinusoidal_positions


@wrong("sinusoidal_positions", "cosine in the even columns, sine in the odd ones")
def sinusoidal_swapped(length, d_model):
    table = np.zeros((length, d_model))
    table[:, 0::2] = np.cos(_angles(length, d_model))
    table[:, 1::2] = np.sin(_angles(length, d_model))
    return table


@wrong("sinusoidal_positions", "all sines, then all cosines")
def sinusoidal_concatenated(length, d_model):
    angles = _angles(length, d_model)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


@wrong("sinusoidal_positions", "exponent i / d_model instead of 2i / d_model")
def sinusoidal_single_exponent(length, d_model):
    i = np.arange(d_model // 2)
    return _interleaved(np.arange(length)[:, None] / 10000 ** (i / d_model))


@wrong("sinusoidal_positions", "exponent doubled twice: i already counts 0, 2, 4")
def sinusoidal_double_exponent(length, d_model):
    table = np.zeros((length, d_model))
    for i in range(0, d_model, 2):
        angle = np.arange(length) / 10000 ** (2 * i / d_model)
        table[:, i], table[:, i + 1] = np.sin(angle), np.cos(angle)
    return table


@wrong("sinusoidal_positions", "every column has an exponent of its own")
def sinusoidal_own_exponent(length, d_model):
    columns = np.arange(d_model)
    angles = np.arange(length)[:, None] / 10000 ** (columns / d_model)
    return np.where(columns % 2 == 0, np.sin(angles), np.cos(angles))


@wrong("sinusoidal_positions", "the exponents run up to 1")
def sinusoidal_last_is_one(length, d_model):
    frequencies = 10000 ** -np.linspace(0, 1, d_model // 2)
    return _interleaved(np.arange(length)[:, None] * frequencies)


@wrong("sinusoidal_positions", "exponent in whole numbers, 2i // d_model")
def sinusoidal_whole_exponent(length, d_model):
    i = np.arange(d_model // 2)
    return _interleaved(np.arange(length)[:, None] / 10000 ** (2 * i // d_model))


@wrong("sinusoidal_positions", "base e: log(10000) forgotten inside exp")
def sinusoidal_natural_base(length, d_model):
    frequencies = np.exp(-np.arange(0, d_model, 2) / d_model)
    return _interleaved(np.arange(length)[:, None] * frequencies)


@wrong("sinusoidal_positions", "base 1000, a zero too few")
def sinusoidal_other_base(length, d_model):
    frequencies = 1000 ** (-np.arange(0, d_model, 2) / d_model)
    return _interleaved(np.arange(length)[:, None] * frequencies)


@wrong("sinusoidal_positions", "minus forgotten: positions multiplied by 10000^(2i / d_model)")
def sinusoidal_multiplied(length, d_model):
    frequencies = np.exp(np.arange(0, d_model, 2) / d_model * math.log(10000))
    return _interleaved(np.arange(length)[:, None] * frequencies)


@wrong("sinusoidal_positions", "positions count from 1")
def sinusoidal_from_one(length, d_model):
    return _interleaved(_angles(length + 1, d_model)[1:])


@wrong("sinusoidal_positions", "positions divided by the length")
def sinusoidal_relative_length(length, d_model):
    return _interleaved(_angles(length, d_model) / length)


@wrong("sinusoidal_positions", "angles times 2 pi")
def sinusoidal_two_pi(length, d_model):
    return _interleaved(2 * math.pi * _angles(length, d_model))


@wrong("sinusoidal_positions", "rows reversed: the last position comes first")
def sinusoidal_reversed(length, d_model):
    return _interleaved(_angles(length, d_model)[::-1])


@wrong("sinusoidal_positions", "sines in all columns")
def sinusoidal_sines(length, d_model):
    return np.sin(np.repeat(_angles(length, d_model), 2, axis=1))


@wrong("sinusoidal_positions", "transposed")
def sinusoidal_transposed(length, d_model):
    return _interleaved(_angles(length, d_model)).T


@wrong("sinusoidal_positions", "scaled by sqrt(d_model)")
def sinusoidal_scaled(length, d_model):
    return _interleaved(_angles(length, d_model)) / math.sqrt(d_model)


@wrong("sinusoidal_positions", "written into a table of whole numbers")
def sinusoidal_whole_table(length, d_model):
    table = np.zeros((length, d_model), dtype=int)
    table[:, 0::2] = np.sin(_angles(length, d_model))
    table[:, 1::2] = np.cos(_angles(length, d_model))
    return table.astype(float)


_tables = {}


@wrong("sinusoidal_positions", "remembers one table for each width, whatever its length")
def sinusoidal_cached(length, d_model):
    if d_model not in _tables:
        _tables[d_model] = _interleaved(_angles(length, d_model))
    return _tables[d_model][:length]


@wrong("sinusoidal_positions", "returns rows in a list")
def sinusoidal_list(length, d_model):
    return list(_interleaved(_angles(length, d_model)))


@right("sinusoidal_positions", "real and imaginary parts of exp(i angle)")
def sinusoidal_complex(length, d_model):
    frequencies = np.exp(-math.log(10000) * np.arange(0, d_model, 2) / d_model)
    waves = np.exp(1j * np.arange(length)[:, None] * frequencies)
    return np.stack([waves.imag, waves.real], axis=-1).reshape(length, d_model)


@right("sinusoidal_positions", "cosine as a sine a quarter turn ahead")
def sinusoidal_shifted_sine(length, d_model):
    angles = np.repeat(_angles(length, d_model), 2, axis=1)
    return np.sin(angles + np.tile([0, math.pi / 2], d_model // 2))


@right("sinusoidal_positions", "each row is the one before turned by one step")
def sinusoidal_by_turning(length, d_model):
    step = 10000 ** (-np.arange(0, d_model, 2) / d_model)
    sin, cos = np.zeros(d_model // 2), np.ones(d_model // 2)
    rows = []
    for _ in range(length):
        rows.append(np.stack([sin, cos], axis=1).ravel())
        sin, cos = sin * np.cos(step) + cos * np.sin(step), cos * np.cos(step) - sin * np.sin(step)
    return np.array(rows)


# rotary_embedding


@wrong("rotary_embedding", "turned the other way round")
def rotary_other_way(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    return _turned(x, cos, -sin)


@wrong("rotary_embedding", "minus forgotten: both halves get a plus")
def rotary_no_minus(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos + second * sin, first * sin + second * cos], axis=-1)


@wrong("rotary_embedding", "minus in the second half too: a mirror, not a turn")
def rotary_mirror(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos + second * sin, first * sin - second * cos], axis=-1)


@wrong("rotary_embedding", "sine and cosine swapped")
def rotary_sin_cos_swapped(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    return _turned(x, sin, cos)


@wrong("rotary_embedding", "neighbours (x_2i, x_2i+1) form a pair")
def rotary_neighbours(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    even, odd = x[..., 0::2], x[..., 1::2]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


@wrong("rotary_embedding", "halves form pairs, but frequencies are repeated for neighbours")
def rotary_mixed_layouts(x, positions, base=10000.0):
    cos, sin = (np.repeat(wave, 2, axis=-1) for wave in _cos_sin(x, positions, base))
    first, second = np.split(x, 2, axis=-1)
    return x * cos + np.concatenate([-second, first], axis=-1) * sin


@wrong("rotary_embedding", "halves form pairs, but the result is interleaved")
def rotary_result_interleaved(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    first, second = np.split(x, 2, axis=-1)
    return np.stack([first * cos - second * sin, first * sin + second * cos], axis=-1).reshape(x.shape)


@wrong("rotary_embedding", "second half computed from the first half already turned")
def rotary_overwritten(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    first, second = np.split(x, 2, axis=-1)
    first = first * cos - second * sin
    second = first * sin + second * cos
    return np.concatenate([first, second], axis=-1)


@wrong("rotary_embedding", "positions ignored, 0, 1, 2, ... instead")
def rotary_counts_itself(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, np.arange(x.shape[-2]), base)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "positions moved so that they start at 0")
def rotary_starts_at_zero(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions - positions[0], base)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "positions plus 1")
def rotary_from_one(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions + 1, base)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "a table of T rows is looked up: too short for later positions")
def rotary_short_table(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, np.arange(x.shape[-2]), base)
    return _turned(x, cos[positions], sin[positions])


@wrong("rotary_embedding", "positions sorted first")
def rotary_sorted(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, np.sort(positions), base)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "one position for all rows, the first one")
def rotary_first_position(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions[:1], base)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "base ignored, 10000 written into the formula")
def rotary_fixed_base(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, 10000.0)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "default base 500000")
def rotary_other_default(x, positions, base=500000.0):
    cos, sin = _cos_sin(x, positions, base)
    return _turned(x, cos, sin)


@wrong("rotary_embedding", "exponent i / D instead of 2i / D")
def rotary_single_exponent(x, positions, base=10000.0):
    angles = positions[:, None] * base ** (-np.arange(x.shape[-1] // 2) / x.shape[-1])
    return _turned(x, np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype))


@wrong("rotary_embedding", "minus of the exponent forgotten")
def rotary_fast_waves(x, positions, base=10000.0):
    angles = positions[:, None] * base ** (np.arange(0, x.shape[-1], 2) / x.shape[-1])
    return _turned(x, np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype))


@wrong("rotary_embedding", "all pairs turn at the speed of the first")
def rotary_one_speed(x, positions, base=10000.0):
    angles = np.asarray(positions, dtype=x.dtype)[:, None]
    return _turned(x, np.cos(angles), np.sin(angles))


@wrong("rotary_embedding", "only the first half of each vector is turned")
def rotary_partial(x, positions, base=10000.0):
    rotated = x.shape[-1] // 4 * 2
    cos, sin = _cos_sin(x[..., :rotated], positions, base)
    return np.concatenate([_turned(x[..., :rotated], cos, sin), x[..., rotated:]], axis=-1)


@wrong("rotary_embedding", "time taken for the first axis: right without a batch")
def rotary_time_first(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    time_first = (len(positions),) + (1,) * (x.ndim - 2) + (-1,)
    return _turned(x, cos.reshape(time_first), sin.reshape(time_first))


@wrong("rotary_embedding", "angles added to the numbers, as a sinusoidal embedding is")
def rotary_added(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    return x + np.concatenate([cos, sin], axis=-1)


@wrong("rotary_embedding", "turns the argument in place")
def rotary_in_place(x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    x[...] = _turned(x, cos, sin)
    return x


@right("rotary_embedding", "complex numbers, one for each pair")
def rotary_complex(x, positions, base=10000.0):
    half = x.shape[-1] // 2
    turn = np.exp(1j * np.outer(positions, base ** (-np.arange(half) / half)))
    pairs = (x[..., :half] + 1j * x[..., half:]) * turn
    return np.concatenate([pairs.real, pairs.imag], axis=-1).astype(x.dtype)


@right("rotary_embedding", "a D x D matrix for each position")
def rotary_matrices(x, positions, base=10000.0):
    half = x.shape[-1] // 2
    angles = np.outer(positions, base ** (-2 * np.arange(half) / x.shape[-1]))
    matrices, i = np.zeros((len(positions), 2 * half, 2 * half)), np.arange(half)
    matrices[:, i, i] = matrices[:, i + half, i + half] = np.cos(angles)
    matrices[:, i + half, i] = np.sin(angles)
    matrices[:, i, i + half] = -np.sin(angles)
    return np.einsum("tij,...tj->...ti", matrices, x).astype(x.dtype)


@right("rotary_embedding", "x cos + rotated halves sin")
def rotary_rotated_halves(x, positions, base=10000.0):
    cos, sin = (np.tile(wave, 2) for wave in _cos_sin(x, positions, base))
    half = x.shape[-1] // 2
    return x * cos + np.concatenate([-x[..., half:], x[..., :half]], axis=-1) * sin


# rotary_embedding_backward


@wrong("rotary_embedding_backward", "turned forwards once more instead of back")
def rotary_backward_forwards(grad_output, x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    return _turned(grad_output, cos, sin)


@wrong("rotary_embedding_backward", "the incoming gradient passed on unturned")
def rotary_backward_unturned(grad_output, x, positions, base=10000.0):
    return grad_output.copy()


@wrong("rotary_embedding_backward", "cosine part alone")
def rotary_backward_cosine(grad_output, x, positions, base=10000.0):
    cos, _ = _cos_sin(x, positions, base)
    return grad_output * np.tile(cos, 2)


@wrong("rotary_embedding_backward", "base not passed on")
def rotary_backward_default_base(grad_output, x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, 10000.0)
    return _turned(grad_output, cos, -sin)


@wrong("rotary_embedding_backward", "positions counted from 0 again")
def rotary_backward_counts(grad_output, x, positions, base=10000.0):
    cos, sin = _cos_sin(x, np.arange(len(positions)), base)
    return _turned(grad_output, cos, -sin)


@wrong("rotary_embedding_backward", "neighbours turned back instead of halves")
def rotary_backward_neighbours(grad_output, x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    even, odd = grad_output[..., 0::2], grad_output[..., 1::2]
    return np.stack([even * cos + odd * sin, odd * cos - even * sin], axis=-1).reshape(x.shape)


@wrong("rotary_embedding_backward", "gives back a gradient for positions too")
def rotary_backward_two(grad_output, x, positions, base=10000.0):
    cos, sin = _cos_sin(x, positions, base)
    return _turned(grad_output, cos, -sin), np.zeros(len(positions))


@right("rotary_embedding_backward", "conjugate complex numbers")
def rotary_backward_conjugate(grad_output, x, positions, base=10000.0):
    half = x.shape[-1] // 2
    turn = np.exp(-1j * np.outer(positions, base ** (-np.arange(half) / half)))
    pairs = (grad_output[..., :half] + 1j * grad_output[..., half:]) * turn
    return np.concatenate([pairs.real, pairs.imag], axis=-1).astype(x.dtype)
