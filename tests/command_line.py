"""Running the `minimm` command inside the tests' own process."""

from __future__ import annotations

import sys
from pathlib import Path

from minimm.cli import main


def run(*arguments: str | Path) -> int:
    """Run the command in this process and return its exit code."""
    before = sys.argv
    sys.argv = ["minimm", *map(str, arguments)]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    finally:
        sys.argv = before
    return 0
