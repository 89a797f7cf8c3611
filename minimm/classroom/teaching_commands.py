"""What the command line says to a teacher: `minimm grade` and `minimm release`. Imports nothing heavy until called."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from minimm.classroom.commands import DrawnSeed, MaxMemory, MaxSeconds
from minimm.errors import check
from minimm.training.stopwatch import seconds_since

CORES = os.cpu_count() or 1


def grade(
    submissions: Annotated[Path, typer.Argument(help="Folder with one folder for each student, or nbgrader's course.")],
    out: Annotated[Path, typer.Option(help="The table; beside it feedback/ and results.json.")] = Path("grades.csv"),
    functions: Annotated[
        str, typer.Option(help="What is asked, as softmax,gelu; otherwise what at least half of the students define.")
    ] = "",
    jobs: Annotated[int, typer.Option(help="Submissions graded at the same time.", min=1)] = CORES,
    seed: DrawnSeed = 0,
    max_seconds: MaxSeconds = 60.0,
    max_memory: MaxMemory = 2.0,
) -> None:
    """Grade a class: notebooks or Python files, each function in a process of its own; points are laws held / laws.

    Writes a table for spreadsheets, a page for each student (Markdown and HTML) and results.json, and shows the law that most
    often fails. Names code that is nearly the same: to be looked at together, not a verdict.

    Example: minimm grade submitted --functions softmax,causal_mask --out grades.csv
    """
    from tqdm import tqdm

    from minimm.classroom.child_process import Limits
    from minimm.classroom.class_grades import grade_class, summarise
    from minimm.classroom.feedback import write_feedback
    from minimm.classroom.grade_tables import as_csv, as_json, for_the_terminal
    from minimm.classroom.resemblance import look_at_together
    from minimm.classroom.submissions import students_root
    from minimm.files import write_json, write_text

    check(out.suffix == ".csv", f"--out {out} must be the name of a table that ends in .csv, such as grades.csv")
    root = students_root(submissions)
    inside = out.resolve().parent.is_relative_to(root.resolve())
    check(not inside, f"--out {out} lies among the submissions; choose a place outside of {root}")
    started = time.monotonic()
    limits = Limits(max_seconds, int(max_memory * 2**30))
    asked = list(dict.fromkeys(name.strip() for name in functions.split(",") if name.strip()))
    with tqdm(unit="student", leave=False, disable=None) as bar:

        def on_student(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        grades = grade_class(submissions, asked, jobs=jobs, seed=seed, limits=limits, on_student=on_student)
    summaries, alike = summarise(grades), look_at_together(grades.students)
    seconds = seconds_since(started)
    run = {"seed": seed, "max_seconds": max_seconds, "max_memory": max_memory, "jobs": jobs, "seconds": seconds}
    for student in grades.students:
        write_feedback(student, out.parent / "feedback")
    write_json(out.parent / "results.json", as_json(grades, summaries, alike, run))
    write_text(out, as_csv(grades))
    typer.echo(for_the_terminal(grades, summaries, alike))
    typer.echo(f"\n{len(grades.students)} students in {seconds:.0f} s; {out}, and beside it feedback/ and results.json")


def release(
    lessons: Annotated[str, typer.Option(help="Their numbers, as 04,05.")],
    out: Annotated[Path, typer.Option(help="Folder for the students' notebooks; it is created.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder of the lessons; otherwise those that come with minimm.")
    ] = None,
    extra: Annotated[bool, typer.Option("--extra", help="With the exercises that are marked as extra.")] = False,
) -> None:
    """Write students' notebooks: lessons without solutions and outputs, exercises as stubs, in nbgrader's format.

    Example: minimm release --lessons 04,05 --out handout
    """
    from minimm.classroom.release import release_lessons

    numbers = [number.strip() for number in lessons.split(",") if number.strip()]
    for path, exercises in release_lessons(numbers, out, source=source, extra=extra):
        typer.echo(f"{path}: {', '.join(exercises) or 'no exercise'}")
