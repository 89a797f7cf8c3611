"""Five fusions of question and picture, compared: accuracy at equal parameters and equal seconds.

    python tests/benchmarks/fusion.py --seconds 60 --out fusion.json

All have the same encoders and the same number of weights, within 2 % (the width of the fusion's inner layers is what makes
up for the difference), and train on the same questions. Equal seconds are those of one core's time: the cost of a step
is measured first, for all families in turn, three times, of which the least counts; each then gets as many steps as its
cost allows, so that a machine that becomes busy changes nothing. Parts (`--families`, `--seeds`) may run one after the
other into one `--out`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from minimm.datasets.scene_questions import SceneQuestions
from minimm.files import read_json, write_json
from minimm.layers.fusion import FUSIONS
from minimm.models.language_model import num_parameters
from minimm.runs.questions import evaluation_scenes
from minimm.tasks import VisualQuestionAnswerer

PARAMETERS = 900_000
TIMED_STEPS, ROUNDS = 12, 3
KINDS = ("count", "colour", "shape", "relation", "exists")


def build(family: str, d_ff: int, seed: int = 0, **options) -> VisualQuestionAnswerer:
    """The task with this fusion of this inner width."""
    return VisualQuestionAnswerer(fusion=family, d_ff=d_ff, seed=seed, **options)


def width_for(family: str) -> int:
    """The inner width, a multiple of 8, that brings the whole model nearest to `PARAMETERS`."""
    sizes = {}
    for d_ff in (8, 16):
        task = build(family, d_ff).fit(SceneQuestions(), max_steps=1)
        sizes[d_ff] = num_parameters(task.model)
    each = (sizes[16] - sizes[8]) / 8
    return max(8, round((PARAMETERS - sizes[8]) / each / 8 + 1) * 8)


def seconds_per_step(family: str, d_ff: int) -> float:
    """Processor seconds of one training step: the difference between a longer and a shorter run, over the steps between."""
    spent = []
    for steps in (2, 2 + TIMED_STEPS):
        started = time.process_time()
        build(family, d_ff, precision="bfloat16").fit(SceneQuestions(), max_steps=steps)
        spent.append(time.process_time() - started)
    return (spent[1] - spent[0]) / TIMED_STEPS


def measure(family: str, d_ff: int, steps: int, seed: int) -> dict[str, float]:
    """Train and score."""
    task = build(family, d_ff, seed, precision="bfloat16").fit(SceneQuestions(), max_steps=steps)
    scores = task.evaluate(evaluation_scenes("validation", task.preset.image_size))
    held_out = task.evaluate(evaluation_scenes("held_out", task.preset.image_size))
    return {
        **scores,
        "accuracy_held_out": held_out["accuracy"],
        "parameters": num_parameters(task.model),
        "steps": steps,
    }


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Mean and standard deviation over the seeds, a line for each family."""
    names = ["accuracy", "accuracy_held_out", *(f"accuracy_{kind}" for kind in KINDS)]
    lines = [
        "family                  weights  steps  " + "".join(f"{name.removeprefix('accuracy_'):>13}" for name in names)
    ]
    for family, rows in results.items():
        runs = list(rows.values())
        line = f"{family:<22} {runs[0]['parameters']:>8,.0f} {statistics.mean(r['steps'] for r in runs):>6.0f}  "
        for name in names:
            values = [run[name] for run in runs]
            line += f"{statistics.mean(values):>7.3f}±{statistics.pstdev(values):.3f}"
        lines.append(f"{line}  ({len(runs)} seeds)")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for, and print the table of all that is in `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="processor seconds of training for each run")
    parser.add_argument("--families", nargs="*", default=list(FUSIONS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--costs", type=Path, help="JSON with the seconds per step, to be measured once for all parts")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.costs is not None and arguments.costs.exists():
        plan = read_json(arguments.costs)
    else:
        widths = {family: width_for(family) for family in FUSIONS}
        rounds = [{family: seconds_per_step(family, d_ff) for family, d_ff in widths.items()} for _ in range(ROUNDS)]
        plan = {
            family: {"d_ff": d_ff, "cost": min(costs[family] for costs in rounds)} for family, d_ff in widths.items()
        }
        if arguments.costs is not None:
            write_json(arguments.costs, plan)
    results = read_json(arguments.out) if arguments.out is not None and arguments.out.exists() else {}
    for seed in arguments.seeds:
        for family in arguments.families:
            steps = round(arguments.seconds / plan[family]["cost"])
            row = measure(family, plan[family]["d_ff"], steps, seed)
            results.setdefault(family, {})[str(seed)] = row
            if arguments.out is not None:
                write_json(arguments.out, results)
    print(table(results))


if __name__ == "__main__":
    main()
