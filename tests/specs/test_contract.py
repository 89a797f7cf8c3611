"""Every implementation obeys every law of the contract: `pytest tests/specs --implementation numpy`."""

import json
from functools import cache
from pathlib import Path

import pytest
from spec_table import DEFAULT

from minimm.classroom.render import as_text
from minimm.specs.grading import grade
from minimm.specs.implementations import load_implementation
from minimm.specs.registry import all_specs

load = cache(load_implementation)


def pytest_generate_tests(metafunc):
    names = metafunc.config.getoption("--implementation") or DEFAULT
    pairs = [(name, spec) for name in names for spec in all_specs()]
    metafunc.parametrize(("implementation", "spec"), pairs, ids=[f"{Path(n).stem}-{spec}" for n, spec in pairs])


def test_every_law_holds(implementation, spec, request):
    loaded = load(implementation)
    cell = {"implementation": loaded.name, "spec": spec, "reason": loaded.missing.get(spec, "")}
    if cell["reason"]:
        request.node.user_properties.append(("spec", json.dumps({**cell, "status": "absent"})))
        pytest.skip(cell["reason"])
    report = grade(all_specs()[spec], loaded.functions[spec])
    laws = len(all_specs()[spec].laws())
    cell |= {"status": report.status, "kept": len(report.kept), "laws": laws}
    request.node.user_properties.append(("spec", json.dumps(cell)))
    assert report and len(report.kept) == laws, as_text([report])
