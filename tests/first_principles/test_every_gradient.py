"""Every gradient derived by hand equals autograd's within 1e-8, for whatever inputs its spec draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimm.specs.gradient import with_incoming
from minimm.specs.implementations import load_implementation
from minimm.specs.registry import all_specs

BY_HAND, TORCH, MINIMM = (load_implementation(name).functions for name in ("numpy", "torch", "minimm"))
GRADIENTS = [name for name in all_specs() if name.endswith("_backward")]


@pytest.mark.parametrize("name", GRADIENTS)
@given(data=st.data())
def test_the_gradient_by_hand_equals_autograd(name, data):
    spec = all_specs()[name]
    incoming, arguments = data.draw(with_incoming(spec, spec.inputs))
    autograd = TORCH.get(name) or MINIMM[name]  # PyTorch has no rotary embedding
    tolerance = 1e-8 if name in TORCH else 1e-6  # whose table of angles minimm keeps in float32
    found, wanted = BY_HAND[name](*incoming, *arguments), autograd(*incoming, *arguments)
    for one, other in zip(_parts(found), _parts(wanted), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def _parts(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)
