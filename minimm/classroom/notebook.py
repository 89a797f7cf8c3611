"""`minimm.check(function)`: grade one function where it was written, in a notebook or at a prompt.

The function runs in this very process (a notebook's cell cannot be carried into another), so there is a time limit for
each call but none for memory; `minimm check FILE.py` has both.
"""

from __future__ import annotations

from collections.abc import Callable

from minimm.classroom.render import as_html, as_text
from minimm.errors import MinimmError
from minimm.specs.grading import grade, share_of_laws
from minimm.specs.registry import spec_of
from minimm.specs.report import Report


class Checked:
    """What `check` found; true if every law holds. It has been shown already, so a notebook does not show it again."""

    def __init__(self, report: Report) -> None:
        self.report = report

    @property
    def points(self) -> float:
        """The share of the laws that hold, from 0 to 1; what nbgrader takes from a check's output as its points."""
        return share_of_laws(self.report)

    def __bool__(self) -> bool:
        return bool(self.report)

    def __repr__(self) -> str:
        return f"<{self.report.name}: {self.report.status}>"

    def _ipython_display_(self) -> None:
        """Nothing: `check` has shown it."""


def check(function: Callable, name: str | None = None, *, seed: int = 0) -> Checked:
    """Grade `function` by the laws of the contract's function of the same name, and show the result.

    Args:
        name: of the contract's function, if yours has another one.

    Nothing is raised for a function that is wrong or not written yet; a name without a spec is a `MinimmError`.
    """
    if not callable(function):
        given = type(function).__name__
        raise MinimmError(f"check got a {given}; give it the function itself, without brackets: check(softmax)")
    name = getattr(function, "__name__", None) if name is None else name
    if name is None:
        raise MinimmError("this function has no name; say which one it should be: check(function, 'softmax')")
    report = grade(spec_of(name), function, seed=seed)
    if _in_notebook():
        from IPython.display import HTML, display

        display(HTML(as_html(report)))
    else:
        print(as_text([report]))
    return Checked(report)


def _in_notebook() -> bool:
    import sys

    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return shell is not None and shell.__class__.__name__ == "ZMQInteractiveShell"
