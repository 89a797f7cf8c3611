"""Solutions of lesson 05, the block: `minimm check lessons/solutions/05_transformer_block.py`."""

from __future__ import annotations

import numpy as np


def sinusoidal_positions(length, d_model):
    """Angles first, then sines and cosines in pairs, then the pairs in a row."""
    angles = np.arange(length)[:, None] / 10000 ** (
        np.arange(0, d_model, 2) / d_model
    )  # (T, d_model / 2)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, d_model)


def rotary_embedding(x, positions, base=10000.0):
    """(a, b) -> (a cos - b sin, a sin + b cos), with a from the first half and b from the second."""
    d = x.shape[-1]
    angles = positions[:, None] * base ** (-np.arange(0, d, 2) / d)  # (T, D / 2)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    a, b = x[..., : d // 2], x[..., d // 2 :]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def layer_norm(x, gain, bias, eps=1e-5):
    """First subtract, then square: the difference of two large squares would lose its digits."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + eps) * gain + bias


def rms_norm(x, gain, eps=1e-6):
    """Only the length changes."""
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * gain


def silu(x):
    """With e^-|x|, which is at most 1: the share is 1 / (1 + e^-|x|) above zero, and its complement below."""
    small = np.exp(-np.abs(x))
    return x * np.where(x >= 0, 1, small) / (1 + small)
