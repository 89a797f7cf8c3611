"""Two filters in front of a draw: a language model's long tail of unlikely tokens is where its nonsense lives.

- top-k: only the k likeliest tokens may be drawn                                  (Fan, Lewis and Dauphin, 2018)
- top-p, or nucleus: only the smallest set of likeliest tokens that together have at least probability p
                                                                                    (Holtzman et al., 2020, eq. 2)

A dropped token gets the logit -inf, to which softmax gives the probability 0. The others share what is left.
"""

from __future__ import annotations

import numpy as np

from minimm.first_principles.softmax import softmax


def top_k_filter(logits: np.ndarray, k: int) -> np.ndarray:
    """logits (..., V) with all but the k largest of each row at -inf. Those equal to the k-th are kept with it.

    >>> top_k_filter(np.array([1.0, 3.0, 2.0]), k=2)
    array([-inf,   3.,   2.])
    """
    k = min(k, logits.shape[-1])
    kth_largest = np.sort(logits, axis=-1)[..., -k, None]  # (..., 1)
    return np.where(logits < kth_largest, -np.inf, logits)


def top_p_filter(logits: np.ndarray, p: float) -> np.ndarray:
    """logits (..., V) with all but the smallest set of likeliest tokens whose probabilities sum to at least p at -inf.

    The likeliest token is always kept. Of equally likely ones those with the smaller ids come first.

    >>> top_p_filter(np.log(np.array([0.2, 0.5, 0.3])), p=0.7).round(2)
    array([ -inf, -0.69, -1.2 ])
    """
    order = np.argsort(-logits, axis=-1, kind="stable")  # (..., V), the likeliest first
    probabilities = np.take_along_axis(softmax(logits), order, axis=-1)
    above = np.cumsum(probabilities, axis=-1) - probabilities  # the probability of the tokens ranked above
    # A token is needed as long as those above it have not reached p.
    kept_in_order = np.where(above < p, np.take_along_axis(logits, order, axis=-1), -np.inf)
    filtered = np.empty_like(logits)
    np.put_along_axis(filtered, order, kept_in_order, axis=-1)  # each logit back to its own place
    return filtered
