"""AdamW: each number of a parameter gets steps of its own size, and all of them shrink a little on the way.

    m = beta1 m + (1 - beta1) g                           running mean of the gradient: the direction
    v = beta2 v + (1 - beta2) g^2                         running mean of its square: the size to divide by
    m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t)
    w = w - learning_rate * (m_hat / (sqrt(v_hat) + eps) + weight_decay * w)

m and v start at zero. After t steps the weights of their running means add up to 1 - beta^t instead of 1; dividing by that
takes away the pull towards zero. In the first step m_hat / sqrt(v_hat) is g / |g|: every number moves by learning_rate.

Source: Kingma & Ba 2015 (Adam, algorithm 1); Loshchilov & Hutter 2019, "Decoupled weight decay regularization",
algorithm 2. Decoupled: the decay is not part of g, so it is not divided by sqrt(v_hat). Differs from the paper, as PyTorch
does: the decay is multiplied by the learning rate.
"""

from __future__ import annotations

import math

import numpy as np


def adamw_step(
    parameter: np.ndarray,
    gradient: np.ndarray,
    first_moment: np.ndarray,
    second_moment: np.ndarray,
    step: int,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of training. Returns the new parameter, first moment and second moment.

    Args:
        parameter, gradient, first_moment, second_moment: one shape (...). The moments are zeros before the first step.
        step: t, which counts from 1.
    """
    first_moment = beta1 * first_moment + (1 - beta1) * gradient
    second_moment = beta2 * second_moment + (1 - beta2) * gradient**2
    mean = first_moment / (1 - beta1**step)
    size = np.sqrt(second_moment) / math.sqrt(1 - beta2**step) + eps
    return parameter - learning_rate * (mean / size + weight_decay * parameter), first_moment, second_moment
