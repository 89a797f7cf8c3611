"""Solutions of lesson 13, sound, spectrograms and the GRU: `minimm check lessons/solutions/13_sound_and_gru.py`."""

from __future__ import annotations

import numpy as np


def mel_filter_bank(num_mels, fft_size, sample_rate):
    """Corners even in mel, back to Hz; each triangle is the lower of its rising and its falling side."""
    highest = 2595 * np.log10(1 + sample_rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, highest, num_mels + 2) / 2595) - 1)[:, None]  # Hz
    hertz = np.arange(fft_size // 2 + 1) * sample_rate / fft_size
    left, peak, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hertz - left) / (peak - left), (right - hertz) / (right - peak)
    return np.maximum(0, np.minimum(rising, falling))


def gru_cell(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """The three parts of both products, the two gates, the proposal, and the mixture."""
    input_r, input_z, input_n = np.split(inputs @ weight_ih.T + bias_ih, 3, axis=-1)
    hidden_r, hidden_z, hidden_n = np.split(hidden @ weight_hh.T + bias_hh, 3, axis=-1)
    r, z = _sigmoid(input_r + hidden_r), _sigmoid(input_z + hidden_z)
    n = np.tanh(input_n + r * hidden_n)
    return (1 - z) * n + z * hidden


def gru(inputs, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Each step begins with the memory of the one before."""
    outputs = []
    for t in range(inputs.shape[-2]):
        hidden = gru_cell(inputs[..., t, :], hidden, weight_ih, weight_hh, bias_ih, bias_hh)
        outputs.append(hidden)
    return np.stack(outputs, axis=-2), hidden


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))
