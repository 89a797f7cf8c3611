"""A map of many vectors: the two directions in which they differ most, and who lies next to whom.

Principal component analysis (Pearson 1901; Hotelling 1933): with the mean taken away, X = U S V^T; the rows of V^T are
directions at right angles, in the order of how much the points differ along them, S^2 / N.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def principal_components(vectors: Tensor, count: int = 2) -> tuple[Tensor, Tensor]:
    """vectors (N, D) -> places (N, count) along the first directions, and each direction's share of all variance (count,).

    The sign of a direction means nothing; here the number that is largest in size is positive in each, so that a map does not
    turn over from one machine to the next.
    """
    check(
        vectors.ndim == 2 and 1 <= count <= min(vectors.shape),
        f"{count} directions need vectors (N, D) with N and D at least as many, but got {tuple(vectors.shape)}",
    )
    centred = vectors.detach().double().cpu()
    centred = centred - centred.mean(dim=0)
    _, lengths, directions = torch.linalg.svd(centred, full_matrices=False)  # (min(N, D),), (min(N, D), D)
    directions = directions[:count]
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    variance = lengths.square()
    shares = variance[:count] / variance.sum().clamp(min=torch.finfo(torch.double).tiny)
    return (centred @ (directions * largest.sign()).T).float(), shares.float()


def nearest_neighbours(queries: Tensor, vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k `vectors` (N, D) that point most nearly where each query (Q, D) does: their numbers and cosines, (Q, k) each."""
    check(1 <= k <= len(vectors), f"k={k}, but there are {len(vectors)} vectors; choose k from 1 to {len(vectors)}")
    cosines = (
        torch.nn.functional.normalize(queries.float(), dim=-1)
        @ torch.nn.functional.normalize(vectors.float(), dim=-1).T
    )
    found = cosines.topk(k, dim=-1)
    return found.indices, found.values
