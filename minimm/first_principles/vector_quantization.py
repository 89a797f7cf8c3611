"""Vector quantisation: each vector becomes the nearest of K codes, and its number says everything that is kept of it.

    quantize(z) = e_id(z),  id(z) = argmin_k |z - e_k|^2
    codebook loss = mean (sg[z] - e_id(z))^2      pulls the codes to the vectors
    commitment loss = mean (z - sg[e_id(z)])^2    keeps the vectors near their codes

sg[x] is x, but no gradient flows through it. The mean is over all numbers (the paper sums over a vector's).

Source: van den Oord et al. 2017, "Neural discrete representation learning" (VQ-VAE), eq. 1 to 3 and appendix A.1.
"""

from __future__ import annotations

import numpy as np


def nearest_code(vectors: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """vectors (N, D), codebook (K, D) -> the number of the nearest code for each vector, (N,) int64; ties to the lowest.

    |z - e|^2 = |z|^2 - 2 z.e + |e|^2, and |z|^2 is the same for all codes, so one matrix product finds every distance.
    """
    scores = np.sum(codebook * codebook, axis=1) - 2.0 * vectors @ codebook.T  # (N, K)
    return scores.argmin(axis=1)


def quantize(vectors: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """vectors (N, D), codebook (K, D) -> each vector's nearest code, (N, D)."""
    return codebook[nearest_code(vectors, codebook)]


def quantize_backward(
    grad_output: np.ndarray, vectors: np.ndarray, codebook: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Straight-through: the gradient of the codes is handed to the vectors as it is, (N, D); the codebook gets none, (K, D).

    A small change of a vector changes nothing (its code stays the same), so the true gradient is zero almost everywhere
    and would teach nothing. The code lies near the vector, so what would improve the one should improve the other: this
    is the gradient of z + sg[quantize(z) - z].
    """
    return grad_output.copy(), np.zeros_like(codebook)


def codebook_loss(vectors: np.ndarray, codebook: np.ndarray) -> float:
    """The mean squared distance, by number, of the codes from the vectors that chose them; it teaches the codes alone."""
    return float(np.mean((vectors - quantize(vectors, codebook)) ** 2))


def codebook_loss_backward(
    grad_output: float, vectors: np.ndarray, codebook: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(zeros (N, D), gradient of the codebook (K, D)): d/de_k = 2/(N D) sum over the vectors z of k of (e_k - z)."""
    ids = nearest_code(vectors, codebook)
    grad_codebook = np.zeros_like(codebook)
    np.add.at(grad_codebook, ids, 2.0 / vectors.size * grad_output * (codebook[ids] - vectors))
    return np.zeros_like(vectors), grad_codebook


def commitment_loss(vectors: np.ndarray, codebook: np.ndarray) -> float:
    """The same number as `codebook_loss`, but it teaches the vectors alone."""
    return codebook_loss(vectors, codebook)


def commitment_loss_backward(
    grad_output: float, vectors: np.ndarray, codebook: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(gradient of the vectors (N, D), zeros (K, D)): d/dz = 2/(N D) (z - e_id(z))."""
    return 2.0 / vectors.size * grad_output * (vectors - quantize(vectors, codebook)), np.zeros_like(codebook)


def follow_vectors(
    vectors: np.ndarray, codebook: np.ndarray, counts: np.ndarray, sums: np.ndarray, decay: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of k-means over a stream, in place of the codebook loss (appendix A.1, eq. 6 to 8).

        N_k <- decay N_k + (1 - decay) n_k    m_k <- decay m_k + (1 - decay) sum of the vectors of k    e_k = m_k / N_k

    counts (K,) and sums (K, D) are what this function gave the last time. Returns (codebook, counts, sums); a code that
    was never chosen stays where it is.
    """
    one_hot = np.eye(len(codebook))[nearest_code(vectors, codebook)]  # (N, K)
    counts = decay * counts + (1.0 - decay) * one_hot.sum(axis=0)
    sums = decay * sums + (1.0 - decay) * one_hot.T @ vectors
    chosen = counts[:, None] > 0.0
    return np.where(chosen, sums / np.where(chosen, counts[:, None], 1.0), codebook), counts, sums
