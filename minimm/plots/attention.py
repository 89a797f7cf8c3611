"""One map for each layer and head: which key (column) does each query (row) look at?

Each row of a map is a softmax over the keys (Vaswani et al., 2017, equation 1), so it sums to one. Colours are relative
to the largest weight of the map, which is written above it: a head that spreads its attention evenly has a small one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_weights
from minimm.plots.labels import height, token_label, width, wrap
from minimm.plots.style import BAR, GREY, SMALL, Drawing, text_style

MAX_MAPS, MAX_TOKENS = 8, 64
COLOUR_MAP = "viridis"
LABEL_INCHES = 1.0  # the longest token label
LEGEND = "rows: queries, the tokens that look; columns: keys, the tokens looked at"
PITCH = 0.135  # inches that a label needs to stand clear of the next


def attention_grid(weights: Any, query_tokens: Sequence[str], key_tokens: Sequence[str], title: str) -> Figure:
    """Draw attention weights (L, H, T_q, T_k): a row of maps for each layer, a column for each head, counted from 0.

    Token labels stand at the left and below where there is room for them, else positions do. At most 8 x 8 maps and 64
    tokens are drawn, the first ones; the title says so. Raises `MinimmError` for other shapes, weights that are
    negative or not finite, and tokens that don't fit the weights.
    """
    weights = checked_weights("weights", weights, "(L, H, T_q, T_k)")
    for name, tokens, size in (("query", query_tokens, weights.shape[2]), ("key", key_tokens, weights.shape[3])):
        check(
            len(tokens) == size,
            f"there are {len(tokens)} {name}_tokens, but weights of shape {weights.shape} have {size} {name} positions; "
            "give one token for each",
        )
    title += _what_is_left_out(weights.shape)
    weights = weights[:MAX_MAPS, :MAX_MAPS, :MAX_TOKENS, :MAX_TOKENS]
    num_layers, num_heads, num_queries, num_keys = weights.shape

    map_width = min(3.6, 9.0 / num_heads, 9.0 / num_layers)
    map_height = max(0.9, map_width * float(np.clip(num_queries / num_keys, 0.4, 1.6)))
    row_positions, row_labels = _ticks(query_tokens, num_queries, map_height)
    column_positions, column_labels = _ticks(key_tokens, num_keys, map_width)
    line = height(1, SMALL)
    left = line + 0.16 + max(width(label, SMALL) for label in row_labels)  # 'layer 0' upright, then the labels
    below = 0.16 + max(width(label, SMALL) for label in column_labels)  # the labels, upright
    step_x, step_y = map_width + 0.12, map_height + line + 0.08
    right, bottom = left + num_heads * step_x, num_layers * step_y
    legend = wrap(LEGEND, right + BAR - left, SMALL, max_lines=4)
    figure = Drawing(right + BAR, bottom + below + height(legend.count("\n") + 1, SMALL), title)

    for layer, head in np.ndindex(num_layers, num_heads):
        one = weights[layer, head]  # (T_q, T_k)
        x, y = left + head * step_x, layer * step_y + line
        axes = figure.panel(x, y, map_width, map_height, frame=GREY)
        shares = one / max(one.max(), np.finfo(float).tiny)
        axes.imshow(shares, cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto", origin="upper", interpolation="nearest")
        figure.write(x + map_width, y - 0.02, f"max {one.max():.2f}", ha="right", va="bottom", color=GREY)
        if layer == 0:
            figure.write(x, y - 0.02, f"head {head}", va="bottom")
        if layer == num_layers - 1:
            axes.set_xticks(column_positions, column_labels, rotation=90, **text_style(SMALL))
        if head == 0:
            axes.set_yticks(row_positions, row_labels, **text_style(SMALL))
            figure.write(0, y + map_height / 2, f"layer {layer}", rotation=90, va="center")
    figure.write(left, bottom + below, legend)
    figure.colour_bar(right, line, min(2.0, bottom - line - 0.08), COLOUR_MAP)
    return figure


def _what_is_left_out(shape: tuple[int, ...]) -> str:
    limits = (MAX_MAPS, MAX_MAPS, MAX_TOKENS, MAX_TOKENS)
    names = ("layers", "heads", "queries", "keys")
    parts = [
        f"the first {limit} of {size} {name}"
        for name, size, limit in zip(names, shape, limits, strict=True)
        if size > limit
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _ticks(tokens: Sequence[str], count: int, inches: float) -> tuple[np.ndarray, list[str]]:
    """Where to put labels along a side of `inches`, and which: all tokens, or a few positions where those don't fit."""
    if count * PITCH <= inches:
        return np.arange(count), [token_label(token, LABEL_INCHES, SMALL) for token in tokens[:count]]
    room = max(2, int(inches / 0.3))
    step = next(step for step in (1, 2, 4, 8, 16, 32) if count <= step * room)
    positions = np.arange(0, count, step)
    return positions, [str(position) for position in positions]
