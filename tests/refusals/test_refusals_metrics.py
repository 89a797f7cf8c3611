"""Lists and shares that nothing can be measured of."""

import pytest

from minimm.errors import MinimmError
from minimm.metrics.classification import accuracy, precision_recall_f1
from minimm.metrics.power_law import percentile_interval


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (lambda: accuracy(["cat", "dog"], ["cat"]), "there are 2 true labels and 1 predictions; give one prediction for each"),
        (lambda: accuracy([], []), "there are 0 true labels and 0 predictions; .* at least one"),
        (lambda: precision_recall_f1(["cat"], ["cat"], average="samples"), "average='samples' is not known; choose from"),
        (lambda: percentile_interval([0.2, 0.3, 0.5], level=80), "level=80 is no share between 0 and 1; try 0.8"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured(measure, words):
    with pytest.raises(MinimmError, match=words):
        measure()
