"""Cross-entropy: how surprised the model was, on average, by the tokens that came.

    loss = -1/N sum_n log softmax(logits_n)[target_n]

in nats, over the N targets that count. A model that gives each of V tokens the same probability has the loss ln V.

Source: Bengio et al. 2003, "A neural probabilistic language model", section 2 (the negative of its log-likelihood).
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.softmax import log_softmax, log_softmax_backward


def cross_entropy(logits: np.ndarray, targets: np.ndarray, ignore_index: int = -100) -> float:
    """Mean surprise in nats; 0.0 when no target counts.

    Args:
        logits: (N, V). targets: (N,) int in [0, V), or `ignore_index` where nothing was to be predicted (padding).
    """
    counted = np.flatnonzero(targets != ignore_index)
    log_probabilities = log_softmax(logits)  # (N, V)
    surprise = -log_probabilities[counted, targets[counted]]  # (number that count,)
    return float(np.sum(surprise) / max(len(counted), 1))


def cross_entropy_backward(
    grad_output: float, logits: np.ndarray, targets: np.ndarray, ignore_index: int = -100
) -> np.ndarray:
    """The gradient of the logits (N, V); `grad_output` is the gradient of the loss, a float.

    The loss holds the log-probability of each counted target, times -1/N, and no other. So -grad_output / N stands at
    the targets, zero elsewhere, and log_softmax_backward carries it to the logits. What comes out is

        dlogits_n = grad_output / N (softmax(logits_n) - onehot(target_n))        and 0 in rows that do not count:

    the probability of every wrong token is pushed down, that of the right one up.
    """
    counted = np.flatnonzero(targets != ignore_index)
    grad_log_probabilities = np.zeros_like(logits)  # (N, V)
    grad_log_probabilities[counted, targets[counted]] = -grad_output / max(len(counted), 1)
    return log_softmax_backward(grad_log_probabilities, logits)
