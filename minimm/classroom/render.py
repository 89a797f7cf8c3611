"""A report for people: as text for the terminal, as HTML for a notebook. Both say the same in the same order."""

from __future__ import annotations

import textwrap
from html import escape

from minimm.specs.law import Spec
from minimm.specs.report import BROKEN, HOLDS, NOT_WRITTEN, Failure, Report

MOST_PRINTED = 6  # lines
LONGEST_LINE = 100  # characters


def as_text(reports: list[Report], *, colour: bool = False) -> str:
    """Several reports, one below the other."""
    paint = _painted if colour else (lambda text, _: text)
    return "\n\n".join(_one_text(report, paint) for report in reports)


def headline(report: Report) -> str:
    """One line: the function and how it did."""
    laws = len(report.kept) + len(report.broken)
    if report.status == HOLDS:
        return f"{report.name}: all {laws} laws hold"
    if report.status == NOT_WRITTEN:
        return f"{report.name}: not written yet. Fill it in, then check again."
    if report.status == BROKEN and laws:
        return f"{report.name}: {len(report.broken)} of {laws} laws broken"
    return f"{report.name}: cannot be graded yet"


def _rows(failure: Failure, lesson: str) -> list[tuple[str, str]]:
    """The failure as (label, text) pairs."""
    rows = [pair for call in failure.calls for pair in call]
    if failure.wanted:
        rows.append(("", ""))
        rows.append(("compared", failure.what))
        rows.append(("came out", failure.got))
        rows.append(("should be", failure.wanted))
    else:
        rows.append(("what", failure.what))
    rows.append(("", ""))
    if failure.shapes:
        rows.append(("shapes", "\n".join(textwrap.wrap(failure.shapes, 90))))
    rows.append(("hint", failure.hint))
    if lesson:
        rows.append(("read", lesson))
    return rows


def _one_text(report: Report, paint) -> str:
    lines = [paint(headline(report), "good" if report else "plain" if report.status == NOT_WRITTEN else "bad")]
    if report.failure:
        lines += ["", paint(f"  Broken: {report.failure.words}", "bad")]
        rows = _rows(report.failure, report.lesson)
        width = max(len(label) for label, _ in rows) + 2
        for label, text in rows:
            first, *rest = text.splitlines() or [""]
            lines.append(f"    {label:<{width}}{first}".rstrip())
            lines += [f"    {'':<{width}}{line}".rstrip() for line in rest]
    if also := [words for words in report.broken if not report.failure or words != report.failure.words]:
        lines += ["", "  Also broken:", *(f"    - {words}" for words in also)]
    if report.kept and not report:
        lines += ["", "  Holds:", *(f"    - {words}" for words in report.kept)]
    if report.printed:
        printed = report.printed.splitlines()
        more = ["    ..."] if len(printed) > MOST_PRINTED else []
        lines += ["", "  It printed:", *(f"    {line[:LONGEST_LINE]}" for line in printed[:MOST_PRINTED]), *more]
    return "\n".join(lines)


def _painted(text: str, kind: str) -> str:
    code = {"good": "32", "bad": "31", "plain": "33"}[kind]
    return f"\033[{code}m{text}\033[0m"


# Colours that read on white and on black alike, each beside a word that says the same.
HTML_COLOURS = {"good": "#2a8a4a", "bad": "#c8502d", "plain": "#8a6d1f"}
PROSE = ("compared", "what", "shapes", "hint", "read")  # labels of sentences; the others stand beside code and numbers
CELL = "text-align:left;vertical-align:top;padding:1px 14px 1px 0;border:none;background:none"
INHERIT = "color:inherit;font-size:inherit;background:none"


def as_html(report: Report) -> str:
    """A compact block: the headline, the first broken law with its smallest input, the others folded away."""
    kind = "good" if report else "plain" if report.status == NOT_WRITTEN else "bad"
    colour = HTML_COLOURS[kind]
    parts = [
        f'<div style="border-left:4px solid {colour};padding:2px 0 2px 12px;margin:4px 0;line-height:1.4">',
        f'<div style="color:{colour};font-weight:600">{escape(headline(report))}</div>',
    ]
    if report.failure:
        parts.append(f"<div><b>Broken:</b> {escape(report.failure.words)}</div>")
        parts.append(f'<table style="border:none;margin:4px 0;{INHERIT}">')
        for label, text in _rows(report.failure, report.lesson):
            if label:
                style = "font-family:inherit" if label in PROSE else "font-size:0.92em"
                body = f'<pre style="margin:0;padding:0;{INHERIT};white-space:pre-wrap;{style}">{escape(text)}</pre>'
                parts.append(f'<tr style="background:none"><td style="{CELL};opacity:0.7">{escape(label)}</td>')
                parts.append(f'<td style="{CELL}">{body}</td></tr>')
        parts.append("</table>")
    for title, sentences in (("Also broken", report.broken), ("Holds", report.kept)):
        shown = [words for words in sentences if not report.failure or words != report.failure.words]
        if shown and not (report and title == "Also broken"):
            items = "".join(f"<li>{escape(words)}</li>" for words in shown)
            parts.append(f"<details><summary>{title}: {len(shown)}</summary><ul>{items}</ul></details>")
    return "".join([*parts, "</div>"])


def all_specs_text(specs: dict[str, type[Spec]]) -> str:
    """A line for each function: its signature, how many laws, the lesson."""
    lines = []
    for spec in specs.values():
        lines.append(f"{spec.signature}\n    {len(spec.laws())} laws; {spec.lesson}")
    return "\n".join(lines)


def one_spec_text(spec: type[Spec]) -> str:
    """What the function takes and gives, and every law as a sentence."""
    shapes = textwrap.wrap(spec.shapes, 110, initial_indent="    ", subsequent_indent="    ")
    laws = [f"    - {one.words}" for one in spec.laws()]
    return "\n".join([spec.signature, *shapes, "", "  Laws:", *laws, "", f"  {spec.lesson}"])
