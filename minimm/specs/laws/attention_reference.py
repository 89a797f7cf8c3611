"""Attention by the definition, query by query: what the laws compare with, and the inputs and masks that they draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import Draw, batches, booleans, dtypes, exactly, floats, sizes
from minimm.specs.laws.softmax import naive_softmax

Inputs = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def qkv(draw: Draw, large: bool = False, dtype: Any = dtypes) -> Inputs:
    """query (..., T_q, D), key (..., T_k, D), value (..., T_k, D_v); with `large`, scores up to about 1e5."""
    batch, dtype = draw(batches()), draw(dtype)
    t_q, t_k, d, d_v = (draw(sizes) for _ in range(4))
    query = floats(draw, *batch, t_q, d, dtype=dtype)
    key = floats(draw, *batch, t_k, d, dtype=dtype, large=large)
    return query, key, floats(draw, *batch, t_k, d_v, dtype=dtype)


@st.composite
def masks(draw: Draw, batch: tuple[int, ...], t_q: int, t_k: int) -> np.ndarray:
    """A bool mask that broadcasts to (..., T_q, T_k): one for all, one for each, padding, causal, or nothing allowed."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return booleans(draw, t_q, t_k)
    if kind == 1:
        return booleans(draw, *batch, t_q, t_k)
    if kind == 2:
        return booleans(draw, *batch, 1, t_k)  # which keys are real, the same for every query
    if kind == 3:
        return np.arange(t_k) <= np.arange(t_q)[:, None]
    if kind == 4:
        return np.zeros((t_q, t_k), dtype=bool)
    return np.ones((t_q, t_k), dtype=bool)


@st.composite
def masked(draw: Draw, large: bool = False, dtype: Any = dtypes) -> tuple[Inputs, np.ndarray]:
    """Inputs of attention and a mask for them."""
    query, key, value = draw(qkv(large, dtype))
    return (query, key, value), draw(masks(query.shape[:-2], query.shape[-2], key.shape[-2]))


@st.composite
def gradient_inputs(draw: Draw, large: bool = False) -> tuple:
    """float64, with or without a mask."""
    inputs, mask = draw(masked(large, dtype=exactly))
    return (*inputs, draw(st.sampled_from([None, mask])))


def naive_attention(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Query by query: score each allowed key, softmax over these alone, average their values."""
    batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    t_q, t_k = query.shape[-2], key.shape[-2]
    query, key, value = (np.broadcast_to(x, (*batch, *x.shape[-2:])).astype(np.float64) for x in (query, key, value))
    allowed = np.broadcast_to(True if mask is None else mask, (*batch, t_q, t_k))
    output, weights = np.zeros((*batch, t_q, value.shape[-1])), np.zeros((*batch, t_q, t_k))
    for index in np.ndindex(*batch, t_q):
        row, keys = index[:-1], np.flatnonzero(allowed[index])
        if keys.size:
            scores = [math.fsum(query[index] * key[row][j]) / math.sqrt(query.shape[-1]) for j in keys]
            weights[index][keys] = naive_softmax(np.array(scores))
            output[index] = weights[index] @ value[row]
    return output, weights
