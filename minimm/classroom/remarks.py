"""What a teacher may want to look at in a file, found by reading it: nothing here changes a grade.

Code that no function needs is never run, so what it would have done is only seen here. And a function that calls another
library's function of its own name may be right without having been written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from minimm.classroom.handed_in import HandedIn, Statement
from minimm.classroom.noticing import BEGINNINGS

ENDS = ("os._exit", "os.abort")
HIDES = ("exec", "eval", "compile", "__import__")
MOST_REMARKS = 5


def remarks_on(file: HandedIn) -> list[str]:
    """What the file does beside defining functions: a sentence each, the first few."""
    known = _imports(file.statements)
    found = []
    for statement in file.statements:
        for node in ast.walk(statement.tree):
            if what := _remarkable(node, known):
                found.append(f"{file.path.name}, {file.place(node.lineno)}: {what}")
    more = [f"{file.path.name}: and {len(found) - MOST_REMARKS} more of this kind"] if len(found) > MOST_REMARKS else []
    return found[:MOST_REMARKS] + more


def borrowed(statements: list[Statement], name: str) -> str:
    """The full name of a library's function called `name` that these statements call, or ""."""
    known = _imports(statements)
    for statement in statements:
        for node in ast.walk(statement.tree):
            full = _full_name(node.func, known) if isinstance(node, ast.Call) else ""
            if full != name and full.rpartition(".")[2] == name and full.partition(".")[0] in _roots(known):
                return full
    return ""


def _imports(statements: Iterable[Statement]) -> dict[str, str]:
    """What each imported name stands for: {"F": "torch.nn.functional"}."""
    known = {}
    for statement in statements:
        for node in ast.walk(statement.tree):
            if isinstance(node, ast.Import):
                known |= {a.asname: a.name for a in node.names if a.asname}
                known |= {a.name.partition(".")[0]: a.name.partition(".")[0] for a in node.names if not a.asname}
            elif isinstance(node, ast.ImportFrom):
                known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return known


def _roots(known: dict[str, str]) -> set[str]:
    return {full.partition(".")[0] for full in known.values()}


def _full_name(node: ast.AST, known: dict[str, str]) -> str:
    """ "torch.nn.functional.softmax" of the expression `F.softmax`; "" of what is no plain name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    inner = _full_name(node.value, known) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner else ""


def _remarkable(node: ast.AST, known: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        full = _full_name(node, known)
        return f"changes {full}, in vain" if full.partition(".")[0] in _roots(known) else ""
    if not isinstance(node, ast.Call):
        return ""
    full = _full_name(node.func, known)
    if full in ENDS:
        return f"{full} ends the process"
    if full in HIDES:
        return f"{full} runs code that is not to be read here"
    if full == "setattr" and node.args and _full_name(node.args[0], known).partition(".")[0] in _roots(known):
        return f"changes {_full_name(node.args[0], known)}, in vain"
    what = next((what for start, what in BEGINNINGS.items() if full.startswith(start)), "")
    return f"{full} {what}" if what else ""
