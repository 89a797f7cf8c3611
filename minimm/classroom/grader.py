"""Grading one submission: each function asked for, alone in a process of its own, with partial credit by laws.

    points = laws that hold / laws

A function that is missing, not written or cannot be loaded holds none.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from minimm.classroom.child_process import Child, Limits
from minimm.classroom.handed_in import HandedIn, read_handed_in
from minimm.classroom.needed import definitions, is_stub, needed, source_of, why_missing
from minimm.classroom.remarks import borrowed, remarks_on
from minimm.classroom.submissions import Submission
from minimm.classroom.supervisor import grade_in
from minimm.errors import MinimmError
from minimm.specs.grading import share_of_laws
from minimm.specs.registry import all_specs, spec_of
from minimm.specs.report import NOT_WRITTEN, UNUSABLE, Failure, Report

MISSING = "missing"
ALONE = "_function_alone.py"  # the file that is run, unlike any that a student would import


@dataclass(frozen=True)
class Grade:
    """What one function is worth.

    Attributes:
        function: of the contract. status: as a report's, or "missing".
        laws_held, laws: how many hold, of how many.
        what: the first thing that is wrong, in a sentence; empty if all is well.
        report: the laws in full. file: in which it was found. code: what was run for it.
    """

    function: str
    status: str
    laws_held: int
    laws: int
    what: str
    report: Report
    file: str = ""
    code: str = ""

    @property
    def points(self) -> float:
        """Between 0 and 1."""
        return share_of_laws(self.report)


@dataclass
class Graded:
    """One student's grades, with sentences on the files (`problems`), and what a teacher may want to see (`remarks`)."""

    student: str
    page: str
    grades: list[Grade]
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    confined: list[str] = field(default_factory=list)

    @property
    def points(self) -> float:
        """The sum over the functions."""
        return round(sum(grade.points for grade in self.grades), 4)


def grade_submission(submission: Submission, functions: list[str], seed: int, limits: Limits) -> Graded:
    """Grade the named functions of the contract."""
    files = [read_handed_in(path) for path in submission.files]
    graded = Graded(submission.student, submission.page, [], list(submission.problems))
    for file in files:
        graded.problems += file.problems
        graded.remarks += remarks_on(file)
    for name in functions:
        graded.grades.append(_grade(name, files, submission.folder, seed, limits, graded))
    return graded


def defined_in(files: list[HandedIn]) -> list[str]:
    """The contract's functions that the files define, in its order."""
    return [name for name in all_specs() if any(definitions(file, name) for file in files)]


def no_grade(name: str, what: str) -> Grade:
    """The grade of a function that is not there, and the reason in a sentence."""
    report = Report(name, MISSING, lesson=spec_of(name).lesson, note=what)
    return Grade(name, MISSING, 0, len(spec_of(name).laws()), what, report)


def grade_function(
    file: HandedIn,
    name: str,
    folder: Path,
    *,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008, frozen
) -> tuple[Report, list[str]]:
    """The report on one function of a file, and which parts of `confinement` held while it ran.

    Args:
        folder: whose Python files the function may import.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        for path in folder.rglob("*.py"):
            if path.is_file() and not path.is_symlink() and path.parent in (folder, file.path.parent):
                shutil.copyfile(path, Path(place, path.name))
        alone = Path(place, ALONE)
        alone.write_text(source_of(file, needed(file, name)), encoding="utf-8")
        try:
            with Child(alone, name, limits) as child:
                return grade_in(child, name, child.functions[name], seed), child.confined
        except MinimmError as error:
            words = f"{name} can be loaded"
            failure = Failure(
                words, str(error).replace(alone.name, file.path.name), "Run it from the top in a new session."
            )
            return Report(name, UNUSABLE, failure=failure, lesson=spec_of(name).lesson), []


def _grade(name: str, files: list[HandedIn], folder: Path, seed: int, limits: Limits, graded: Graded) -> Grade:
    having = [file for file in files if definitions(file, name)]
    if not having:
        return no_grade(name, why_missing(files, name))
    written = [file for file in having if not is_stub(definitions(file, name)[-1].tree)] or having
    file = written[0]
    if len(written) > 1:
        graded.problems.append(
            f"{name} is defined in {' and '.join(f.path.name for f in written)}; the first was graded"
        )
    statements = needed(file, name)
    report, confined = grade_function(file, name, folder, seed=seed, limits=limits)
    graded.confined = confined or graded.confined
    if source := borrowed(statements, name):
        graded.remarks.append(f"{file.path.name}: {name} calls {source}; was it to be written by hand?")
    report = _with_places(report, file)
    what = {NOT_WRITTEN: "not written yet"}.get(report.status, "")
    if report.failure:
        what = f"{report.failure.words}: {report.failure.what}" if report.failure.what else report.failure.words
    laws = len(spec_of(name).laws())
    return Grade(name, report.status, len(report.kept), laws, what, report, file.path.name, source_of(file, statements))


def _with_places(report: Report, file: HandedIn) -> Report:
    """Line numbers as cells, where the file is a notebook."""
    if report.failure is None:
        return report
    what = re.sub(r"\bline (\d+)\b", lambda found: file.place(int(found[1])), report.failure.what)
    return replace(report, failure=replace(report.failure, what=what))
