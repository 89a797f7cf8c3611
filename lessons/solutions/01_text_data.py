"""Solutions of lesson 01, collecting and cleaning text: `minimm check lessons/solutions/01_text_data.py`."""

from __future__ import annotations

import numpy as np


def edit_distance(a, b):
    """The table of all beginnings; its last cell is the distance of the whole."""
    d = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    d[:, 0], d[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            corner = d[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, corner)
    return int(d[-1, -1])
