"""Planted multi-head attention: heads cut, mixed, scaled and joined in wrong ways; and right ones."""

import math

import numpy as np

from mutants.catalogue import right, wrong

NAME = "multi_head_attention"


def _softmax(scores):
    largest = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isinf(largest), 0, largest))
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total == 0, 1, total)


def _split(x, num_heads):
    return x.reshape(*x.shape[:-1], num_heads, -1).swapaxes(-2, -3)


def _join(x):
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], -1)


def _heads(q, k, v, mask, scale=None):
    scores = q @ k.swapaxes(-1, -2) / (math.sqrt(q.shape[-1]) if scale is None else scale)
    return _softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


def _project(x_query, x_memory, w_q, w_k, w_v):
    return x_query @ w_q, x_memory @ w_k, x_memory @ w_v


def _planted(note, attend):
    """A wrong one in which `attend(q, k, v, num_heads, mask)` makes the joined heads of the projections."""

    def multi_head(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
        return attend(*_project(x_query, x_memory, w_q, w_k, w_v), num_heads, mask) @ w_o

    return wrong(NAME, note)(multi_head)


def _split_all(q, k, v, n):
    return _split(q, n), _split(k, n), _split(v, n)


def _wrong_split(x, n):
    return x.reshape(*x.shape[:-2], n, x.shape[-2], -1)  # positions and numbers mixed


def _interleaved(x, n):
    return np.moveaxis(x.reshape(*x.shape[:-1], -1, n), -1, -3)  # head h owns every n-th column


_planted(
    "sqrt of the whole width", lambda q, k, v, n, m: _join(_heads(*_split_all(q, k, v, n), m, math.sqrt(q.shape[-1])))
)
_planted("not scaled", lambda q, k, v, n, m: _join(_heads(*_split_all(q, k, v, n), m, 1)))
_planted("scaled by the number of heads", lambda q, k, v, n, m: _join(_heads(*_split_all(q, k, v, n), m, math.sqrt(n))))
_planted("one head over everything", lambda q, k, v, n, m: _heads(q, k, v, m))
_planted("split by a reshape alone", lambda q, k, v, n, m: _join(_heads(*(_wrong_split(x, n) for x in (q, k, v)), m)))
_planted(
    "heads made of every n-th column",
    lambda q, k, v, n, m: _join(_heads(*(_interleaved(x, n) for x in (q, k, v)), m)),
)
_planted(
    "joined by a reshape alone",
    lambda q, k, v, n, m: _heads(*_split_all(q, k, v, n), m).reshape(q.shape),
)
_planted(
    "heads joined in reverse order", lambda q, k, v, n, m: _join(_heads(*_split_all(q, k, v, n), m)[..., ::-1, :, :])
)
_planted("the mask for the first head alone", lambda q, k, v, n, m: _first_head_masked(q, k, v, n, m))
_planted("the mask inverted", lambda q, k, v, n, m: _join(_heads(*_split_all(q, k, v, n), None if m is None else ~m)))
_planted("the mask ignored", lambda q, k, v, n, m: _join(_heads(*_split_all(q, k, v, n), None)))
_planted("values not split: every head sees them all", lambda q, k, v, n, m: _mean_values(q, k, v, n, m))
_planted("every head uses the keys of the first", lambda q, k, v, n, m: _shared_keys(q, k, v, n, m))
_planted("every head uses the values of the first", lambda q, k, v, n, m: _shared_values(q, k, v, n, m))
_planted("the last head dropped", lambda q, k, v, n, m: _last_dropped(q, k, v, n, m))
_planted("keys and values exchanged", lambda q, k, v, n, m: _join(_heads(*_split_all(q, v, k, n), m)))
_planted("the query added to the output", lambda q, k, v, n, m: q + _join(_heads(*_split_all(q, k, v, n), m)))


def _first_head_masked(q, k, v, n, m):
    heads = _heads(*_split_all(q, k, v, n), None)
    heads = heads.copy()
    heads[..., 0, :, :] = _heads(*(_split(x, n)[..., 0, :, :] for x in (q, k, v)), m)
    return _join(heads)


def _mean_values(q, k, v, n, m):
    q, k, v = _split_all(q, k, v, n)
    return _join(_heads(q, k, np.ones_like(v) * v.mean(axis=-3, keepdims=True), m))


def _shared_keys(q, k, v, n, m):
    q, k, v = _split_all(q, k, v, n)
    return _join(_heads(q, np.ones_like(k) * k[..., :1, :, :], v, m))


def _shared_values(q, k, v, n, m):
    q, k, v = _split_all(q, k, v, n)
    return _join(_heads(q, k, np.ones_like(v) * v[..., :1, :, :], m))


def _last_dropped(q, k, v, n, m):
    heads = _heads(*_split_all(q, k, v, n), m).copy()
    heads[..., -1, :, :] = 0 if n > 1 else heads[..., -1, :, :]
    return _join(heads)


def _right(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    projected = _project(x_query, x_memory, w_q, w_k, w_v)
    return _join(_heads(*(_split(x, num_heads) for x in projected), mask)) @ w_o


@wrong(NAME, "w_o forgotten")
def heads_no_output(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    projected = _project(x_query, x_memory, w_q, w_k, w_v)
    return _join(_heads(*(_split(x, num_heads) for x in projected), mask))


@wrong(NAME, "w_o transposed")
def heads_output_transposed(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    return _right(x_query, x_memory, w_q, w_k, w_v, w_o.T, num_heads, mask)


@wrong(NAME, "w_q transposed, as torch keeps it")
def heads_query_transposed(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    return _right(x_query, x_memory, w_q.T, w_k, w_v, w_o, num_heads, mask)


@wrong(NAME, "self-attention where the shapes allow")
def heads_self(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    same = x_query.shape == x_memory.shape
    return _right(x_query, x_query if same else x_memory, w_q, w_k, w_v, w_o, num_heads, mask)


@wrong(NAME, "values from the query where the shapes allow")
def heads_values_from_query(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    source = x_query if x_query.shape == x_memory.shape else x_memory
    projected = x_query @ w_q, x_memory @ w_k, source @ w_v
    return _join(_heads(*(_split(x, num_heads) for x in projected), mask)) @ w_o


@wrong(NAME, "a row of nothing is uniform")
def heads_uniform(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    if mask is not None:
        mask = mask | ~mask.any(axis=-1, keepdims=True)
    return _right(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask)


@wrong(NAME, "the number of heads fixed at two where it can be")
def heads_two(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    return _right(x_query, x_memory, w_q, w_k, w_v, w_o, 2 if w_q.shape[1] % 2 == 0 else num_heads, mask)


@wrong(NAME, "num_heads taken for the size of a head")
def heads_size(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    return _right(x_query, x_memory, w_q, w_k, w_v, w_o, w_q.shape[1] // num_heads, mask)


@wrong(NAME, "fit for one batch dimension alone")
def heads_one_batch(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    batch, t_q, d_model = x_query.shape
    return _right(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask).reshape(batch, t_q, d_model)


@wrong(NAME, "returns the weights too")
def heads_with_weights(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    output = _right(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask)
    return output, np.ones((x_query.shape[-2], x_memory.shape[-2]))


@right(NAME, "a loop over the heads")
def heads_loop(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    q, k, v = _project(x_query, x_memory, w_q, w_k, w_v)
    cuts = np.split(np.arange(q.shape[-1]), num_heads)
    return np.concatenate([_heads(q[..., cut], k[..., cut], v[..., cut], mask) for cut in cuts], axis=-1) @ w_o


@right(NAME, "einsum throughout")
def heads_einsum(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    def project(x, weight):
        return np.einsum("...ti,ihd->...htd", x, weight.reshape(weight.shape[0], num_heads, -1))

    heads = _heads(project(x_query, w_q), project(x_memory, w_k), project(x_memory, w_v), mask)
    return np.einsum("...htd,hdo->...to", heads, w_o.reshape(num_heads, -1, w_o.shape[1]))


@right(NAME, "each head's part of w_o added up")
def heads_summed(x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    size, output = w_q.shape[1] // num_heads, 0.0
    for h in range(num_heads):
        own = slice(h * size, (h + 1) * size)
        head = _heads(x_query @ w_q[:, own], x_memory @ w_k[:, own], x_memory @ w_v[:, own], mask)
        output = output + head @ w_o[own]
    return output


BACK = f"{NAME}_backward"


def _rows(x, grad):
    return x.reshape(-1, x.shape[-1]).T @ grad.reshape(-1, grad.shape[-1])


def _backward(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None, *, scale=None):
    q, k, v = (_split(x, num_heads) for x in _project(x_query, x_memory, w_q, w_k, w_v))
    scale_used = math.sqrt(q.shape[-1])
    scores = q @ k.swapaxes(-1, -2) / scale_used
    weights = _softmax(scores if mask is None else np.where(mask, scores, -np.inf))
    joined = _join(weights @ v)
    grad_heads = _split(grad_output @ w_o.T, num_heads)
    grad_weights = grad_heads @ v.swapaxes(-1, -2)
    grad_scores = weights * (grad_weights - (grad_weights * weights).sum(-1, keepdims=True)) / (scale or scale_used)
    grad_q, grad_k = _join(grad_scores @ k), _join(grad_scores.swapaxes(-1, -2) @ q)
    grad_v = _join(weights.swapaxes(-1, -2) @ grad_heads)
    return (
        grad_q @ w_q.T,
        grad_k @ w_k.T + grad_v @ w_v.T,
        _rows(x_query, grad_q),
        _rows(x_memory, grad_k),
        _rows(x_memory, grad_v),
        _rows(joined, grad_output),
    )


@right(BACK, "rows under each other")
def heads_backward_right(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    return _backward(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask)


@wrong(BACK, "scaled by the whole width")
def heads_backward_scale(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    scale = math.sqrt(w_q.shape[1])
    return _backward(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask, scale=scale)


@wrong(BACK, "the mask forgotten")
def heads_backward_mask(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    return _backward(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads)


@wrong(BACK, "the memory's gradient through the keys alone")
def heads_backward_keys(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    zero = np.zeros_like(w_v)
    whole = _backward(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask)
    through_values = _backward(grad_output, x_query, x_memory, w_q, zero, w_v, w_o, num_heads, mask)[1]
    return (whole[0], whole[1] - through_values, *whole[2:])


@wrong(BACK, "the gradient of w_o transposed")
def heads_backward_output(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask=None):
    *others, grad_w_o = _backward(grad_output, x_query, x_memory, w_q, w_k, w_v, w_o, num_heads, mask)
    return (*others, grad_w_o.T)
