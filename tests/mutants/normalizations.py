"""Planted: layer_norm, rms_norm, gelu and silu, and their gradients.

What goes wrong in normalisation is the axis, the kind of variance, and where eps, gain and bias stand; in its gradient, the
two terms that come from the mean and the variance. What goes wrong in the activations is a factor inside erf or exp.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from mutants.catalogue import right, wrong

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _phi(x):
    """The share of the standard normal below x, in the dtype of x."""
    return (0.5 * (1 + _erf(x / math.sqrt(2)))).astype(x.dtype)


def _density(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def _sum_to(gradient, vector):
    """Sum over the batch, until the gradient has the shape of a vector (D,)."""
    return gradient.reshape(-1, len(vector)).sum(axis=0)


def _x_hat_and_std(x, eps):
    std = np.sqrt(x.var(axis=-1, keepdims=True) + eps)
    return (x - x.mean(axis=-1, keepdims=True)) / std, std


def _grad_x(g, x_hat, std):
    """The gradient of x in layer norm from that of the normalised x."""
    return (g - g.mean(axis=-1, keepdims=True) - x_hat * (g * x_hat).mean(axis=-1, keepdims=True)) / std


# layer_norm


@wrong("layer_norm", "unbiased variance, divided by D - 1")
def layer_norm_unbiased(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True, ddof=1)
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


@wrong("layer_norm", "eps added to the standard deviation, outside the root")
def layer_norm_eps_outside(x, gain, bias, eps=1e-5):
    mean, std = x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    return gain * (x - mean) / (std + eps) + bias


@wrong("layer_norm", "eps forgotten")
def layer_norm_no_eps(x, gain, bias, eps=1e-5):
    return gain * (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True) + bias


@wrong("layer_norm", "eps of the argument ignored, 1e-5 written into the formula")
def layer_norm_fixed_eps(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * gain + bias


@wrong("layer_norm", "default eps 1e-6")
def layer_norm_other_default(x, gain, bias, eps=1e-6):
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


@wrong("layer_norm", "mean and variance of the whole array")
def layer_norm_all_axes(x, gain, bias, eps=1e-5):
    x_hat = (x - x.mean()) / np.sqrt(x.var() + np.asarray(eps, x.dtype))
    return gain * x_hat + bias


@wrong("layer_norm", "over the last two axes, as for a picture")
def layer_norm_two_axes(x, gain, bias, eps=1e-5):
    axes = tuple(range(x.ndim))[-2:]
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return gain * (x - mean) / np.sqrt(variance + eps) + bias


@wrong("layer_norm", "over the batch, as batch norm does")
def layer_norm_over_batch(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    return gain * (x - mean) / np.sqrt(variance + eps) + bias


@wrong("layer_norm", "keepdims forgotten")
def layer_norm_no_keepdims(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1), x.var(axis=-1)
    return gain * (x - mean) / np.sqrt(variance + eps) + bias


@wrong("layer_norm", "mean not subtracted from x")
def layer_norm_mean_kept(x, gain, bias, eps=1e-5):
    return x / np.sqrt(x.var(axis=-1, keepdims=True) + eps) * gain + bias


@wrong("layer_norm", "variance as E[x^2] - E[x]^2, which cancels far from zero")
def layer_norm_cancels(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    variance = (x * x).mean(axis=-1, keepdims=True) - mean * mean
    return (x - mean) / np.sqrt(np.maximum(variance, 0) + eps) * gain + bias


@wrong("layer_norm", "divided by the variance, the root is missing")
def layer_norm_no_root(x, gain, bias, eps=1e-5):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / ((centred**2).mean(axis=-1, keepdims=True) + eps) * gain + bias


@wrong("layer_norm", "gain before normalising")
def layer_norm_gain_first(x, gain, bias, eps=1e-5):
    x = x * gain
    return _x_hat_and_std(x, eps)[0] + bias


@wrong("layer_norm", "bias inside the brackets, so it is multiplied by gain")
def layer_norm_bias_inside(x, gain, bias, eps=1e-5):
    return gain * (_x_hat_and_std(x, eps)[0] + bias)


@wrong("layer_norm", "bias multiplied instead of added")
def layer_norm_bias_times(x, gain, bias, eps=1e-5):
    return gain * _x_hat_and_std(x, eps)[0] * bias


@wrong("layer_norm", "bias forgotten")
def layer_norm_no_bias(x, gain, bias, eps=1e-5):
    return gain * _x_hat_and_std(x, eps)[0]


@wrong("layer_norm", "gain is an addition to 1")
def layer_norm_one_plus_gain(x, gain, bias, eps=1e-5):
    return (1 + gain) * _x_hat_and_std(x, eps)[0] + bias


@wrong("layer_norm", "subtracts the mean in place")
def layer_norm_in_place(x, gain, bias, eps=1e-5):
    x -= x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * gain + bias


@wrong("layer_norm", "gives back mean and variance too")
def layer_norm_tuple(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * gain + bias, mean, variance


_running = {}


@wrong("layer_norm", "normalises by a running variance that it keeps between calls")
def layer_norm_running(x, gain, bias, eps=1e-5):
    variance = x.var(axis=-1, keepdims=True)
    _running[x.shape] = 0.9 * _running.get(x.shape, variance) + 0.1 * variance
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(_running[x.shape] + eps) * gain + bias


@right("layer_norm", "the mean is taken away by the matrix I - 1/D")
def layer_norm_centring_matrix(x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    centred = x.astype(np.float64) @ (np.eye(d) - 1 / d)
    return (centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * gain + bias).astype(x.dtype)


@right("layer_norm", "vector by vector, the variance number by number as Welford does")
def layer_norm_welford(x, gain, bias, eps=1e-5):
    out = np.empty_like(x)
    for index in np.ndindex(x.shape[:-1]):
        mean = squares = 0.0
        for count, number in enumerate(x[index].tolist(), start=1):
            step = number - mean
            mean += step / count
            squares += step * (number - mean)
        out[index] = (x[index] - mean) / math.sqrt(squares / x.shape[-1] + eps) * gain + bias
    return out


# layer_norm_backward


@wrong("layer_norm_backward", "mean and variance taken for constants")
def layer_norm_backward_constants(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    return grad_output * gain / std, _sum_to(grad_output * x_hat, gain), _sum_to(grad_output, bias)


@wrong("layer_norm_backward", "variance taken for a constant")
def layer_norm_backward_no_variance(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    g = grad_output * gain
    grad_x = (g - g.mean(axis=-1, keepdims=True)) / std
    return grad_x, _sum_to(grad_output * x_hat, gain), _sum_to(grad_output, bias)


@wrong("layer_norm_backward", "mean taken for a constant")
def layer_norm_backward_no_mean(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    g = grad_output * gain
    grad_x = (g - x_hat * (g * x_hat).mean(axis=-1, keepdims=True)) / std
    return grad_x, _sum_to(grad_output * x_hat, gain), _sum_to(grad_output, bias)


@wrong("layer_norm_backward", "gain forgotten in the gradient of x")
def layer_norm_backward_no_gain(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    grad_x = _grad_x(grad_output, x_hat, std)
    return grad_x, _sum_to(grad_output * x_hat, gain), _sum_to(grad_output, bias)


@wrong("layer_norm_backward", "gain multiplied after the means are taken away")
def layer_norm_backward_gain_last(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    grad_x = gain * _grad_x(grad_output, x_hat, std)
    return grad_x, _sum_to(grad_output * x_hat, gain), _sum_to(grad_output, bias)


@wrong("layer_norm_backward", "the gradient of gain holds x instead of the normalised x")
def layer_norm_backward_raw_gain(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    grad_x = _grad_x(grad_output * gain, x_hat, std)
    return grad_x, _sum_to(grad_output * x, gain), _sum_to(grad_output, bias)


@wrong("layer_norm_backward", "gain and bias averaged over the batch instead of summed")
def layer_norm_backward_batch_mean(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    grad_x = _grad_x(grad_output * gain, x_hat, std)
    d = len(gain)
    return grad_x, (grad_output * x_hat).reshape(-1, d).mean(axis=0), grad_output.reshape(-1, d).mean(axis=0)


@wrong("layer_norm_backward", "sums over the first axis alone: right for two dimensions")
def layer_norm_backward_first_axis(grad_output, x, gain, bias, eps=1e-5):
    x_hat, std = _x_hat_and_std(x, eps)
    grad_x = _grad_x(grad_output * gain, x_hat, std)
    return grad_x, (grad_output * x_hat).sum(axis=0), grad_output.sum(axis=0)


@right("layer_norm_backward", "the Jacobian of each vector as a matrix")
def layer_norm_backward_jacobian(grad_output, x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    grad_x, grad_gain = np.empty_like(x), np.zeros_like(gain)
    for index in np.ndindex(x.shape[:-1]):
        x_hat, std = _x_hat_and_std(x[index], eps)
        jacobian = gain[:, None] * (np.eye(d) - 1 / d - np.outer(x_hat, x_hat) / d) / std
        grad_x[index] = grad_output[index] @ jacobian
        grad_gain += grad_output[index] * x_hat
    return grad_x, grad_gain, _sum_to(grad_output, bias)


# rms_norm


@wrong("rms_norm", "root of the sum of the squares, not of their mean")
def rms_norm_sum(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).sum(axis=-1, keepdims=True) + eps) * gain


@wrong("rms_norm", "eps outside the root")
def rms_norm_eps_outside(x, gain, eps=1e-6):
    return x / (np.sqrt((x**2).mean(axis=-1, keepdims=True)) + eps) * gain


@wrong("rms_norm", "eps forgotten, so zeros become NaN")
def rms_norm_no_eps(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True)) * gain


@wrong("rms_norm", "default eps of layer norm, 1e-5")
def rms_norm_other_default(x, gain, eps=1e-5):
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * gain


@wrong("rms_norm", "eps inside the mean, so that it is divided by D")
def rms_norm_eps_in_sum(x, gain, eps=1e-6):
    return x / np.sqrt(((x**2).sum(axis=-1, keepdims=True) + eps) / x.shape[-1]) * gain


@wrong("rms_norm", "mean subtracted from x")
def rms_norm_centred(x, gain, eps=1e-6):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * gain


@wrong("rms_norm", "gain before normalising")
def rms_norm_gain_first(x, gain, eps=1e-6):
    scaled = x * gain
    return scaled / np.sqrt((scaled**2).mean(axis=-1, keepdims=True) + eps)


@wrong("rms_norm", "over the whole array")
def rms_norm_all_axes(x, gain, eps=1e-6):
    return x / math.sqrt((x**2).mean() + eps) * gain


@right("rms_norm", "the length of the vector and sqrt(D)")
def rms_norm_hypot(x, gain, eps=1e-6):
    length = np.hypot(np.linalg.norm(x, axis=-1, keepdims=True), math.sqrt(x.shape[-1] * eps))
    return x * math.sqrt(x.shape[-1]) / length * gain


@right("rms_norm", "layer norm's formula on x beside -x, which has mean 0")
def rms_norm_mirrored(x, gain, eps=1e-6):
    both = np.concatenate([x, -x], axis=-1)
    return x * gain / np.sqrt(both.var(axis=-1, keepdims=True) + eps)


@wrong("rms_norm_backward", "the root mean square taken for a constant")
def rms_norm_backward_constant(grad_output, x, gain, eps=1e-6):
    rms = np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)
    return grad_output * gain / rms, _sum_to(grad_output * x / rms, gain)


@wrong("rms_norm_backward", "sum instead of mean in the second term")
def rms_norm_backward_sum(grad_output, x, gain, eps=1e-6):
    rms = np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)
    g = grad_output * gain
    grad_x = g / rms - x * (g * x).sum(axis=-1, keepdims=True) / rms**3
    return grad_x, _sum_to(grad_output * x / rms, gain)


@wrong("rms_norm_backward", "gradient of gain not summed over the batch")
def rms_norm_backward_not_summed(grad_output, x, gain, eps=1e-6):
    rms = np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)
    g = grad_output * gain
    return (g - x * (g * x).mean(axis=-1, keepdims=True) / rms**2) / rms, grad_output * x / rms


# gelu


@wrong("gelu", "the tanh approximation")
def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@wrong("gelu", "x * sigmoid(1.702 x)")
def gelu_sigmoid(x):
    return x * _sigmoid(1.702 * x)


@wrong("gelu", "sqrt(2) forgotten inside erf")
def gelu_no_root(x):
    return (0.5 * x * (1 + _erf(x))).astype(x.dtype)


@wrong("gelu", "multiplied by erf alone, without 1 + and the half")
def gelu_erf_alone(x):
    return (x * _erf(x / math.sqrt(2))).astype(x.dtype)


@wrong("gelu", "erf by a formula with five right digits")
def gelu_five_digits(x):
    t = 1 / (1 + 0.47047 * np.abs(x) / math.sqrt(2))
    erf = np.sign(x) * (1 - (0.3480242 * t - 0.0958798 * t**2 + 0.7478556 * t**3) * np.exp(-(x**2) / 2))
    return 0.5 * x * (1 + erf)


@wrong("gelu", "erf by the first terms of its series, which leave [-1, 1] soon")
def gelu_series(x):
    z = x / math.sqrt(2)
    erf = (
        2 / math.sqrt(math.pi) * sum((-1) ** n * z ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1)) for n in range(9))
    )
    return 0.5 * x * (1 + erf)


@wrong("gelu", "returns a list")
def gelu_list(x):
    return (x * _phi(x)).tolist()


@right("gelu", "the normal distribution of the standard library")
def gelu_normal_dist(x):
    return (x * np.vectorize(NormalDist().cdf, otypes=[np.float64])(x)).astype(x.dtype)


@right("gelu", "the smaller tail by erfc, mirrored")
def gelu_erfc(x):
    tail = np.array([math.erfc(abs(v) / math.sqrt(2)) / 2 for v in x.ravel().tolist()]).reshape(x.shape)
    return (np.maximum(x, 0) - np.abs(x) * tail).astype(x.dtype)


@wrong("gelu_backward", "product rule forgotten: only Phi(x)")
def gelu_backward_phi(grad_output, x):
    return grad_output * _phi(x)


@wrong("gelu_backward", "density without x in front of it")
def gelu_backward_no_x(grad_output, x):
    return grad_output * (_phi(x) + _density(x))


@wrong("gelu_backward", "exp(-x^2) without the half")
def gelu_backward_no_half(grad_output, x):
    return grad_output * (_phi(x) + x * np.exp(-(x**2)) / math.sqrt(2 * math.pi))


@wrong("gelu_backward", "slope of the sigmoid approximation")
def gelu_backward_sigmoid(grad_output, x):
    s = _sigmoid(1.702 * x)
    return grad_output * (s + 1.702 * x * s * (1 - s))


@right("gelu_backward", "erfc, and the density from the standard library")
def gelu_backward_tables(grad_output, x):
    normal = NormalDist()
    slope = [math.erfc(-v / math.sqrt(2)) / 2 + v * normal.pdf(v) for v in x.ravel().tolist()]
    return grad_output * np.array(slope, dtype=x.dtype).reshape(x.shape)


# silu


@wrong("silu", "exp(x) / (1 + exp(x)): infinity by infinity for large x")
def silu_overflow(x):
    return x * np.exp(x) / (1 + np.exp(x))


@wrong("silu", "exp(x) where exp(-x) belongs")
def silu_mirrored(x):
    return x / (1 + np.exp(x))


@wrong("silu", "made safe with |x|, for both signs")
def silu_absolute(x):
    return x / (1 + np.exp(-np.abs(x)))


@wrong("silu", "x clipped to [-10, 10] inside the sigmoid")
def silu_clipped(x):
    return x / (1 + np.exp(-np.clip(x, -10, 10)))


@wrong("silu", "softmax over the last axis instead of a sigmoid")
def silu_softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return x * e / e.sum(axis=-1, keepdims=True)


@right("silu", "log-sum-exp of 0 and -x")
def silu_logaddexp(x):
    return x * np.exp(-np.logaddexp(0, -x)).astype(x.dtype)


@right("silu", "two branches by sign")
def silu_branches(x):
    e = np.exp(-np.abs(x))
    return x * np.where(x >= 0, 1, e) / (1 + e)


@wrong("silu_backward", "product rule forgotten: only sigmoid(x)")
def silu_backward_sigmoid(grad_output, x):
    return grad_output * _sigmoid(x)


@wrong("silu_backward", "the slope of the sigmoid")
def silu_backward_inner(grad_output, x):
    return grad_output * _sigmoid(x) * (1 - _sigmoid(x))


@wrong("silu_backward", "1 + s where 1 - s belongs")
def silu_backward_plus(grad_output, x):
    s = _sigmoid(x)
    return grad_output * s * (1 + x * (1 + s))


@wrong("silu_backward", "exp(-x) / (1 + exp(-x))^2: NaN far below zero")
def silu_backward_overflow(grad_output, x):
    e = np.exp(-x)
    return grad_output * (1 / (1 + e) + x * e / (1 + e) ** 2)


@wrong("silu_backward", "incoming gradient forgotten")
def silu_backward_no_chain(grad_output, x):
    s = _sigmoid(x)
    return s + x * s * (1 - s)


@right("silu_backward", "from the output: y + s (1 - y)")
def silu_backward_from_output(grad_output, x):
    s = np.exp(-np.logaddexp(0, -x)).astype(x.dtype)
    return grad_output * (x * s + s * (1 - x * s))
