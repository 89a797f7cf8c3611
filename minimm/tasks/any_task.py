"""Opening a folder without knowing what kind of model it holds."""

from __future__ import annotations

from pathlib import Path

from minimm.errors import check
from minimm.tasks.task import Task
from minimm.training.checkpoint import load_config


def load_any_task(folder: str | Path, device: str = "auto") -> Task:
    """The task that lies in `folder`, of whatever kind."""
    from minimm import tasks  # it imports every task, and some of those this file

    kind = load_config(folder)["kind"]
    known = {task.kind: task for task in map(vars(tasks).get, tasks.__all__) if hasattr(task, "kind")}
    check(kind in known, f"{folder} holds a {kind} model, which this version of minimm does not know")
    return known[kind].load(folder, device)
