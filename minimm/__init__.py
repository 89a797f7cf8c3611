"""minimm: how a large language model becomes a multimodal one, from scratch and for real.

Importing this package imports neither torch nor matplotlib; each room is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minimm.errors import MinimmError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from minimm.classroom.notebook import Checked
    from minimm.explorer.page import Page

__all__ = ["MinimmError", "__version__", "check", "explore"]
__version__ = "0.1.0"


def check(function: Callable, name: str | None = None, *, seed: int = 0) -> Checked:
    """Grade `function` by the laws of the contract's function of the same name; see `minimm.classroom.notebook.check`."""
    from minimm.classroom.notebook import check as check_now

    return check_now(function, name, seed=seed)


def explore(model: Any | str | Path, **given: Any) -> Page:
    """A trained task's attention as a page to look at, in a notebook or saved; see `minimm.runs.explore.explore`."""
    from minimm.runs.explore import explore as explore_now

    return explore_now(model, **given)
