"""A class's grades as a table for spreadsheets, as JSON, and as lines for the terminal."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from minimm.classroom.class_grades import ClassGrades, FunctionSummary
from minimm.classroom.resemblance import Alike

COLUMNS = ("student", "function", "points", "out_of", "laws_held", "laws", "status", "what")
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
LONGEST_CELL = 300  # characters


def as_csv(grades: ClassGrades) -> str:
    """A row for each student and function, and one with the function `total` for each student.

    Begins with a byte order mark, without which Excel takes UTF-8 for something else. No cell is a formula.
    """
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in grades.students:
        for g in one.grades:
            table.writerow([_cell(one.student), g.function, g.points, 1, g.laws_held, g.laws, g.status, _cell(g.what)])
        held, laws = sum(g.laws_held for g in one.grades), sum(g.laws for g in one.grades)
        note = _cell("; ".join(one.problems))
        table.writerow([_cell(one.student), "total", one.points, len(one.grades), held, laws, "", note])
    return "\ufeff" + written.getvalue()


def _cell(text: str) -> str:
    text = " ".join(text.split())[:LONGEST_CELL]
    return f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text


def as_json(
    grades: ClassGrades, summaries: list[FunctionSummary], alike: list[Alike], run: dict[str, Any]
) -> dict[str, Any]:
    """Everything that was found; `run` says how (seed, limits, seconds)."""
    students = [
        {
            "student": one.student,
            "page": one.page,
            "points": one.points,
            "out_of": len(one.grades),
            "confined": one.confined,
            "problems": one.problems,
            "remarks": one.remarks,
            "functions": [
                {
                    "function": grade.function,
                    "points": grade.points,
                    "laws_held": grade.laws_held,
                    "laws": grade.laws,
                    "status": grade.status,
                    "what": grade.what,
                    "file": grade.file,
                    "report": grade.report.as_dict(),
                }
                for grade in one.grades
            ],
        }
        for one in grades.students
    ]
    return {
        **run,
        "functions": grades.functions,
        "summary": [asdict(summary) for summary in summaries],
        "look_at_together": [asdict(group) for group in alike],
        "problems": grades.problems,
        "students": students,
    }


def as_table(rows: list[list[str]]) -> str:
    """Columns as wide as their widest cell, two spaces between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def for_the_terminal(grades: ClassGrades, summaries: list[FunctionSummary], alike: list[Alike]) -> str:
    """How many passed, the law that most often fails, what is odd, and what to look at together."""
    rows = [["function", "passed", "points", "the law that most often fails"]]
    for one in summaries:
        hardest = f"{one.hardest} ({one.failed} of {one.students})" if one.hardest else "-"
        rows.append([one.function, f"{one.passed} of {one.students}", f"{one.mean_points:.2f}", hardest])
    parts = [as_table(rows)]
    odd = [*grades.problems, *(f"{s.student}: {words}" for s in grades.students for words in s.problems)]
    seen = [f"{s.student}: {words}" for s in grades.students for words in s.remarks]
    together = [f"{', '.join(a.students)}: {a.function} ({a.resemblance:.0%} alike)" for a in alike]
    for title, lines in (("files", odd), ("worth a look", seen), ("look at these together", together)):
        if lines:
            parts.append("\n".join([f"{title}:", *(f"  {line}" for line in lines)]))
    return "\n\n".join(parts)
