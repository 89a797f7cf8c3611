"""Solutions of lesson 23, the ecosystem: `minimm check lessons/solutions/23_ecosystem.py`."""

from __future__ import annotations

import math

import numpy as np


def gelu(x):
    """Half of one more than the error function is the share of the bell curve that lies below x."""
    share_below = 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))
    return (x * share_below).astype(x.dtype)


def gru_cell(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """All that comes from the input, all that comes from the memory, then gate by gate."""

    def sigmoid(a):
        return 0.5 * (1 + np.tanh(a / 2))

    in_r, in_z, in_n = np.split(inputs @ weight_ih.T + bias_ih, 3, axis=-1)
    from_r, from_z, from_n = np.split(hidden @ weight_hh.T + bias_hh, 3, axis=-1)
    r, z = sigmoid(in_r + from_r), sigmoid(in_z + from_z)
    n = np.tanh(in_n + r * from_n)
    return (1 - z) * n + z * hidden
