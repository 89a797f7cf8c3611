"""The contrastive loss: each picture should be nearest to its own text, and each text to its own picture.

    s_ij = cos(image_i, text_j) / temperature        loss = (CE(s, diagonal) + CE(s^T, diagonal)) / 2

Every other pair of the batch serves as a wrong answer. Small temperatures make small differences of angle count.

Source: Radford et al. 2021, "Learning transferable visual models from natural language supervision" (CLIP), figure 3.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.cross_entropy import cross_entropy, cross_entropy_backward


def contrastive_loss(image_embeddings: np.ndarray, text_embeddings: np.ndarray, temperature: float) -> float:
    """image_embeddings and text_embeddings (N, D), row i of both belongs together; a float in nats, ln N for no idea."""
    logits = _unit(image_embeddings) @ _unit(text_embeddings).T / temperature  # (N, N)
    own = np.arange(len(logits))
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def contrastive_loss_backward(
    grad_output: float, image_embeddings: np.ndarray, text_embeddings: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of both embeddings, (N, D) each.

    The two cross-entropies both reach every s_ij: ds = (CE_backward(s) + CE_backward(s^T)^T) / 2. With unit rows u and v,
    s = u v^T / temperature gives du = ds v / temperature and dv = ds^T u / temperature; `_unit_backward` does the rest.
    """
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    logits = images @ texts.T / temperature
    own, half = np.arange(len(logits)), grad_output / 2
    grad_logits = cross_entropy_backward(half, logits, own) + cross_entropy_backward(half, logits.T, own).T
    grad_images, grad_texts = grad_logits @ texts / temperature, grad_logits.T @ images / temperature
    return _unit_backward(grad_images, image_embeddings), _unit_backward(grad_texts, text_embeddings)


def _length(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(x * x, axis=-1, keepdims=True))  # (N, 1)


def _unit(x: np.ndarray) -> np.ndarray:
    """Each row (N, D) divided by its length, so that products of rows are cosines."""
    return x / _length(x)


def _unit_backward(grad_output: np.ndarray, x: np.ndarray) -> np.ndarray:
    """du_i/dx_j = (1[i = j] - u_i u_j) / |x|: what points along the row is lost, since a longer row has the same direction."""
    u = _unit(x)
    return (grad_output - u * np.sum(grad_output * u, axis=-1, keepdims=True)) / _length(x)
