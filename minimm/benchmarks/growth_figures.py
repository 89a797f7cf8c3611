"""The three figures about growth, and a line of text for each curve in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minimm.plots.growth import Curve, growth_curves
from minimm.plots.style import save_figure

FIGURES = {
    "context": ("Time to write one token, by the text before it", "tokens before it", "milliseconds", 1e-3),
    "data": ("Time to work through a text once (power 1: proportional)", "bytes of text", "seconds", 1.0),
    "batch": (
        "What a training step keeps for the way back (power 1: proportional)",
        "texts in a batch",
        "megabytes",
        1e6,
    ),
}
SAID = {
    "with_cache": "with a cache",
    "without_cache": "without: all is read again",
    "train_tokenizer": "learn byte pairs",
    "encode": "encode",
    "read": "read by the model",
    "kept": "everything kept",
    "recomputed": "blocks recomputed",
}


def draw_growth(results: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """Print what was fitted, and write growth_context.png, growth_data.png and growth_batch.png into `out`."""
    for name, (title, x_label, y_label, unit) in FIGURES.items():
        curves = {f"{SAID[key]}: {describe(found)}": _curve(found) for key, found in results[name].items()}
        save_figure(growth_curves(curves, title, x_label, y_label, unit), out / f"growth_{name}.png")
        print(f"  {title}: " + "; ".join(curves))


def describe(found: Mapping[str, Any]) -> str:
    """What the fit says, in a few words."""
    if "exponent" in found:
        return f"power {found['exponent']:.2f}"
    share, fit = found["share_of_attention"], found["r_squared"]
    return f"a line (R² {fit:.3f}); attention is {share[0]:.0%} of it at first, {share[-1]:.0%} at last"


def _curve(found: Mapping[str, Any]) -> Curve:
    fit: Callable[[np.ndarray], np.ndarray]
    if "exponent" in found:
        fit = lambda x: found["factor"] * x ** found["exponent"]  # noqa: E731
    else:
        fit = lambda x: found["intercept"] + found["slope"] * x  # noqa: E731
    return found["x"], found["y"], fit
