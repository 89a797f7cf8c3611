"""Planted attention, causal masks and cross-modal attention: mistakes of scale, mask and side; and right ones."""

import math

import numpy as np

from mutants.catalogue import right, wrong


def _softmax(scores, axis=-1):
    """Rows of nothing but -inf become zeros."""
    largest = scores.max(axis=axis, keepdims=True)
    powers = np.exp(scores - np.where(np.isinf(largest), 0, largest))
    total = powers.sum(axis=axis, keepdims=True)
    return powers / np.where(total == 0, 1, total)


def _t(x):
    return x.swapaxes(-1, -2)


def _scores(query, key, mask=None, scale=None):
    scores = query @ _t(key) / (math.sqrt(query.shape[-1]) if scale is None else scale)
    return scores if mask is None else np.where(mask, scores, -np.inf)


def _attend(query, key, value, mask=None):
    weights = _softmax(_scores(query, key, mask))
    return weights @ value, weights


NAME = "scaled_dot_product_attention"


def _planted(note, weights_of):
    """A wrong attention that differs in its weights alone."""

    def attention(query, key, value, mask=None):
        weights = weights_of(query, key, mask)
        return weights @ value, weights

    return wrong(NAME, note)(attention)


_planted("sqrt(D) forgotten", lambda q, k, m: _softmax(_scores(q, k, m, 1)))
_planted("divided by D", lambda q, k, m: _softmax(_scores(q, k, m, q.shape[-1])))
_planted("multiplied with sqrt(D)", lambda q, k, m: _softmax(_scores(q, k, m, 1 / math.sqrt(q.shape[-1]))))
_planted("scaled by the number of keys", lambda q, k, m: _softmax(_scores(q, k, m, math.sqrt(k.shape[-2]))))
_planted("scaled by the number of queries", lambda q, k, m: _softmax(_scores(q, k, m, math.sqrt(q.shape[-2]))))
_planted("always scaled for D = 64", lambda q, k, m: _softmax(_scores(q, k, m, 8.0)))
_planted("softmax over the queries", lambda q, k, m: _softmax(_scores(q, k, m), axis=-2))
_planted("softmax over the first axis", lambda q, k, m: _softmax(_scores(q, k, m), axis=0))
_planted("no softmax", lambda q, k, m: np.where(True if m is None else m, _scores(q, k), 0))
_planted("mask inverted", lambda q, k, m: _softmax(_scores(q, k, None if m is None else ~m)))
_planted("mask ignored", lambda q, k, m: _softmax(_scores(q, k)))
_planted("mask after the softmax", lambda q, k, m: _softmax(_scores(q, k)) * (1 if m is None else m))
_planted("mask multiplied with the scores", lambda q, k, m: _softmax(_scores(q, k) * (1 if m is None else m)))
_planted("mask added as 0 and 1", lambda q, k, m: _softmax(_scores(q, k) + (0 if m is None else m)))
_planted(
    "mask transposed where it is square",
    lambda q, k, m: _softmax(_scores(q, k, _t(m) if m is not None and m.shape[-1] == m.shape[-2] else m)),
)
_planted(
    "mask before the division by sqrt(D), with zeros",
    lambda q, k, m: _softmax(np.where(True if m is None else m, q @ _t(k), 0) / math.sqrt(q.shape[-1])),
)
_planted(
    "-1e9, so that a row of nothing is uniform",
    lambda q, k, m: _softmax(np.where(True if m is None else m, _scores(q, k), -1e9)),
)
_planted(
    "-1e4, not far enough below large scores",
    lambda q, k, m: (
        _softmax(np.where(True if m is None else m, _scores(q, k), -1e4)) * (1 if m is None else m.any(-1)[..., None])
    ),
)
_planted(
    "-100, which leaves masked keys a little",
    lambda q, k, m: _softmax(np.where(True if m is None else m, _scores(q, k), -100.0)),
)
_planted("always causal", lambda q, k, m: _softmax(_scores(q, k, np.tril(np.ones((q.shape[-2], k.shape[-2]), bool)))))
_planted("cosines instead of products", lambda q, k, m: _softmax(_scores(q / (1e-9 + abs(q).max()), k, m)))
_planted("queries and keys added, not multiplied", lambda q, k, m: _softmax(_scores(q + 1, k, m)))
_planted("negative scores: the least similar", lambda q, k, m: _softmax(_scores(-q, k, m)))
_planted("normalised twice", lambda q, k, m: _softmax(_softmax(_scores(q, k, m))))
_planted("a sigmoid instead of a softmax", lambda q, k, m: 1 / (1 + np.exp(-_scores(q, k, m))))


@wrong(NAME, "no maximum subtracted")
def attention_overflow(query, key, value, mask=None):
    powers = np.exp(_scores(query, key, mask))
    total = powers.sum(axis=-1, keepdims=True)
    weights = powers / np.where(total == 0, 1, total)
    return weights @ value, weights


@wrong(NAME, "a row of nothing is NaN")
def attention_nan(query, key, value, mask=None):
    scores = _scores(query, key, mask)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)
    return weights @ value, weights


@wrong(NAME, "a row of nothing sees the mean of the values")
def attention_mean(query, key, value, mask=None):
    output, weights = _attend(query, key, value, mask)
    empty = weights.sum(axis=-1, keepdims=True) == 0
    return np.where(empty, value.mean(axis=-2, keepdims=True), output), weights


@wrong(NAME, "a row of nothing keeps its query's first numbers")
def attention_residual(query, key, value, mask=None):
    output, weights = _attend(query, key, value, mask)
    empty = weights.sum(axis=-1, keepdims=True) == 0
    return np.where(empty, 1.0, output).astype(output.dtype), weights


@wrong(NAME, "a second dimension taken for heads and keys mixed across the batch")
def attention_batch_mixed(query, key, value, mask=None):
    if key.ndim > 2 and key.shape[0] > 1:
        key, value = key[::-1], value[::-1]
    return _attend(query, key, value, mask)


@wrong(NAME, "keys taken for values where the sizes agree")
def attention_keys_for_values(query, key, value, mask=None):
    return _attend(query, key, key if key.shape == value.shape else value, mask)


@wrong(NAME, "scores returned instead of weights")
def attention_scores_returned(query, key, value, mask=None):
    output, _ = _attend(query, key, value, mask)
    return output, _scores(query, key)


@wrong(NAME, "weights and output in the other order")
def attention_swapped(query, key, value, mask=None):
    return _attend(query, key, value, mask)[::-1]


@wrong(NAME, "the output alone")
def attention_output_only(query, key, value, mask=None):
    return _attend(query, key, value, mask)[0]


@wrong(NAME, "transposes all axes, fit for two alone")
def attention_full_transpose(query, key, value, mask=None):
    weights = (
        _softmax(query @ key.T / math.sqrt(query.shape[-1])) if mask is None else _attend(query, key, value, mask)[1]
    )
    return weights @ value, weights


@wrong(NAME, "transposes axes 1 and 2, fit for one batch dimension alone")
def attention_three_axes(query, key, value, mask=None):
    scores = query @ np.transpose(key, (0, 2, 1)) / math.sqrt(query.shape[-1])
    weights = _softmax(scores if mask is None else np.where(mask, scores, -np.inf))
    return weights @ value, weights


@wrong(NAME, "writes the mask into a shared table: the first mask stays for ever")
def attention_remembers(query, key, value, mask=None, table={}):  # noqa: B006, the mistake itself
    shape = (query.shape[-2], key.shape[-2])
    mask = table.setdefault(shape, mask)
    return _attend(query, key, value, mask)


@right(NAME, "einsum")
def attention_einsum(query, key, value, mask=None):
    scores = np.einsum("...qd,...kd->...qk", query, key) / math.sqrt(query.shape[-1])
    weights = _softmax(scores if mask is None else np.where(mask, scores, -np.inf))
    return np.einsum("...qk,...kd->...qd", weights, value), weights


@right(NAME, "the query divided before the product")
def attention_scaled_query(query, key, value, mask=None):
    weights = _softmax(_scores(query / math.sqrt(query.shape[-1]), key, mask, 1))
    return weights @ value, weights


@right(NAME, "key by key with a running maximum, as flash attention does")
def attention_online(query, key, value, mask=None):
    shape = (*query.shape[:-1], key.shape[-2])
    allowed = np.broadcast_to(True if mask is None else mask, shape)
    largest, total = np.full(query.shape[:-1], -np.inf), np.zeros(query.shape[:-1])
    output = np.zeros((*query.shape[:-1], value.shape[-1]))
    all_scores = np.full(shape, -np.inf)
    for j in range(key.shape[-2]):
        score = (query * key[..., j : j + 1, :]).sum(-1) / math.sqrt(query.shape[-1])
        score = all_scores[..., j] = np.where(allowed[..., j], score, -np.inf)
        new = np.maximum(largest, score)
        safe = np.where(np.isinf(new), 0, new)
        keep, add = np.exp(np.where(np.isinf(largest), -np.inf, largest - safe)), np.exp(score - safe)
        total = total * keep + add
        output = output * keep[..., None] + add[..., None] * value[..., j : j + 1, :]
        largest = new
    total = np.where(total == 0, 1, total)
    weights = np.exp(all_scores - np.where(np.isinf(largest), 0, largest)[..., None]) / total[..., None]
    return output / total[..., None], weights


@right(NAME, "a bias of -inf added to the scores")
def attention_additive(query, key, value, mask=None):
    with np.errstate(divide="ignore"):
        bias = 0 if mask is None else np.log(mask.astype(query.dtype))
    weights = _softmax(_scores(query, key) + bias)
    return weights @ value, weights


@right(NAME, "weights set to zero after the softmax and normalised again")
def attention_renormalised(query, key, value, mask=None):
    scores = _scores(query, key)
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    largest = np.where(allowed, scores, -np.inf).max(axis=-1, keepdims=True)
    powers = np.where(allowed, np.exp(np.where(allowed, scores - np.where(np.isinf(largest), 0, largest), 0)), 0)
    total = powers.sum(axis=-1, keepdims=True)
    weights = powers / np.where(total == 0, 1, total)
    return weights @ value, weights


BACK = f"{NAME}_backward"


def _softmax_back(grad, weights):
    return weights * (grad - (grad * weights).sum(axis=-1, keepdims=True))


def _back(grad_output, query, key, value, mask, scale=None, softmax_back=_softmax_back):
    scale = math.sqrt(query.shape[-1]) if scale is None else scale
    weights = _softmax(_scores(query, key, mask))
    grad_scores = softmax_back(grad_output @ _t(value), weights) / scale
    return grad_scores @ key, _t(grad_scores) @ query, _t(weights) @ grad_output


@wrong(BACK, "scale forgotten")
def attention_backward_scale(grad_output, query, key, value, mask=None):
    return _back(grad_output, query, key, value, mask, scale=1)


@wrong(BACK, "softmax passed over")
def attention_backward_no_softmax(grad_output, query, key, value, mask=None):
    return _back(grad_output, query, key, value, mask, softmax_back=lambda grad, weights: grad * weights)


@wrong(BACK, "mask forgotten")
def attention_backward_mask(grad_output, query, key, value, mask=None):
    return _back(grad_output, query, key, value, None)


@wrong(BACK, "gradients of query and key exchanged where the shapes agree")
def attention_backward_exchanged(grad_output, query, key, value, mask=None):
    grad_query, grad_key, grad_value = _back(grad_output, query, key, value, mask)
    same = query.shape == key.shape
    return (grad_key, grad_query, grad_value) if same else (grad_query, grad_key, grad_value)


@wrong(BACK, "the value's gradient with scores in place of weights")
def attention_backward_scores(grad_output, query, key, value, mask=None):
    grad_query, grad_key, _ = _back(grad_output, query, key, value, mask)
    return grad_query, grad_key, _t(_scores(query, key)) @ grad_output


@wrong("causal_mask", "nobody sees itself")
def causal_strict(length):
    return np.tril(np.ones((length, length), dtype=bool), -1)


@wrong("causal_mask", "one step into the future")
def causal_next(length):
    return np.tril(np.ones((length, length), dtype=bool), 1)


@wrong("causal_mask", "the upper triangle")
def causal_upper(length):
    return np.triu(np.ones((length, length), dtype=bool))


@wrong("causal_mask", "True where it is forbidden")
def causal_inverted(length):
    return np.triu(np.ones((length, length), dtype=bool), 1)


@wrong("causal_mask", "ones and zeros instead of booleans")
def causal_numbers(length):
    return np.tril(np.ones((length, length)))


@wrong("causal_mask", "0 and -inf, to be added")
def causal_additive(length):
    return np.where(np.tril(np.ones((length, length), dtype=bool)), 0.0, -np.inf)


@wrong("causal_mask", "the diagonal alone")
def causal_diagonal(length):
    return np.eye(length, dtype=bool)


@wrong("causal_mask", "a window of four")
def causal_window(length):
    i = np.arange(length)
    return (i <= i[:, None]) & (i > i[:, None] - 4)


@wrong("causal_mask", "one row too many")
def causal_too_long(length):
    return np.tril(np.ones((length + 1, length), dtype=bool))


@right("causal_mask", "positions compared")
def causal_compared(length):
    i = np.arange(length)
    return i[None, :] <= i[:, None]


@right("causal_mask", "two loops")
def causal_loops(length):
    mask = np.zeros((length, length), dtype=bool)
    for query in range(length):
        for key in range(query + 1):
            mask[query, key] = True
    return mask


CROSS = "cross_modal_attention"


@wrong(CROSS, "values from the text where the sizes allow")
def cross_values_from_text(text, image, w_q, w_k, w_v):
    source = text if text.shape == image.shape else image
    return _attend(text @ w_q, image @ w_k, source @ w_v)


@wrong(CROSS, "the image asks the text where the sizes allow")
def cross_image_asks(text, image, w_q, w_k, w_v):
    if text.shape == image.shape:
        text, image = image, text
    return _attend(text @ w_q, image @ w_k, image @ w_v)


@wrong(CROSS, "scaled by the width of the text")
def cross_scaled_by_text(text, image, w_q, w_k, w_v):
    weights = _softmax(_scores(text @ w_q, image @ w_k, None, math.sqrt(text.shape[-1])))
    return weights @ (image @ w_v), weights


@wrong(CROSS, "not scaled")
def cross_not_scaled(text, image, w_q, w_k, w_v):
    weights = _softmax(_scores(text @ w_q, image @ w_k, None, 1))
    return weights @ (image @ w_v), weights


@wrong(CROSS, "softmax over the words")
def cross_over_words(text, image, w_q, w_k, w_v):
    weights = _softmax(_scores(text @ w_q, image @ w_k), axis=-2)
    return weights @ (image @ w_v), weights


@wrong(CROSS, "w_v forgotten where it is square")
def cross_no_values(text, image, w_q, w_k, w_v):
    values = image if w_v.shape[0] == w_v.shape[1] else image @ w_v
    return _attend(text @ w_q, image @ w_k, values)


@wrong(CROSS, "w_k used for the values where the sizes allow")
def cross_keys_for_values(text, image, w_q, w_k, w_v):
    return _attend(text @ w_q, image @ w_k, image @ (w_k if w_k.shape == w_v.shape else w_v))


@wrong(CROSS, "weights transposed where they are square")
def cross_transposed(text, image, w_q, w_k, w_v):
    return _attend(text @ (w_q.T if w_q.shape[0] == w_q.shape[1] else w_q), image @ w_k, image @ w_v)


@wrong(CROSS, "causal, though a picture has no future")
def cross_causal(text, image, w_q, w_k, w_v):
    allowed = np.tril(np.ones((text.shape[-2], image.shape[-2]), dtype=bool))
    return _attend(text @ w_q, image @ w_k, image @ w_v, allowed)


@right(CROSS, "one einsum for the scores")
def cross_einsum(text, image, w_q, w_k, w_v):
    scores = np.einsum("...ta,ad,bd,...nb->...tn", text, w_q, w_k, image) / math.sqrt(w_q.shape[1])
    weights = _softmax(scores)
    return np.einsum("...tn,...nb,bv->...tv", weights, image, w_v), weights


def _cross_back(grad_output, text, image, w_q, w_k, w_v):
    query, key, value = text @ w_q, image @ w_k, image @ w_v
    grad_query, grad_key, grad_value = _back(grad_output, query, key, value, None)

    def over_rows(x, grad):
        return x.reshape(-1, x.shape[-1]).T @ grad.reshape(-1, grad.shape[-1])

    grad_image = grad_key @ w_k.T + grad_value @ w_v.T
    return (
        grad_query @ w_q.T,
        grad_image,
        over_rows(text, grad_query),
        over_rows(image, grad_key),
        over_rows(image, grad_value),
    )


@wrong(f"{CROSS}_backward", "the image's gradient through the keys alone")
def cross_backward_keys(grad_output, text, image, w_q, w_k, w_v):
    parts = list(_cross_back(grad_output, text, image, w_q, w_k, w_v))
    weights = _attend(text @ w_q, image @ w_k, image @ w_v)[1]
    parts[1] = parts[1] - _t(weights) @ grad_output @ w_v.T
    return tuple(parts)


@wrong(f"{CROSS}_backward", "the image's gradient through the values alone")
def cross_backward_values(grad_output, text, image, w_q, w_k, w_v):
    parts = list(_cross_back(grad_output, text, image, w_q, w_k, w_v))
    parts[1] = _t(_attend(text @ w_q, image @ w_k, image @ w_v)[1]) @ grad_output @ w_v.T
    return tuple(parts)


@wrong(f"{CROSS}_backward", "the text's gradient zero, as if it were frozen")
def cross_backward_frozen(grad_output, text, image, w_q, w_k, w_v):
    return (np.zeros_like(text), *_cross_back(grad_output, text, image, w_q, w_k, w_v)[1:])


@right(f"{CROSS}_backward", "rows under each other")
def cross_backward_right(grad_output, text, image, w_q, w_k, w_v):
    return _cross_back(grad_output, text, image, w_q, w_k, w_v)
