"""How far a student is: of the exercises in a folder's notebooks and Python files, which are solved, begun, or still to do.

An exercise is a function of the contract that a file defines; in a notebook whose cells are marked, those that are marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minimm.classroom.child_process import Limits
from minimm.classroom.grade_tables import as_table
from minimm.classroom.grader import defined_in, grade_function
from minimm.classroom.handed_in import HandedIn, read_handed_in
from minimm.classroom.needed import definitions, is_stub
from minimm.classroom.submissions import KINDS
from minimm.errors import check
from minimm.specs.registry import all_specs, spec_of
from minimm.specs.report import BROKEN, HOLDS, NOT_WRITTEN

SOLVED, BEGUN, TO_DO, NEXT = "solved", "begun", "to do", "next"


@dataclass(frozen=True)
class Exercise:
    """One exercise: its function and file, the lesson that explains it, its state, and what is still wrong: the law that is
    broken, or why it could not be tried.
    """

    function: str
    file: str
    lesson: str
    state: str
    broken: str = ""


@dataclass(frozen=True)
class Progress:
    """All exercises, file by file, and sentences on files that could not be read."""

    exercises: list[Exercise]
    problems: list[str]


def progress_in(folder: Path, *, seed: int = 0, limits: Limits = Limits()) -> Progress:  # noqa: B008, frozen
    """Grade what is written in the files of `folder` itself; raises `MinimmError` if there is no exercise in it."""
    check(folder.is_dir(), f"there is no folder {folder}; give the one that holds your notebooks")
    paths = sorted(path for path in folder.iterdir() if path.suffix in KINDS and path.is_file())
    files = [read_handed_in(path) for path in paths]
    found = [
        (name, file) for file in files for name in defined_in([file]) if not file.exercises or name in file.exercises
    ]
    hint = "`minimm release --lessons 04 --out DIR` writes notebooks that have some"
    check(bool(found), f"no file in {folder} has an exercise; {hint}")
    order = list(all_specs())
    found.sort(key=lambda one: (one[1].path.name, order.index(one[0])))
    exercises: list[Exercise] = []
    for name, file in found:
        state, broken = _state(name, file, folder, seed, limits)
        if state == TO_DO and NEXT not in [one.state for one in exercises]:
            state = NEXT
        exercises.append(Exercise(name, file.path.name, spec_of(name).lesson, state, broken))
    return Progress(exercises, [problem for file in files for problem in file.problems])


def _state(name: str, file: HandedIn, folder: Path, seed: int, limits: Limits) -> tuple[str, str]:
    if is_stub(definitions(file, name)[-1].tree):
        return TO_DO, ""
    report, _ = grade_function(file, name, folder, seed=seed, limits=limits)
    if report.status in (HOLDS, NOT_WRITTEN):
        return (SOLVED if report.status == HOLDS else TO_DO), ""
    return BEGUN, report.failure.words if report.status == BROKEN else f"{report.failure.words}: {report.failure.what}"


def as_text(progress: Progress) -> str:
    """A table, how many are solved, and the command that tells more."""
    rows = [["", "exercise", "file", "explained in", "still wrong"]]
    rows += [[one.state, one.function, one.file, one.lesson, one.broken] for one in progress.exercises]
    solved = sum(one.state == SOLVED for one in progress.exercises)
    parts = [as_table(rows), f"{solved} of {len(progress.exercises)} solved"]
    if begun := [one for one in progress.exercises if one.state == BEGUN]:
        parts[-1] += (
            f"; `minimm.check({begun[0].function})` in the notebook says more, with the smallest input that shows it"
        )
    return "\n\n".join([*parts, *progress.problems])
