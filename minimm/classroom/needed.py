"""The part of a file that one function needs: its definition, and whatever gives the names in it a meaning.

    needed(f) = definitions of f, and of every name that a needed statement uses, again and again until nothing is added

So a plot, a training run or a mistake elsewhere in a notebook neither takes time nor hides a function, and one function's
code is never run for another one's grade. Line numbers stay as they are.
"""

from __future__ import annotations

import ast
import difflib
import symtable
from collections.abc import Iterable

from minimm.classroom.handed_in import HandedIn, Statement

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
IMPORTS = (ast.Import, ast.ImportFrom)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound_names(tree: ast.AST) -> set[str]:
    """The names that a statement gives a meaning to, or changes: assigned, imported, defined, `name[...] = ...`."""
    if isinstance(tree, SCOPES):
        return {tree.name} if hasattr(tree, "name") else set()
    if isinstance(tree, COMPREHENSIONS):
        return set()
    if isinstance(tree, IMPORTS):
        return {(alias.asname or alias.name).partition(".")[0] for alias in tree.names}
    if isinstance(tree, ast.Name):
        return {tree.id} if isinstance(tree.ctx, ast.Store | ast.Del) else set()
    names = {tree.name} if isinstance(tree, ast.ExceptHandler) and tree.name else set()
    if isinstance(tree, ast.Attribute | ast.Subscript) and isinstance(tree.ctx, ast.Store | ast.Del):
        names |= {node.id for node in ast.walk(tree.value) if isinstance(node, ast.Name)}
    return names.union(*(bound_names(child) for child in ast.iter_child_nodes(tree)))


def used_names(tree: ast.AST) -> set[str]:
    """The names that a statement reads from the file around it: not a function's parameters and own variables.

    Notebooks are full of cells that make a `text` or a `loss` of the same name, and a training run is no part of a function.
    """
    try:
        tables = [symtable.symtable(ast.unparse(tree), "", "exec")]
    except (SyntaxError, ValueError):  # not all that can be parsed can be compiled: `return` outside of functions
        return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    names: set[str] = set()
    for table in tables:  # grows while it is gone through
        tables += table.get_children()
        outermost = table.get_type() == "module"
        symbols = [symbol for symbol in table.get_symbols() if symbol.is_referenced()]
        names |= {symbol.get_name() for symbol in symbols if outermost or symbol.is_global()}
    return names


def definitions(file: HandedIn, name: str) -> list[Statement]:
    """The statements that define `name`: those in the cell that is its exercise, or else all of them."""
    found = [statement for statement in file.statements if _defines(statement, name, file)]
    return [statement for statement in found if statement.exercise == name] or found


def written_names(file: HandedIn) -> list[str]:
    """The functions, classes and variables that the file defines, in order."""
    names = [name for one in file.statements for name in bound_names(one.tree) if _defines(one, name, file)]
    return list(dict.fromkeys(names))


def _defines(statement: Statement, name: str, file: HandedIn) -> bool:
    """Whether it is the student's own definition: no import, and no other name for what was imported."""
    tree = statement.tree
    if isinstance(tree, IMPORTS) or name not in bound_names(tree):
        return False
    value = tree.value if isinstance(tree, ast.Assign) else None
    while isinstance(value, ast.Attribute):
        value = value.value
    imports = [one.tree for one in file.statements if isinstance(one.tree, IMPORTS)]
    return not (isinstance(value, ast.Name) and any(value.id in bound_names(one) for one in imports))


def needed(file: HandedIn, name: str) -> list[Statement]:
    """The statements that `name` needs, in the order of the file; [] if it does not define `name`."""
    kept = definitions(file, name)
    while kept:
        names = set().union(*(used_names(statement.tree) for statement in kept)) - {name}
        more = [
            statement
            for statement in file.statements
            if not _future(statement)
            and statement not in kept
            and bound_names(statement.tree) & ((names | {"*"}) - {name})
        ]
        if not more:
            break
        kept += more
    kept.sort(key=lambda statement: statement.tree.lineno)
    future = [statement for statement in file.statements if _future(statement)]
    return [one for one in future if kept and one.tree.lineno < kept[0].tree.lineno] + kept


def _future(statement: Statement) -> bool:
    return isinstance(statement.tree, ast.ImportFrom) and statement.tree.module == "__future__"


def source_of(file: HandedIn, statements: Iterable[Statement]) -> str:
    """Their text, every line where it is in the file's text, with nothing in between."""
    lines = file.text.split("\n")
    kept: set[int] = set()
    for statement in statements:
        decorators = getattr(statement.tree, "decorator_list", [])
        first = min([statement.tree.lineno, *(decorator.lineno for decorator in decorators)])
        kept.update(range(first, statement.tree.end_lineno + 1))
    return "\n".join(line if number in kept else "" for number, line in enumerate(lines, start=1))


def is_stub(tree: ast.stmt) -> bool:
    """Whether a definition still says nothing: after its docstring it is `pass`, `...` or `raise NotImplementedError`."""
    if not isinstance(tree, ast.FunctionDef):
        return False
    for statement in tree.body:
        raises = statement.exc if isinstance(statement, ast.Raise) else None
        called = raises.func if isinstance(raises, ast.Call) else raises
        nothing = isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        )
        if not nothing and not (isinstance(called, ast.Name) and called.id == "NotImplementedError"):
            return False
    return True


def why_missing(files: Iterable[HandedIn], name: str) -> str:
    """A sentence on why no file defines `name`, with the nearest name that is there."""
    files = list(files)
    imported = [f for f in files for s in f.statements if name in bound_names(s.tree)]
    if imported:
        return f"{imported[0].path.name} takes {name} from elsewhere instead of defining it"
    near = difflib.get_close_matches(name, [own for file in files for own in written_names(file)], n=1)
    return f"there is no {name}; should {near[0]} be called so?" if near else f"there is no function {name}"
