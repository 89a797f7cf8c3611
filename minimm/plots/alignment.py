"""One map for a pair of texts: for each token that was written (row), where it looked in the text that was read (column).

The weights are cross-attention, softmax(Q_t K_s^T / sqrt(d_k)); Bahdanau et al. 2015, figure 3, drew the first such maps.
Each row sums to one. Colours run from 0 to the largest weight of the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_weights
from minimm.plots.attention import COLOUR_MAP, LABEL_INCHES
from minimm.plots.labels import token_label, width
from minimm.plots.style import BAR, GREY, SMALL, Drawing, text_style

CELL = 0.19  # inches: a label stands clear of the next
MAX_TOKENS = 60


def alignment_map(weights: Any, rows: Sequence[str], columns: Sequence[str], title: str) -> Figure:
    """Draw weights (T_t, T_s) with a label for each row and column; at most 60 of each are drawn, the first ones.

    Raises `MinimmError` for other shapes, weights that are negative or not finite, and tokens that don't fit the weights.
    """
    weights = checked_weights("weights", np.asarray(weights)[None, None], "(1, 1, T_t, T_s)")[0, 0]
    check(
        weights.shape == (len(rows), len(columns)),
        f"weights of shape {weights.shape} do not fit {len(rows)} row tokens and {len(columns)} column tokens; "
        "give one token for each",
    )
    weights = weights[:MAX_TOKENS, :MAX_TOKENS]
    row_labels, column_labels = (
        [token_label(token, LABEL_INCHES, SMALL) for token in tokens[:MAX_TOKENS]] for tokens in (rows, columns)
    )
    left = 0.16 + max(width(label, SMALL) for label in row_labels)
    below = 0.16 + max(width(label, SMALL) for label in column_labels)
    map_width, map_height = max(1.2, CELL * len(column_labels)), max(0.8, CELL * len(row_labels))
    figure = Drawing(left + map_width + 0.12 + BAR, map_height + below, title)
    axes = figure.panel(left, 0, map_width, map_height, frame=GREY)
    axes.imshow(
        weights / max(weights.max(), np.finfo(float).tiny),
        cmap=COLOUR_MAP,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xticks(np.arange(len(column_labels)), column_labels, rotation=90, **text_style(SMALL))
    axes.set_yticks(np.arange(len(row_labels)), row_labels, **text_style(SMALL))
    figure.colour_bar(left + map_width + 0.12, 0, min(2.0, map_height), COLOUR_MAP)
    return figure
