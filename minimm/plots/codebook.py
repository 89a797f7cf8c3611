"""How often each code of an image tokenizer is used: a codebook of which little is used wastes what ids could say.

Bars stand in the order of use. The dashed line is equal use; the perplexity, exp of the entropy, says how many codes used
equally would be as varied (van den Oord et al. 2017 report it for their codebooks).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.arrays import checked_weights
from minimm.plots.style import BLUE, GREY, INK, NORMAL, SMALL, Drawing, text_style

WIDTH, HEIGHT = 6.2, 2.4  # inches of the axes


def codebook_bars(counts: Any) -> Figure:
    """Draw how often each of K codes occurred, `counts` (K,). Raises `MinimmError` where none did."""
    counts = checked_weights("counts", counts, "(K)")
    check(counts.sum() > 0, "no code was used at all, so there is nothing to draw; give the counts of some pictures")
    share = np.sort(counts / counts.sum())[::-1]  # (K,)
    used = share[share > 0]
    perplexity = np.exp(-(used * np.log(used)).sum())
    title = f"{len(used)} of {len(share)} codes are used; perplexity {perplexity:.0f}"
    figure = Drawing(WIDTH + 0.75, HEIGHT + 0.5, title)
    axes = figure.panel(0.65, 0.0, WIDTH, HEIGHT, frame=GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.bar(np.arange(len(share)), share, width=1.0, color=BLUE)
    axes.set_yscale("log")
    axes.set_ylim(used.min() / 2, share.max() * 2)
    axes.set_xlim(-1, len(share))
    axes.axhline(1 / len(share), color=INK, linewidth=1.0, linestyle="--")
    label = f"equal use: 1/{len(share)}"
    axes.text(len(share) - 1, 1.1 / len(share), label, ha="right", va="bottom", **text_style(SMALL))
    axes.xaxis.set_major_locator(_ticks(len(share)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0e}" if value < 1e-3 else f"{value:g}")
    axes.set_xlabel("codes, the most used first", **text_style(NORMAL))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_tick_params(which="major", length=2.5)
    axes.yaxis.set_tick_params(which="minor", length=0)
    figure.write(0, HEIGHT / 2, "share of the patches", NORMAL, rotation=90, va="center")
    return figure


def _ticks(count: int):
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(min(8, count), integer=True)
