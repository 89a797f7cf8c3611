"""Planted softmax, log-softmax and cross-entropy: wrong axes, wrong exponents, wrong averages; and right ones."""

import math

import numpy as np

from mutants.catalogue import right, wrong


def _softmax(x, axis=-1):
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _log_softmax(x, axis=-1):
    below = x - x.max(axis=axis, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=axis, keepdims=True))


@wrong("softmax", "sums over everything")
def softmax_over_everything(logits, axis=-1):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


@wrong("softmax", "along the first axis")
def softmax_first_axis(logits, axis=-1):
    return _softmax(logits, 0)


@wrong("softmax", "ignores axis")
def softmax_ignores_axis(logits, axis=-1):
    return _softmax(logits, -1)


@wrong("softmax", "the default axis is the first")
def softmax_default_axis(logits, axis=0):
    return _softmax(logits, axis)


@wrong("softmax", "no maximum subtracted")
def softmax_overflow(logits, axis=-1):
    powers = np.exp(logits)
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "the mean subtracted instead of the maximum")
def softmax_mean(logits, axis=-1):
    powers = np.exp(logits - logits.mean(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "the maximum of everything subtracted, so that small rows underflow")
def softmax_global_maximum(logits, axis=-1):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "the smallest subtracted")
def softmax_minimum(logits, axis=-1):
    powers = np.exp(logits - logits.min(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "clipped to 50 instead of shifted")
def softmax_clipped(logits, axis=-1):
    powers = np.exp(np.clip(logits, -50, 50))
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "a small number added to the sum")
def softmax_epsilon(logits, axis=-1):
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / (powers.sum(axis=axis, keepdims=True) + 1e-5)


@wrong("softmax", "base two")
def softmax_base_two(logits, axis=-1):
    powers = np.exp2(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "of the negative logits")
def softmax_negative(logits, axis=-1):
    return _softmax(-logits, axis)


@wrong("softmax", "divided by the largest power")
def softmax_by_largest(logits, axis=-1):
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.max(axis=axis, keepdims=True)


@wrong("softmax", "divided by the sum of the logits")
def softmax_by_logits(logits, axis=-1):
    return logits / logits.sum(axis=axis, keepdims=True)


@wrong("softmax", "a sigmoid for each logit")
def softmax_sigmoid(logits, axis=-1):
    return 1 / (1 + np.exp(-logits))


@wrong("softmax", "a hard maximum")
def softmax_hard(logits, axis=-1):
    hit = (logits == logits.max(axis=axis, keepdims=True)).astype(logits.dtype)
    return hit / hit.sum(axis=axis, keepdims=True)


@wrong("softmax", "the axis lost without keepdims")
def softmax_no_keepdims(logits, axis=-1):
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return (powers.T / powers.sum(axis=axis).T).T


@wrong("softmax", "shifts its argument in place")
def softmax_in_place(logits, axis=-1):
    logits -= logits.max(axis=axis, keepdims=True)
    powers = np.exp(logits)
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("softmax", "-inf replaced by zero")
def softmax_infinity(logits, axis=-1):
    return _softmax(np.where(np.isfinite(logits), logits, 0), axis)


@wrong("softmax", "computed in half precision")
def softmax_half(logits, axis=-1):
    return _softmax(logits.astype(np.float16), axis).astype(logits.dtype)


@wrong("softmax", "rounded to six digits")
def softmax_rounded(logits, axis=-1):
    return np.round(_softmax(logits, axis), 6)


@right("softmax", "row by row in a loop")
def softmax_loop(logits, axis=-1):
    rows = np.moveaxis(logits, axis, -1)
    result = np.empty_like(rows)
    for index in np.ndindex(rows.shape[:-1]):
        powers = [math.exp(x - max(rows[index])) for x in rows[index]]
        result[index] = np.array(powers) / sum(powers)
    return np.moveaxis(result, -1, axis)


@right("softmax", "online: one pass with a running maximum and a running sum")
def softmax_online(logits, axis=-1):
    rows = np.moveaxis(logits, axis, 0)
    largest, total = np.full(rows.shape[1:], -np.inf), np.zeros(rows.shape[1:])
    for row in rows:
        new = np.maximum(largest, row)
        safe = np.where(np.isinf(new), 0, new)
        total = total * np.exp(np.where(np.isinf(largest), -np.inf, largest - safe)) + np.exp(row - safe)
        largest = new
    return np.moveaxis(np.exp(rows - largest) / total, 0, axis)


@right("softmax", "the exponential of the log-softmax")
def softmax_exp_log(logits, axis=-1):
    return np.exp(_log_softmax(logits, axis))


@wrong("softmax_backward", "the derivative of a sigmoid, each weight alone")
def softmax_backward_alone(grad_output, logits, axis=-1):
    weights = _softmax(logits, axis)
    return grad_output * weights * (1 - weights)


@wrong("softmax_backward", "the weighted average not subtracted")
def softmax_backward_no_average(grad_output, logits, axis=-1):
    return grad_output * _softmax(logits, axis)


@wrong("softmax_backward", "the plain mean subtracted")
def softmax_backward_mean(grad_output, logits, axis=-1):
    return _softmax(logits, axis) * (grad_output - grad_output.mean(axis=axis, keepdims=True))


@wrong("softmax_backward", "always along the last axis")
def softmax_backward_last(grad_output, logits, axis=-1):
    weights = _softmax(logits, axis)
    return weights * (grad_output - (grad_output * weights).sum(axis=-1, keepdims=True))


@wrong("softmax_backward", "takes the logits for weights")
def softmax_backward_logits(grad_output, logits, axis=-1):
    return logits * (grad_output - (grad_output * logits).sum(axis=axis, keepdims=True))


@right("softmax_backward", "through the full Jacobian")
def softmax_backward_jacobian(grad_output, logits, axis=-1):
    weights, incoming = np.moveaxis(_softmax(logits, axis), axis, -1), np.moveaxis(grad_output, axis, -1)
    jacobian = weights[..., :, None] * (np.eye(weights.shape[-1]) - weights[..., None, :])
    return np.moveaxis(np.einsum("...i,...ij->...j", incoming, jacobian), -1, axis)


@wrong("log_softmax", "the logarithm of a softmax that underflows")
def log_softmax_of_softmax(logits, axis=-1):
    return np.log(_softmax(logits, axis))


@wrong("log_softmax", "a small number inside the logarithm")
def log_softmax_epsilon(logits, axis=-1):
    return np.log(_softmax(logits, axis) + 1e-12)


@wrong("log_softmax", "base two")
def log_softmax_base_two(logits, axis=-1):
    return _log_softmax(logits, axis) / math.log(2)


@wrong("log_softmax", "no maximum subtracted")
def log_softmax_overflow(logits, axis=-1):
    return logits - np.log(np.exp(logits).sum(axis=axis, keepdims=True))


@wrong("log_softmax", "the maximum not added back")
def log_softmax_maximum_lost(logits, axis=-1):
    largest = logits.max(axis=axis, keepdims=True)
    return logits - np.log(np.exp(logits - largest).sum(axis=axis, keepdims=True))


@wrong("log_softmax", "ignores axis")
def log_softmax_ignores_axis(logits, axis=-1):
    return _log_softmax(logits)


@wrong("log_softmax", "the mean of the powers instead of their sum")
def log_softmax_mean(logits, axis=-1):
    below = logits - logits.max(axis=axis, keepdims=True)
    return below - np.log(np.exp(below).mean(axis=axis, keepdims=True))


@wrong("log_softmax", "minus the logarithm, as in a loss")
def log_softmax_sign(logits, axis=-1):
    return -_log_softmax(logits, axis)


@right("log_softmax", "pair after pair with logaddexp")
def log_softmax_logaddexp(logits, axis=-1):
    total = np.logaddexp.reduce(logits, axis=axis, keepdims=True)
    return logits - total


@wrong("log_softmax_backward", "the weights not multiplied by the sum of the gradient")
def log_softmax_backward_no_sum(grad_output, logits, axis=-1):
    return grad_output - _softmax(logits, axis)


@wrong("log_softmax_backward", "divided by the weights")
def log_softmax_backward_divided(grad_output, logits, axis=-1):
    return grad_output / _softmax(logits, axis)


@wrong("log_softmax_backward", "the gradient of softmax")
def log_softmax_backward_softmax(grad_output, logits, axis=-1):
    weights = _softmax(logits, axis)
    return weights * (grad_output - (grad_output * weights).sum(axis=axis, keepdims=True))


@wrong("log_softmax_backward", "sums over everything")
def log_softmax_backward_everything(grad_output, logits, axis=-1):
    return grad_output - _softmax(logits, axis) * grad_output.sum()


def _picked(logits, targets, ignore_index=-100):
    counted = targets != ignore_index
    return _log_softmax(logits)[np.flatnonzero(counted), targets[counted]]


@wrong("cross_entropy", "a sum instead of a mean")
def cross_entropy_sum(logits, targets, ignore_index=-100):
    return float(-_picked(logits, targets, ignore_index).sum())


@wrong("cross_entropy", "divided by all targets, the ignored ones too")
def cross_entropy_all_counted(logits, targets, ignore_index=-100):
    return float(-_picked(logits, targets, ignore_index).sum() / len(targets))


@wrong("cross_entropy", "ignored targets picked from the end")
def cross_entropy_not_ignored(logits, targets, ignore_index=-100):
    safe = np.where(targets == ignore_index, -1, targets)
    return float(-_log_softmax(logits)[np.arange(len(targets)), safe].mean())


@wrong("cross_entropy", "only -100 is ignored")
def cross_entropy_fixed_index(logits, targets, ignore_index=-100):
    return float(-_picked(logits, targets % logits.shape[1], -100).mean())


@wrong("cross_entropy", "every negative target is ignored, whatever ignore_index says")
def cross_entropy_negative(logits, targets, ignore_index=-100):
    counted = targets >= 0
    return float(-_log_softmax(logits)[np.flatnonzero(counted), targets[counted] % logits.shape[1]].mean())


@wrong("cross_entropy", "the sign forgotten")
def cross_entropy_sign(logits, targets, ignore_index=-100):
    return float(_picked(logits, targets, ignore_index).mean())


@wrong("cross_entropy", "in bits")
def cross_entropy_bits(logits, targets, ignore_index=-100):
    return float(-_picked(logits, targets, ignore_index).mean() / math.log(2))


@wrong("cross_entropy", "probabilities clipped before the logarithm")
def cross_entropy_clipped(logits, targets, ignore_index=-100):
    counted = targets != ignore_index
    weights = np.clip(_softmax(logits), 1e-12, 1.0)
    return float(-np.log(weights[np.flatnonzero(counted), targets[counted]]).mean())


@wrong("cross_entropy", "logits taken for probabilities")
def cross_entropy_no_softmax(logits, targets, ignore_index=-100):
    counted = targets != ignore_index
    return float(-np.log(np.abs(logits) + 1e-9)[np.flatnonzero(counted), targets[counted]].mean())


@wrong("cross_entropy", "softmax along the batch")
def cross_entropy_wrong_axis(logits, targets, ignore_index=-100):
    counted = targets != ignore_index
    return float(-_log_softmax(logits, 0)[np.flatnonzero(counted), targets[counted]].mean())


@wrong("cross_entropy", "also pushes the wrong tokens down, as with a binary loss")
def cross_entropy_binary(logits, targets, ignore_index=-100):
    counted = targets != ignore_index
    one_hot = np.eye(logits.shape[1])[targets[counted]]
    weights = np.clip(_softmax(logits[counted]), 1e-300, 1)
    return float(-(one_hot * np.log(weights) + (1 - one_hot) * np.log1p(-weights * 0.999)).sum(-1).mean())


@wrong("cross_entropy", "a list of losses instead of one number")
def cross_entropy_list(logits, targets, ignore_index=-100):
    return (-_picked(logits, targets, ignore_index)).tolist()


@right("cross_entropy", "logsumexp minus the picked logit")
def cross_entropy_logsumexp(logits, targets, ignore_index=-100):
    rows = [(row, t) for row, t in zip(logits.astype(np.float64), targets, strict=True) if t != ignore_index]
    return sum(np.logaddexp.reduce(row) - row[t] for row, t in rows) / len(rows)


@right("cross_entropy", "one-hot times log-softmax")
def cross_entropy_one_hot(logits, targets, ignore_index=-100):
    one_hot = (np.arange(logits.shape[1]) == targets[:, None]) & (targets != ignore_index)[:, None]
    return float(-(np.where(one_hot, _log_softmax(logits), 0)).sum() / (targets != ignore_index).sum())


@wrong("cross_entropy_backward", "not divided by the number of targets")
def cross_entropy_backward_sum(grad_output, logits, targets, ignore_index=-100):
    counted = (targets != ignore_index)[:, None]
    one_hot = np.arange(logits.shape[1]) == targets[:, None]
    return grad_output * np.where(counted, _softmax(logits) - one_hot, 0)


@wrong("cross_entropy_backward", "one-hot not subtracted")
def cross_entropy_backward_no_target(grad_output, logits, targets, ignore_index=-100):
    counted = (targets != ignore_index)[:, None]
    return grad_output * np.where(counted, _softmax(logits), 0) / counted.sum()


@wrong("cross_entropy_backward", "ignored rows pushed towards uniform")
def cross_entropy_backward_ignored(grad_output, logits, targets, ignore_index=-100):
    one_hot = (np.arange(logits.shape[1]) == targets[:, None]) & (targets != ignore_index)[:, None]
    return grad_output * (_softmax(logits) - one_hot) / (targets != ignore_index).sum()


@wrong("cross_entropy_backward", "the sign turned")
def cross_entropy_backward_sign(grad_output, logits, targets, ignore_index=-100):
    counted = (targets != ignore_index)[:, None]
    one_hot = np.arange(logits.shape[1]) == targets[:, None]
    return grad_output * np.where(counted, one_hot - _softmax(logits), 0) / counted.sum()


@wrong("cross_entropy_backward", "the incoming gradient forgotten")
def cross_entropy_backward_incoming(grad_output, logits, targets, ignore_index=-100):
    counted = (targets != ignore_index)[:, None]
    one_hot = np.arange(logits.shape[1]) == targets[:, None]
    return np.where(counted, _softmax(logits) - one_hot, 0) / counted.sum()
