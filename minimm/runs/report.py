"""What every run ends with: what the training itself says, the seconds, results.json and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minimm.files import write_json
from minimm.models.language_model import num_parameters
from minimm.tasks.task import Task
from minimm.training.stopwatch import seconds_since


def training_results(task: Task) -> dict[str, Any]:
    """What the training run itself says."""
    training = task.training
    return {
        "steps": training.steps,
        "best_step": training.best_step,
        "training_seconds": round(training.seconds, 1),
        "parameters": num_parameters(task.require_model()),
        "device": str(task.device),
    }


def finish(results: dict[str, Any], started: float, out: Path) -> dict[str, Any]:
    """Add the seconds, write results.json, print the table; returns the results."""
    results["seconds"] = seconds_since(started)
    write_json(out / "results.json", results)
    print_table(results)
    print(f"everything is in {out}")
    return results


def print_table(results: dict[str, Any], prefix: str = "") -> None:
    """One line for each result."""
    for name, value in results.items():
        if isinstance(value, dict):
            print_table(value, f"{prefix}{name}.")
        else:
            shown = f"{value:.4f}" if isinstance(value, float) else str(value)
            print(f"  {prefix + name:<42} {shown}")
