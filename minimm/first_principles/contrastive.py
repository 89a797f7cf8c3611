"""The contrastive loss: each picture should be nearest to its own text, and each text to its own picture.

    s_ij = cos(image_i, text_j) / temperature        loss = (CE(s, diagonal) + CE(s^T, diagonal)) / 2

Every other pair of the batch serves as a wrong answer. Small temperatures make small differences of angle count.

With labels, every pair of the same label is a right answer, and all of them share the target evenly:

    y_ij = [label_i = label_j] / #{k : label_k = label_i}
    loss = -1/2N sum_ij y_ij (log softmax(s_i)_j + log softmax(s^T_i)_j)

Source: Radford et al. 2021, "Learning transferable visual models from natural language supervision" (CLIP), figure 3; with
labels Yang et al. 2022, "Unified contrastive learning in image-text-label space", eq. 2 to 4.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.cross_entropy import cross_entropy, cross_entropy_backward
from minimm.first_principles.softmax import log_softmax, softmax


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


def labelled_contrastive_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """logits (N, N), similarity / temperature; labels (N,) whole numbers; a float in nats."""
    target = _shared_target(labels)
    return float(-(target * (log_softmax(logits) + log_softmax(logits.T))).sum() / (2 * len(labels)))


def labelled_contrastive_loss_backward(grad_output: float, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """d logits, (N, N): the rows of y sum to one, so each direction gives (softmax - y) / 2N, as any cross-entropy does."""
    target = _shared_target(labels)
    rows, columns = softmax(logits) - target, (softmax(logits.T) - target).T
    return grad_output * (rows + columns) / (2 * len(labels))


def _shared_target(labels: np.ndarray) -> np.ndarray:
    """y (N, N): row i spreads 1 over all pairs with the label of i."""
    right = labels[:, None] == labels[None]
    return right / right.sum(axis=1, keepdims=True)


def _length(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(x * x, axis=-1, keepdims=True))  # (N, 1)


def _unit(x: np.ndarray) -> np.ndarray:
    """Each row (N, D) divided by its length, so that products of rows are cosines."""
    return x / _length(x)


def _unit_backward(grad_output: np.ndarray, x: np.ndarray) -> np.ndarray:
    """du_i/dx_j = (1[i = j] - u_i u_j) / |x|: what points along the row is lost, since a longer row has the same direction."""
    u = _unit(x)
    return (grad_output - u * np.sum(grad_output * u, axis=-1, keepdims=True)) / _length(x)
