"""`pytest tests/specs --implementation NAME`: the option, and the table of implementations and specs at the end."""

from __future__ import annotations

import json
from pathlib import Path

from minimm.files import write_json, write_text
from minimm.specs.registry import all_specs

DEFAULT = ("numpy", "minimm", "torch", "tensorflow")
Cells = dict[str, dict[str, dict]]  # spec -> implementation -> {"status", "laws", "reason"}


def pytest_addoption(parser):
    """Which implementations to grade, and where the table goes."""
    parser.addoption(
        "--implementation",
        action="append",
        metavar="NAME",
        help=f"grade this one: {', '.join(DEFAULT)}, or a Python file; may be repeated (default: all four)",
    )
    parser.addoption("--specs-out", default="runs/specs", metavar="FOLDER", help="where table.md and results.json go")


def pytest_terminal_summary(terminalreporter, config):
    """Print the table and save it, if any spec was graded."""
    cells: Cells = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", []):
                if key == "spec":
                    cell = json.loads(value)
                    cells.setdefault(cell["spec"], {})[cell["implementation"]] = cell
    if not cells:
        return
    names = config.getoption("--implementation") or DEFAULT
    text = table([Path(name).stem for name in names], cells)
    terminalreporter.write_sep("=", "implementation x spec")
    terminalreporter.write(text)
    folder = Path(config.getoption("--specs-out"))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "table.md", text)
    write_json(folder / "results.json", {"specs": cells})


def table(implementations: list[str], cells: Cells) -> str:
    """Markdown: a row for each function, the laws that hold (of the function + of its gradient); reasons below."""
    reasons: list[str] = []

    def shown(cell: dict | None) -> str:
        if cell is None:
            return ""
        if cell["reason"]:
            if cell["reason"] not in reasons:
                reasons.append(cell["reason"])
            return f"none ({reasons.index(cell['reason']) + 1})"
        return f"{cell['kept']}" if cell["status"] == "holds" else f"{cell['kept']} of {cell['laws']} BROKEN"

    lines = [f"| function | {' | '.join(implementations)} |", f"|---|{'---|' * len(implementations)}"]
    for spec in (spec for spec in all_specs() if spec in cells and not spec.endswith("_backward")):
        row = []
        for name in implementations:
            both = [shown(cells[one].get(name)) for one in (spec, f"{spec}_backward") if one in cells]
            row.append(both[0] if len(set(both)) == 1 and both[0].startswith("none") else " + ".join(both))
        lines.append(f"| `{spec}` | {' | '.join(row)} |")
    notes = [f"({i}) {reason}." for i, reason in enumerate(reasons, start=1)]
    return "\n".join([*lines, "", *notes, ""])
