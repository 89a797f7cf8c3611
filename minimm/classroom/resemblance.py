"""Submissions that are written alike, whatever their variables are called: to be looked at together, not a verdict.

    words(f)    = the syntax tree of f's body as words, its own names numbered in the order in which they appear
    shingles    = all runs of 5 words; without those that more than half of the class has, which is what everybody was given
    alike       = |A and B| / |A or B| >= 0.8          (features/near_duplicates.py)

Docstrings, comments, layout, annotations and the names of variables do not count. Short functions are left out: two right
ones of three lines are alike by nature.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass

from minimm.classroom.grader import Graded
from minimm.classroom.needed import is_stub
from minimm.features.near_duplicates import jaccard, resembling_groups

RUN = 5  # words
ALIKE = 0.8
FEWEST = 30  # shingles that are not everybody's; five lines or so
SMALL_CLASS = 4  # students, below which nothing counts as everybody's


@dataclass(frozen=True)
class Alike:
    """Students whose code for a function is alike; `resemblance` is that of the two least alike, between 0 and 1."""

    function: str
    students: list[str]
    resemblance: float


def look_at_together(students: list[Graded]) -> list[Alike]:
    """Groups of students with nearly the same code, function by function; those most alike first."""
    found = []
    functions = dict.fromkeys(grade.function for student in students for grade in student.grades)
    for name in functions:
        written = [(s.student, shingles(g.code)) for s in students for g in s.grades if g.function == name and g.code]
        common = Counter(shingle for _, own in written for shingle in own)
        most = len(written) / 2 if len(written) >= SMALL_CLASS else len(written)
        sets = [(who, {one for one in own if common[one] <= most}) for who, own in written]
        sets = [(who, own) for who, own in sets if len(own) >= FEWEST]
        for group in resembling_groups([own for _, own in sets], ALIKE):
            if len(group) > 1:
                least = min(jaccard(sets[a][1], sets[b][1]) for a in group for b in group if a < b)
                found.append(Alike(name, [sets[number][0] for number in group], round(least, 4)))
    return sorted(found, key=lambda alike: -alike.resemblance)


def shingles(code: str) -> set[str]:
    """All runs of five words of the functions in the code; a stub has none."""
    found = set()
    for tree in ast.parse(code).body:
        if not is_stub(tree):
            words = _words(tree)
            found |= {" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}
    return found


def _words(tree: ast.AST) -> list[str]:
    names: dict[str, str] = {}
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    words: list[str] = []

    def add(node: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.expr_context | ast.arguments):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            return
        if isinstance(node, ast.Name):
            words.append(names.setdefault(node.id, f"v{len(names)}") if node.id in own else node.id)
            return
        words.append(type(node).__name__)
        words.extend([node.attr] if isinstance(node, ast.Attribute) else [])
        words.extend([repr(node.value)] if isinstance(node, ast.Constant) else [])
        for part in ast.iter_child_nodes(node):
            if part is not getattr(node, "annotation", None) and part is not getattr(node, "returns", None):
                add(part)

    add(tree)
    return words
