"""What comes with minimm beside its code: `data_samples` and `lessons`, in a checkout and in the wheel."""

from __future__ import annotations

from pathlib import Path

from minimm.errors import MinimmError


def bundled(name: str) -> Path:
    """The path of a bundled file or folder of data, such as "text" or "scenes"."""
    return _shipped(f"data_samples/{name}")


def bundled_lessons() -> Path:
    """The folder of the lessons' notebooks."""
    return _shipped("lessons")


def _shipped(path: str) -> Path:
    package = Path(__file__).resolve().parents[1]
    for root in (package, package.parent):  # installed as a wheel, or a checkout
        if (root / path).exists():
            return root / path
    raise MinimmError(f"{path!r} is missing from this installation; install minimm again")
