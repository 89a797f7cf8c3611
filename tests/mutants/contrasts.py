"""Planted: contrastive_loss and its gradient.

What goes wrong: one direction instead of two, rows not brought to length 1, the temperature on the wrong side of the
fraction, the wrong partners, a sum where a mean belongs. In the gradient: the part that comes from normalising.
"""

from __future__ import annotations

import math

import numpy as np

from mutants.catalogue import right, wrong


def _unit(x):
    """Rows divided by their lengths, and the lengths (N, 1)."""
    lengths = np.sqrt((x**2).sum(axis=-1, keepdims=True))
    return x / lengths, lengths


def _cosines(images, texts):
    return _unit(images)[0] @ _unit(texts)[0].T


def _log_softmax(logits, axis=-1):
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _rows(logits):
    """Cross-entropy of each row with its own place as target: (N,)"""
    return -np.diagonal(_log_softmax(logits))


def _both(logits):
    """Mean over both directions."""
    return float(_rows(logits).mean() + _rows(logits.T).mean()) / 2


def _grad_logits(logits):
    """The gradient of `_both`: softmax minus target, for rows and columns."""
    n = len(logits)
    return (np.exp(_log_softmax(logits, 1)) + np.exp(_log_softmax(logits, 0)) - 2 * np.eye(n)) / (2 * n)


def _through_unit(grad, unit, lengths):
    """Back through the division by the length: only what is at right angles to the row remains."""
    return (grad - unit * (grad * unit).sum(axis=-1, keepdims=True)) / lengths


# contrastive_loss


@wrong("contrastive_loss", "pictures to texts alone")
def contrastive_rows_only(image_embeddings, text_embeddings, temperature):
    return float(_rows(_cosines(image_embeddings, text_embeddings) / temperature).mean())


@wrong("contrastive_loss", "texts to pictures alone")
def contrastive_columns_only(image_embeddings, text_embeddings, temperature):
    return float(_rows(_cosines(text_embeddings, image_embeddings) / temperature).mean())


@wrong("contrastive_loss", "both directions added, not averaged")
def contrastive_sum_of_both(image_embeddings, text_embeddings, temperature):
    return 2 * _both(_cosines(image_embeddings, text_embeddings) / temperature)


@wrong("contrastive_loss", "multiplied by the temperature")
def contrastive_times_temperature(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings) * temperature)


@wrong("contrastive_loss", "temperature ignored")
def contrastive_no_temperature(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings))


@wrong("contrastive_loss", "temperature taken for its logarithm")
def contrastive_log_temperature(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings) * math.exp(temperature))


@wrong("contrastive_loss", "divided by the root of the temperature, as attention is by sqrt(d)")
def contrastive_root_temperature(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings) / math.sqrt(temperature))


@wrong("contrastive_loss", "both sides divided by the temperature, so it counts twice")
def contrastive_temperature_twice(image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings)[0] / temperature, _unit(text_embeddings)[0] / temperature
    return _both(images @ texts.T)


@wrong("contrastive_loss", "logits limited to 100, as CLIP limits its scale")
def contrastive_limited(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings) * min(1 / temperature, 100.0))


@wrong("contrastive_loss", "not normalised")
def contrastive_not_normalised(image_embeddings, text_embeddings, temperature):
    return _both(image_embeddings @ text_embeddings.T / temperature)


@wrong("contrastive_loss", "only the pictures normalised")
def contrastive_images_normalised(image_embeddings, text_embeddings, temperature):
    return _both(_unit(image_embeddings)[0] @ text_embeddings.T / temperature)


@wrong("contrastive_loss", "only the texts normalised")
def contrastive_texts_normalised(image_embeddings, text_embeddings, temperature):
    return _both(image_embeddings @ _unit(text_embeddings)[0].T / temperature)


@wrong("contrastive_loss", "columns normalised, over the batch")
def contrastive_normalised_over_batch(image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings.T)[0].T, _unit(text_embeddings.T)[0].T
    return _both(images @ texts.T / temperature)


@wrong("contrastive_loss", "divided by the norm of the whole matrix")
def contrastive_matrix_norm(image_embeddings, text_embeddings, temperature):
    images, texts = (x / np.linalg.norm(x) for x in (image_embeddings, text_embeddings))
    return _both(images @ texts.T / temperature)


@wrong("contrastive_loss", "divided by the sum of absolute values")
def contrastive_l1(image_embeddings, text_embeddings, temperature):
    images, texts = (x / np.abs(x).sum(axis=-1, keepdims=True) for x in (image_embeddings, text_embeddings))
    return _both(images @ texts.T / temperature)


@wrong("contrastive_loss", "divided by the squared length, the root is missing")
def contrastive_squared_length(image_embeddings, text_embeddings, temperature):
    images, texts = (x / (x**2).sum(axis=-1, keepdims=True) for x in (image_embeddings, text_embeddings))
    return _both(images @ texts.T / temperature)


@wrong("contrastive_loss", "mean subtracted before normalising, a correlation")
def contrastive_centred(image_embeddings, text_embeddings, temperature):
    images = image_embeddings - image_embeddings.mean(axis=-1, keepdims=True)
    texts = text_embeddings - text_embeddings.mean(axis=-1, keepdims=True)
    return _both(images @ texts.T / (np.linalg.norm(images, axis=1)[:, None] * np.linalg.norm(texts, axis=1) + 1e-8))


@wrong("contrastive_loss", "0.001 added to the lengths")
def contrastive_eps(image_embeddings, text_embeddings, temperature):
    images, texts = (x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-3) for x in (image_embeddings, text_embeddings))
    return _both(images @ texts.T / temperature)


@wrong("contrastive_loss", "squared distances without the half")
def contrastive_distances(image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings)[0], _unit(text_embeddings)[0]
    return _both(-((images[:, None] - texts[None]) ** 2).sum(axis=-1) / temperature)


@wrong("contrastive_loss", "partners on the other diagonal")
def contrastive_other_diagonal(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings)[:, ::-1] / temperature)


@wrong("contrastive_loss", "everyone's partner is in row 0")
def contrastive_first_partner(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    return float(-_log_softmax(logits)[:, 0].mean() - _log_softmax(logits.T)[:, 0].mean()) / 2


@wrong("contrastive_loss", "summed over the batch")
def contrastive_summed(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    return float(_rows(logits).sum() + _rows(logits.T).sum()) / 2


@wrong("contrastive_loss", "mean over all N x N cells of the target matrix")
def contrastive_cell_mean(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    target = np.eye(len(logits))
    return float(-(target * _log_softmax(logits, 1)).mean() - (target * _log_softmax(logits, 0)).mean()) / 2


@wrong("contrastive_loss", "the partner is left out of the denominator")
def contrastive_negatives_only(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    others = np.where(np.eye(len(logits), dtype=bool), 0, np.exp(logits))
    own = np.diagonal(logits)
    return float((np.log(others.sum(axis=1)) - own).mean() + (np.log(others.sum(axis=0)) - own).mean()) / 2


@wrong("contrastive_loss", "one softmax over all N x N cells")
def contrastive_one_softmax(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    return -float(np.diagonal(_log_softmax(logits, (0, 1))).mean())


@wrong("contrastive_loss", "softmax along rows both times")
def contrastive_rows_twice(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    return float(-np.diagonal(_log_softmax(logits)).mean() - np.diagonal(_log_softmax(logits).T).mean()) / 2


@wrong("contrastive_loss", "exp without subtracting the maximum")
def contrastive_overflow(image_embeddings, text_embeddings, temperature):
    e = np.exp(_cosines(image_embeddings, text_embeddings) / temperature)
    own = np.diagonal(e)
    return float(-np.log(own / e.sum(axis=1)).mean() - np.log(own / e.sum(axis=0)).mean()) / 2


@wrong("contrastive_loss", "log(p + 1e-8), which caps the loss")
def contrastive_capped(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    p_rows, p_columns = (np.diagonal(np.exp(_log_softmax(logits, axis))) for axis in (1, 0))
    return float(-np.log(p_rows + 1e-8).mean() - np.log(p_columns + 1e-8).mean()) / 2


@wrong("contrastive_loss", "minus forgotten")
def contrastive_no_minus(image_embeddings, text_embeddings, temperature):
    return -_both(_cosines(image_embeddings, text_embeddings) / temperature)


@wrong("contrastive_loss", "mean of 1 - p instead of -log p")
def contrastive_no_logarithm(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    return float(2 - np.exp(-_rows(logits)).mean() - np.exp(-_rows(logits.T)).mean()) / 2


@wrong("contrastive_loss", "logarithm to the base 2")
def contrastive_bits(image_embeddings, text_embeddings, temperature):
    return _both(_cosines(image_embeddings, text_embeddings) / temperature) / math.log(2)


@wrong("contrastive_loss", "a sigmoid for each pair instead of a softmax")
def contrastive_sigmoid(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    signs = 2 * np.eye(len(logits)) - 1
    return float(np.logaddexp(0, -signs * logits).sum(axis=1).mean())


@wrong("contrastive_loss", "one loss for each pair, not averaged")
def contrastive_each(image_embeddings, text_embeddings, temperature):
    logits = _cosines(image_embeddings, text_embeddings) / temperature
    return (_rows(logits) + _rows(logits.T)) / 2


@wrong("contrastive_loss", "normalises the embeddings in place")
def contrastive_in_place(image_embeddings, text_embeddings, temperature):
    image_embeddings /= np.linalg.norm(image_embeddings, axis=1, keepdims=True)
    text_embeddings /= np.linalg.norm(text_embeddings, axis=1, keepdims=True)
    return _both(image_embeddings @ text_embeddings.T / temperature)


@right("contrastive_loss", "pair by pair, log-sum-exp of differences")
def contrastive_loops(image_embeddings, text_embeddings, temperature):
    images, texts = (x.astype(np.float64) for x in (image_embeddings, text_embeddings))
    n, total = len(images), 0.0
    logits = [[a @ b / (math.sqrt(a @ a) * math.sqrt(b @ b)) / temperature for b in texts] for a in images]
    for i in range(n):
        total += np.logaddexp.reduce([logits[i][j] - logits[i][i] for j in range(n)])
        total += np.logaddexp.reduce([logits[j][i] - logits[i][i] for j in range(n)])
    return float(total) / (2 * n)


@right("contrastive_loss", "half of the squared distances between unit vectors")
def contrastive_half_distances(image_embeddings, text_embeddings, temperature):
    images, texts = (_unit(x.astype(np.float64))[0] for x in (image_embeddings, text_embeddings))
    logits = -((images[:, None] - texts[None]) ** 2).sum(axis=-1) / (2 * temperature)
    pulled = 2 * np.diagonal(logits)
    return float((np.logaddexp.reduce(logits, axis=0) + np.logaddexp.reduce(logits, axis=1) - pulled).mean() / 2)


@right("contrastive_loss", "cross-entropy with the matrix of targets")
def contrastive_target_matrix(image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings)[0], _unit(text_embeddings)[0]
    logits = np.einsum("id,jd->ij", images, texts) / temperature
    n = len(logits)
    return -float(np.einsum("ij,ij->", np.eye(n), _log_softmax(logits, 0) + _log_softmax(logits, 1))) / (2 * n)


# contrastive_loss_backward


@wrong("contrastive_loss_backward", "normalising taken for nothing: the gradient of the unit vectors")
def contrastive_backward_unit(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings)[0], _unit(text_embeddings)[0]
    g = grad_output * _grad_logits(images @ texts.T / temperature) / temperature
    return g @ texts, g.T @ images


@wrong("contrastive_loss_backward", "lengths taken for constants")
def contrastive_backward_constant_length(grad_output, image_embeddings, text_embeddings, temperature):
    (images, image_lengths), (texts, text_lengths) = _unit(image_embeddings), _unit(text_embeddings)
    g = grad_output * _grad_logits(images @ texts.T / temperature) / temperature
    return g @ texts / image_lengths, g.T @ images / text_lengths


@wrong("contrastive_loss_backward", "projected, but not divided by the length")
def contrastive_backward_no_length(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings)[0], _unit(text_embeddings)[0]
    g = grad_output * _grad_logits(images @ texts.T / temperature) / temperature
    return _through_unit(g @ texts, images, 1), _through_unit(g.T @ images, texts, 1)


@wrong("contrastive_loss_backward", "temperature forgotten on the way back")
def contrastive_backward_no_temperature(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    g = grad_output * _grad_logits(images[0] @ texts[0].T / temperature)
    return _through_unit(g @ texts[0], *images), _through_unit(g.T @ images[0], *texts)


@wrong("contrastive_loss_backward", "incoming gradient ignored")
def contrastive_backward_no_chain(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    g = _grad_logits(images[0] @ texts[0].T / temperature) / temperature
    return _through_unit(g @ texts[0], *images), _through_unit(g.T @ images[0], *texts)


@wrong("contrastive_loss_backward", "one direction alone")
def contrastive_backward_rows(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    p = np.exp(_log_softmax(images[0] @ texts[0].T / temperature))
    g = grad_output * (p - np.eye(len(p))) / len(p) / temperature
    return _through_unit(g @ texts[0], *images), _through_unit(g.T @ images[0], *texts)


@wrong("contrastive_loss_backward", "not divided by the number of pairs")
def contrastive_backward_sum(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    g = grad_output * len(images[0]) * _grad_logits(images[0] @ texts[0].T / temperature) / temperature
    return _through_unit(g @ texts[0], *images), _through_unit(g.T @ images[0], *texts)


@wrong("contrastive_loss_backward", "transpose forgotten in the gradient of the texts")
def contrastive_backward_no_transpose(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    g = grad_output * _grad_logits(images[0] @ texts[0].T / temperature) / temperature
    return _through_unit(g @ texts[0], *images), _through_unit(g @ images[0], *texts)


@wrong("contrastive_loss_backward", "pictures and texts in the wrong order")
def contrastive_backward_order(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    g = grad_output * _grad_logits(images[0] @ texts[0].T / temperature) / temperature
    return _through_unit(g.T @ images[0], *texts), _through_unit(g @ texts[0], *images)


@wrong("contrastive_loss_backward", "target not subtracted from the probabilities")
def contrastive_backward_no_target(grad_output, image_embeddings, text_embeddings, temperature):
    images, texts = _unit(image_embeddings), _unit(text_embeddings)
    logits = images[0] @ texts[0].T / temperature
    g = (
        grad_output
        * (np.exp(_log_softmax(logits, 0)) + np.exp(_log_softmax(logits, 1)))
        / (2 * len(logits) * temperature)
    )
    return _through_unit(g @ texts[0], *images), _through_unit(g.T @ images[0], *texts)


@right("contrastive_loss_backward", "the Jacobian of each row's normalising as a matrix")
def contrastive_backward_jacobian(grad_output, image_embeddings, text_embeddings, temperature):
    def jacobians(unit, lengths):
        return (np.eye(unit.shape[1]) - unit[:, :, None] * unit[:, None, :]) / lengths[:, :, None]

    images, texts = _unit(image_embeddings.astype(np.float64)), _unit(text_embeddings.astype(np.float64))
    g = grad_output * _grad_logits(images[0] @ texts[0].T / temperature) / temperature
    grad_images = np.einsum("ij,jd,ide->ie", g, texts[0], jacobians(*images))
    grad_texts = np.einsum("ij,id,jde->je", g, images[0], jacobians(*texts))
    return grad_images.astype(image_embeddings.dtype), grad_texts.astype(text_embeddings.dtype)
