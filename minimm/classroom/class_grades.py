"""Grading a class: many submissions at a time, each in a worker process, and what the whole class has in common."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minimm.classroom.child_process import Limits
from minimm.classroom.grader import Graded, defined_in, grade_submission, no_grade
from minimm.classroom.handed_in import read_handed_in
from minimm.classroom.submissions import Submission, find_submissions
from minimm.errors import check
from minimm.specs.registry import all_specs, spec_of
from minimm.specs.report import HOLDS


@dataclass
class ClassGrades:
    """The grades of all students, in the order of their names; `problems` are sentences on the folder as a whole."""

    functions: list[str]
    students: list[Graded]
    problems: list[str]


@dataclass(frozen=True)
class FunctionSummary:
    """How a class did on one function.

    Attributes:
        passed, students: how many hold every law, of how many. mean_points: between 0 and 1.
        hardest: the law that most often does not hold, and `failed` by how many; "" and 0 if all laws always hold.
    """

    function: str
    passed: int
    students: int
    mean_points: float
    hardest: str
    failed: int


def grade_class(
    folder: Path,
    functions: list[str],
    *,
    jobs: int,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008, frozen
    on_student: Callable[[int, int], None] = lambda done, of: None,
) -> ClassGrades:
    """Grade every submission of a folder.

    Args:
        functions: what the assignment asks; if empty, those that at least half of the students define.
        jobs: submissions graded at the same time.
        on_student: told how many students are done, of how many.
    """
    for name in functions:
        spec_of(name)
    submissions, problems = find_submissions(folder)
    if not functions:
        functions = _asked(_each(defined_by, [(one,) for one in submissions], jobs))
    graded = _each(grade_submission, [(one, functions, seed, limits) for one in submissions], jobs, on_student)
    students = []
    for one, submission in zip(graded, submissions, strict=True):
        if isinstance(one, Exception):
            what = f"it could not be graded ({type(one).__name__}: {one}); please report this"
            grades = [no_grade(name, what) for name in functions]
            one = Graded(submission.student, submission.page, grades, [*submission.problems, what])
        students.append(one)
    return ClassGrades(functions, students, problems)


def defined_by(submission: Submission) -> list[str]:
    """The contract's functions that a submission defines."""
    return defined_in([read_handed_in(path) for path in submission.files])


def summarise(grades: ClassGrades) -> list[FunctionSummary]:
    """How the class did on each function; the law that most often does not hold is what is worth a lesson."""
    summaries = []
    for number, name in enumerate(grades.functions):
        ours = [student.grades[number] for student in grades.students]
        failed = Counter(words for grade in ours for words in grade.report.broken)
        hardest, count = max(failed.items(), key=lambda item: item[1], default=("", 0))
        passed = sum(grade.status == HOLDS for grade in ours)
        mean = round(sum(grade.points for grade in ours) / len(ours), 4)
        summaries.append(FunctionSummary(name, passed, len(ours), mean, hardest, count))
    return summaries


def _asked(defined: list[Any]) -> list[str]:
    found = Counter(name for names in defined if not isinstance(names, Exception) for name in names)
    asked = [name for name in all_specs() if 2 * found[name] >= len(defined)]
    check(bool(asked), f"no function is defined by half of the {len(defined)} students; name them with --functions")
    return asked


def _each(
    function: Callable,
    tasks: list[tuple[Any, ...]],
    jobs: int,
    on_done: Callable[[int, int], None] = lambda done, of: None,
) -> list[Any]:
    """`function(*task)` for each task, in worker processes; an exception stands in the place of a result."""
    results: dict[int, Any] = {}
    retry = _run(function, dict(enumerate(tasks)), jobs, results, len(tasks), on_done)
    for number in retry:  # a worker died and took others' work along: now one at a time
        if _run(function, {number: tasks[number]}, 1, results, len(tasks), on_done):
            results[number] = RuntimeError("reading it ended the process that grades")
    return [results[number] for number in range(len(tasks))]


def _run(
    function: Callable,
    tasks: dict[int, tuple[Any, ...]],
    jobs: int,
    results: dict[int, Any],
    total: int,
    on_done: Callable[[int, int], None],
) -> list[int]:
    """Add to `results`; the numbers of those tasks that were lost with a worker."""
    lost = []
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(function, *task): number for number, task in tasks.items()}
        for future in as_completed(futures):
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                lost.append(futures[future])
                continue
            results[futures[future]] = error or future.result()
            on_done(len(results), total)
    return sorted(lost)
