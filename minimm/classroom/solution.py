"""A student's file: load it, and find the functions of the contract in it.

Runs inside the child process; nothing here trusts the file beyond what `supervisor` limits.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from minimm.errors import MinimmError, check
from minimm.specs.broken import Stopped

PARSES = 100  # at most; two have never gone wrong one after the other


def read_source(path: Path) -> str:
    """The file's text; raises `MinimmError` if it is not a Python file that can be read and parsed."""
    check(path.exists(), f"there is no file {path}")
    check(path.is_file(), f"{path} is a folder; give one Python file")
    hint = "; in a notebook call `minimm.check(function)` instead" if path.suffix == ".ipynb" else ""
    check(path.suffix == ".py", f"{path.name} is not a Python file (.py){hint}")
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MinimmError(f"{path.name} cannot be read as UTF-8 text: {error}") from None
    try:
        _parse(source)
    except (SyntaxError, ValueError) as error:  # some versions say so of a null byte, some so
        if getattr(error, "text", None) is None:
            raise MinimmError(f"{path.name} is not Python: {getattr(error, 'msg', error)}") from None
        line = error.text.strip()[:60]
        raise MinimmError(f"{path.name}, line {error.lineno}: {error.msg}; Python cannot read `{line}`") from None
    except (RecursionError, MemoryError):
        raise MinimmError(f"{path.name} is nested too deeply for Python; split what is long into parts") from None
    return source


def _parse(source: str) -> None:
    """Up to Python 3.12, threads that parse at the same time share one count of how deep they are, and a few are told that it
    is wrong. They try once more."""
    for _ in range(PARSES):
        try:
            ast.parse(source)
            return
        except SystemError:
            continue
    raise MemoryError  # that often it is no accident, but a tree which Python cannot hold


def load(path: Path) -> ModuleType:
    """Run the file as a module, with its own folder first on the import path; raises `MinimmError` if that fails."""
    sys.path.insert(0, str(path.parent.resolve()))
    sys.dont_write_bytecode = True  # leave no __pycache__ in the student's folder
    spec = importlib.util.spec_from_file_location(f"solution_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except SystemExit:
        raise MinimmError(f"{path.name} calls sys.exit while it is loaded; take that out of the file") from None
    except Stopped as stop:
        raise MinimmError(f"{path.name} could not be loaded: {stop.what}; keep long work inside functions") from None
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {frames[-1].lineno}" if frames else ""
        kind = type(error).__name__
        raise MinimmError(f"{path.name}{where} raises {kind} while it is loaded: {error}") from None
    return module


def find_functions(module: ModuleType, path: Path, names: Iterable[str], wanted: str | None) -> dict[str, Callable]:
    """The functions of the contract that the module defines; with `wanted`, that one alone, or a `MinimmError`."""
    if wanted is not None:
        if hasattr(module, wanted):
            return {wanted: getattr(module, wanted)}
        own = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
        near = difflib.get_close_matches(wanted, own, n=1)
        offer = f"did you mean to call {near[0]} so?" if near else f"it defines {', '.join(own) or 'no function'}"
        raise MinimmError(f"{path.name} has no function {wanted}; {offer}")
    found = {name: getattr(module, name) for name in names if hasattr(module, name)}
    check(bool(found), f"{path.name} has no function of the contract; `minimm list-specs` shows their names")
    return found
