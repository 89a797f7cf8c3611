"""What the tests of `first_principles` draw: sizes, batch dimensions, and arrays of normal numbers laid out in two ways."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

TOLERANCE = 1e-8
sizes = st.integers(1, 5)
batches = st.sampled_from([(), (1,), (3,), (2, 3), (2, 1, 3)])
generators = st.integers(0, 2**16).map(np.random.default_rng)


def normal(draw, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Standard normal float64 arrays, their axes in memory in the usual order or in the reverse one."""
    generator = draw(generators)
    if draw(st.booleans()):
        return tuple(generator.standard_normal(shape) for shape in shapes)
    return tuple(generator.standard_normal(shape[::-1]).T for shape in shapes)
