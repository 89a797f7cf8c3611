"""What benchmarks say when there is nothing to compare: each sentence beside what causes it."""

from __future__ import annotations

import copy
import math
import re

import pytest
import torch

from minimm.benchmarks import generation, processes
from minimm.benchmarks.growth import fitted_power
from minimm.errors import MinimmError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("places", "values", "sentence"),
    [
        ([0, 1, 2], [1, 2, 3], "finite numbers above 0 only, but there are [0]; leave them out"),
        ([1, 2], [0.1, math.nan], "finite numbers above 0 only, but there are [nan]; leave them out"),
        ([1, 2, 4], [0.1, 0.2], "a line needs two different places at least and a value at each"),
        ([], [], "a line needs two different places at least and a value at each, but they are [] and []"),
    ],
)
def test_of_a_curve_that_is_no_power(places, values, sentence):
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        fitted_power(places, values)


def test_of_a_peer_that_writes_something_else(monkeypatch):
    twin = generation.twin

    def another_version(ours):
        """Of transformers, that multiplies otherwise."""
        other = copy.deepcopy(ours)
        other.embedding.weight.data *= torch.linspace(-1, 1, other.config.d_model)
        return twin(other)

    monkeypatch.setattr(generation, "twin", another_version)
    monkeypatch.setattr(generation, "SHAPES", ((1, 16, 2),))
    monkeypatch.setattr(generation, "VOCABULARIES", (80, 300))
    with pytest.raises(
        MinimmError, match="the two sides wrote the same only for 0 of 1 prompts, so nothing is compared"
    ):
        generation.compare_generation(1, CPU)


def test_of_processes_that_take_too_long(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.01)
    with pytest.raises(MinimmError, match="'minimm' took longer than 0.01 s; close other programs, or leave it out"):
        processes.compare_processes(1, CPU)


def test_of_processes_that_cannot_start(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise OSError('libtorch.so: no such file')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MinimmError, match="torchrun could not time 'minimm': OSError: libtorch.so: no such file"):
        processes.compare_processes(1, CPU)
