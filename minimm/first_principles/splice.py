"""A picture in the middle of a sentence: the vectors of its regions take the place of one word.

    merged[r, c] = [f[r m, c m]; f[r m, c m + 1]; ...; f[r m + m - 1, c m + m - 1]]        m x m neighbours side by side
    spliced      = words before the place, vectors of the medium, words behind it

Neither step computes anything: numbers change their places, so the gradient puts them back. What lies between both is a
projection, as in `linear.py`.

Source: Liu et al. 2023, "Visual instruction tuning" (LLaVA), section 4.1. Differs from it: neighbours are merged first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def merge_neighbours(features: np.ndarray, size: int) -> np.ndarray:
    """features (H, W, D) -> (H / size, W / size, size^2 * D); `size` divides H and W."""
    height, width, depth = features.shape
    cells = features.reshape(height // size, size, width // size, size, depth)
    return cells.transpose(0, 2, 1, 3, 4).reshape(height // size, width // size, -1)


def merge_neighbours_backward(grad_output: np.ndarray, size: int) -> np.ndarray:
    """The gradient of features, (H, W, D); grad_output (H / size, W / size, size^2 * D)."""
    rows, columns, _ = grad_output.shape
    cells = grad_output.reshape(rows, columns, size, size, -1)
    return cells.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, -1)


def splice(words: np.ndarray, places: Sequence[int], media: Sequence[np.ndarray]) -> np.ndarray:
    """Put each medium where its place is: words (T, D), media (N_i, D) each -> (T - len(places) + sum N_i, D).

    Args:
        places: rising row numbers of `words`, one for each medium; what stands there is left out.
    """
    parts, start = [], 0
    for place, medium in zip(places, media, strict=True):
        parts += [words[start:place], medium]
        start = place + 1
    return np.concatenate([*parts, words[start:]])


def splice_backward(
    grad_output: np.ndarray, words: np.ndarray, places: Sequence[int], media: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The gradients of words, zero at the places, and of each medium; grad_output as `splice` gives."""
    grad_words, grad_media = np.zeros_like(words), []
    row = start = 0
    for place, medium in zip(places, media, strict=True):
        grad_words[start:place] = grad_output[row : row + place - start]
        row += place - start
        grad_media.append(grad_output[row : row + len(medium)])
        row, start = row + len(medium), place + 1
    grad_words[start:] = grad_output[row:]
    return grad_words, grad_media
