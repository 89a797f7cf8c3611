"""Solutions of lesson 16, contrastive retrieval: `minimm check lessons/solutions/16_contrastive_retrieval.py`."""

from __future__ import annotations

import numpy as np


def contrastive_loss(image_embeddings, text_embeddings, temperature):
    """Cosines over the temperature; the surprise about the diagonal, by rows and by columns."""
    images, texts = (
        x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (image_embeddings, text_embeddings)
    )
    logits = images @ texts.T / temperature

    def surprise(s):
        shifted = s - s.max(axis=1, keepdims=True)
        return (np.log(np.exp(shifted).sum(axis=1)) - np.diagonal(shifted)).mean()

    return float(surprise(logits) + surprise(logits.T)) / 2


def recall_at_k(similarity, k):
    """Found where fewer than k others are at least as similar as the right item."""
    own = np.diagonal(similarity)[:, None]
    rivals = (similarity >= own).sum(axis=1) - 1  # the right item is no rival of its own
    return float((rivals < k).mean())
