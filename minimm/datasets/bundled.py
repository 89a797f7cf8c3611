"""The small data that comes with minimm, written or generated for it: `data_samples` in a checkout and in the wheel."""

from __future__ import annotations

from pathlib import Path

from minimm.errors import MinimmError


def bundled(name: str) -> Path:
    """The path of a bundled file or folder, such as "text" or "scenes"."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "data_samples", package.parent / "data_samples"):  # installed as a wheel, or a checkout
        if (root / name).exists():
            return root / name
    raise MinimmError(f"the bundled data {name!r} is missing from this installation; install minimm again")
