"""The solutions of each lesson's exercises obey the laws. Here, where the inputs of most laws have been drawn already."""

import json
from pathlib import Path

import pytest

from minimm.classroom.supervisor import check_file
from minimm.datasets.bundled import bundled_lessons
from minimm.specs.registry import all_specs

NOTEBOOKS = sorted(bundled_lessons().glob("[0-9][0-9]_*.ipynb"))


def exercises(notebook: Path) -> set[str]:
    """The names of the functions that a lesson asks for."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return {cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if cell["metadata"].get("tags") == ["exercise"]}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_its_solutions_obey_the_laws(notebook):
    names = exercises(notebook)
    assert names and names <= set(all_specs())
    reports = check_file(notebook.parent / "solutions" / f"{notebook.stem}.py")
    assert {report.name for report in reports} >= names
    assert all(reports), [report.name for report in reports if not report]
