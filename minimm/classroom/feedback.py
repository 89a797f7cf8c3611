"""A page for each student, in Markdown and in HTML: points, and for each function the law that is broken, in full.

The HTML stands alone, follows light and dark, and shows nothing of a student's that is not escaped. Nothing in it says
how others did, and a teacher's remarks are not in it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from minimm.classroom.grader import MISSING, Grade, Graded
from minimm.classroom.render import as_html, as_text
from minimm.files import write_text

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: 2px 16px 2px 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
""".strip()


def write_feedback(student: Graded, folder: Path) -> None:
    """Write PAGE.md and PAGE.html into the folder."""
    write_text(folder / f"{student.page}.md", as_markdown(student))
    write_text(folder / f"{student.page}.html", as_page(student))


def as_markdown(student: Graded) -> str:
    """The page in Markdown; what a student wrote stands in code blocks."""
    lines = [
        f"# {_plain(student.student)}",
        "",
        _sum(student),
        "",
        "| function | points | laws | |",
        "|---|---:|---:|---|",
    ]
    for grade in student.grades:
        lines.append(
            f"| `{grade.function}` | {grade.points:.2f} | {grade.laws_held} of {grade.laws} | {grade.status} |"
        )
    lines += [f"\n- {_plain(problem)}" for problem in student.problems]
    for grade in student.grades:
        body = _sentence(grade) if grade.status == MISSING else as_text([grade.report])
        fence = "`" * (1 + max((len(run) for run in _runs_of_backticks(body)), default=2))
        lines += ["", f"## {grade.function}", "", f"{fence}text", body, fence]
    return "\n".join(lines) + "\n"


def as_page(student: Graded) -> str:
    """The page in HTML."""
    name = escape(student.student)
    rows = "".join(
        f"<tr><td>{escape(grade.function)}</td><td class=number>{grade.points:.2f}</td>"
        f"<td class=number>{grade.laws_held} of {grade.laws}</td><td>{escape(grade.status)}</td></tr>"
        for grade in student.grades
    )
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in student.problems)
    sections = "".join(
        f"<h2>{escape(grade.function)}</h2>"
        + (f"<p>{escape(_sentence(grade))}</p>" if grade.status == MISSING else as_html(grade.report))
        for grade in student.grades
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style></head><body><h1>{name}</h1><p>{escape(_sum(student))}</p>"
        "<table><tr><th>function</th><th class=number>points</th><th class=number>laws</th><th></th></tr>"
        f"{rows}</table>{f'<ul>{problems}</ul>' if problems else ''}{sections}</body></html>\n"
    )


def _sum(student: Graded) -> str:
    return (
        f"{student.points:.2f} of {len(student.grades)} points. A function's points are the laws that hold / its laws."
    )


def _sentence(grade: Grade) -> str:
    return f"{grade.what}."


def _plain(text: str) -> str:
    """One line in which Markdown and HTML have nothing to find."""
    return "".join(f"&#{ord(c)};" if c in "<>&`*_[]|#\\" else c for c in " ".join(text.split()))


def _runs_of_backticks(text: str) -> list[str]:
    run, runs = "", []
    for character in text + " ":
        if character == "`":
            run += character
        elif run:
            runs.append(run)
            run = ""
    return runs
