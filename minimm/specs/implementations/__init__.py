"""What there is to be graded: NumPy by hand, minimm's modules, PyTorch, TensorFlow, or any Python file.

An implementation is a module with `FUNCTIONS`, the functions of the contract by name, NumPy in and NumPy out. `MISSING`
says of every function that it lacks why: the table shows the reason in place of a result.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from minimm.errors import check
from minimm.specs.registry import all_specs

NAMES = ("numpy", "minimm", "torch", "tensorflow")


@dataclass(frozen=True)
class Implementation:
    """Functions by name, and for each that is absent the reason."""

    name: str
    functions: dict[str, Callable]
    missing: dict[str, str] = field(default_factory=dict)


def load_implementation(name: str) -> Implementation:
    """One of `NAMES`, or the path of a Python file; an implementation that is not installed has no functions."""
    check(
        name in NAMES or name.endswith(".py"),
        f"there is no implementation {name!r}; choose from {', '.join(NAMES)}, or give a Python file",
    )
    if name.endswith(".py"):
        return _from_file(Path(name))
    if name == "tensorflow" and importlib.util.find_spec("tensorflow") is None:
        reason = 'TensorFlow is not installed: pip install -e ".[tensorflow]"'
        return Implementation(name, {}, dict.fromkeys(all_specs(), reason))
    module = importlib.import_module(f"minimm.specs.implementations.{name}_functions")
    missing = {**module.MISSING, **{f"{function}_backward": reason for function, reason in module.MISSING.items()}}
    absent = {spec: missing[spec] for spec in all_specs() if spec not in module.FUNCTIONS}
    return Implementation(name, module.FUNCTIONS, absent)


def _from_file(path: Path) -> Implementation:
    check(path.is_file(), f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"implementation_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    functions = {name: getattr(module, name) for name in all_specs() if hasattr(module, name)}
    missing = {name: f"not in {path.name}" for name in all_specs() if name not in functions}
    return Implementation(path.stem, functions, missing)
