"""The contrastive loss: each picture should be most similar to its own text, and each text to its own picture.

    s_ij = cosine(image_i, text_j) / temperature
    loss = 1/2 [ cross_entropy(s, 0..N-1) + cross_entropy(s^T, 0..N-1) ]

The other N - 1 pairs of the batch are the wrong answers, so a larger batch is a harder question. A model that knows nothing
loses ln N. A small temperature looks at the most similar wrong answers only.

Two pictures may deserve the same text: two sevens, two scenes with one caption. With labels, whatever has the label of row i
is a right answer to it, and all right answers share the target evenly:

    loss = 1/2 [ mean_i -1/|P_i| sum_{j in P_i} log softmax(s_i)_j + the same of s^T ],   P_i = {j : label_j = label_i}

Its least value is then the mean of ln |P_i|, not 0, as nothing tells the right answers apart.

Source: Radford et al., 2021, "Learning transferable visual models from natural language supervision", figure 3; the loss of
one direction is that of van den Oord, Li and Vinyals, 2018. With labels: Yang et al., 2022, "Unified contrastive learning in
image-text-label space", eq. 2 to 4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minimm.errors import check
from minimm.training.losses import cross_entropy

SHORTEST = 1e-12  # an embedding of length 0 has no direction: it is divided by this and stays 0


def contrastive_loss(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float | Tensor) -> Tensor:
    """The mean of both cross-entropies, a scalar in nats.

    Args:
        image_embeddings: (N, D), any length; rows are divided by their L2 norm here.
        text_embeddings: (N, D); row i belongs to row i of the images.
        temperature: above 0; a float, or a tensor with one element, through which gradients flow when it is learned.
    """
    check(
        image_embeddings.ndim == 2 and image_embeddings.shape == text_embeddings.shape and len(image_embeddings) > 0,
        f"image embeddings are {tuple(image_embeddings.shape)} and text embeddings {tuple(text_embeddings.shape)}, "
        "expected (N, D) for both with N at least 1; give as many texts as images, projected to one width",
    )
    check(
        isinstance(temperature, int | float) or (isinstance(temperature, Tensor) and temperature.numel() == 1),
        f"temperature is {_described(temperature)}, expected one number; give a float or a tensor with one element",
    )
    value = temperature.item() if isinstance(temperature, Tensor) else temperature
    check(
        0 < value < math.inf,
        f"temperature={value:g}, expected a number above 0; 0.07 is a good start, and exp(parameter) stays positive when "
        "it is learned",
    )
    cosines = _unit_rows(image_embeddings) @ _unit_rows(text_embeddings).T  # (N, N), row = image, column = text
    logits = cosines / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def labelled_contrastive_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of a batch in which pairs with equal labels are equally right, a scalar in nats.

    Args:
        logits: (N, N), similarity / temperature; row i and column i belong together.
        labels: (N,) int64. With N different labels it is `contrastive_loss`.
    """
    check(
        logits.ndim == 2 and logits.shape[0] == logits.shape[1] == len(labels) > 0,
        f"logits are {tuple(logits.shape)} and labels {tuple(labels.shape)}, expected (N, N) and (N,) with N at least 1",
    )
    right = (labels[:, None] == labels[None]).to(logits.dtype)  # (N, N), symmetric
    target = right / right.sum(dim=1, keepdim=True)
    surprise = logits.log_softmax(dim=1) + logits.T.log_softmax(dim=1)
    return -(target * surprise).sum() / (2 * len(labels))


def _unit_rows(x: Tensor) -> Tensor:
    """x (N, D) with every row divided by its length."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=SHORTEST)


def _described(temperature: object) -> str:
    return f"of shape {tuple(temperature.shape)}" if isinstance(temperature, Tensor) else repr(temperature)
