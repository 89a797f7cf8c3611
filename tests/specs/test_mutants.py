"""The specs are strong: every planted mistake is caught, and right code written differently is let through."""

import importlib
from pathlib import Path

import mutants
import pytest
from mutants.catalogue import RIGHT, WRONG

from minimm.classroom.render import as_text
from minimm.specs.grading import grade
from minimm.specs.registry import all_specs, spec_of

for file in sorted(Path(mutants.__file__).parent.glob("*.py")):
    importlib.import_module(f"mutants.{file.stem}")

labels = {"ids": lambda planted: planted.label}
more_seeds = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3, 4))]


def test_there_are_enough_of_them_and_each_is_planted_once():
    assert len(WRONG) >= 200 and len(RIGHT) >= 40
    labels = [planted.label for planted in (*WRONG, *RIGHT)]
    assert sorted(set(labels)) == sorted(labels)


def test_every_function_of_the_contract_has_mistakes_planted():
    assert {planted.name for planted in WRONG} == set(all_specs())


@pytest.mark.parametrize("seed", more_seeds)
@pytest.mark.parametrize("planted", WRONG, **labels)
def test_a_mistake_is_caught(planted, seed):
    report = grade(spec_of(planted.name), planted.function, seed=seed, first_only=True)
    assert not report, f"{planted.label} was not caught"
    assert report.failure.words and report.failure.hint


@pytest.mark.parametrize("seed", more_seeds)
@pytest.mark.parametrize("planted", RIGHT, **labels)
def test_right_code_written_differently_is_let_through(planted, seed):
    report = grade(spec_of(planted.name), planted.function, seed=seed, first_only=True)
    assert report, as_text([report])
