"""What may be drawn: arrays or tensors with the right axes and finite values, checked with a sentence that teaches."""

from __future__ import annotations

from typing import Any

import numpy as np

from minimm.errors import check


def checked_array(name: str, value: Any, axes: str) -> np.ndarray:
    """`value` as a float64 array with the axes that `axes` names, as in "(N, 3, H, W)". Tensors of any device do too.

    A number among the axes is the size that axis must have. Raises `MinimmError` for other shapes, for an empty array
    and for values that are not finite.
    """
    if hasattr(value, "detach"):  # a torch tensor: float() because NumPy knows no bfloat16
        value = value.detach().float().cpu().numpy()
    array = np.asarray(value, dtype=np.float64)
    wanted = axes.strip("()").split(", ")
    fits = array.ndim == len(wanted) and all(
        size == int(axis) for size, axis in zip(array.shape, wanted, strict=True) if axis.isdigit()
    )
    check(fits, f"{name} has shape {array.shape}, but {axes} was expected")
    check(array.size > 0, f"{name} of shape {array.shape} is empty, so there is nothing to draw")
    check(bool(np.isfinite(array).all()), f"{name} contains NaN or infinity; look for the step that made it")
    return array


def checked_weights(name: str, value: Any, axes: str) -> np.ndarray:
    """As `checked_array`, and no value below 0, as attention weights are."""
    array = checked_array(name, value, axes)
    check(
        array.min() >= 0, f"{name} goes down to {array.min():.3g}, but weights are at least 0; draw them after softmax"
    )
    return array


def checked_pictures(name: str, value: Any, axes: str) -> np.ndarray:
    """As `checked_array`, and values from 0 to 1, clipped where rounding went a little beyond."""
    array = checked_array(name, value, axes)
    low, high = array.min(), array.max()
    check(
        low >= -0.01 and high <= 1.01,
        f"{name} has values from {low:.3g} to {high:.3g}, but 0 to 1 was expected; "
        "divide bytes by 255, and undo any normalisation",
    )
    return np.clip(array, 0, 1)
