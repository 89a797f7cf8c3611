"""A CNN or patches? The two image encoders as captioners of scenes at equal seconds, three seeds, standard deviations.

    python tests/benchmarks/image_encoders.py [--seconds 60] [--encoders cnn patches] [--out results.json]

Width, decoder, optimizer and batches are the same, and both encoders give the decoder a grid of 8 x 8 vectors. The CNN has
two stages; the patches of 4 x 4 pixels go through two Transformer blocks. Seeds take turns, so that a machine that is busy
for a while slows both.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
from pathlib import Path

from minimm.datasets.shapes import Shapes
from minimm.files import write_json
from minimm.models.language_model import num_parameters
from minimm.runs.captioner import scene_results
from minimm.tasks import ImageCaptioner

SEEDS = (0, 1, 2)
COLUMNS = ("exact_match", "exact_match_held_out", "pointing_accuracy", "pointing_accuracy_held_out")


def measure(encoder: str, seed: int, seconds: float) -> dict[str, float]:
    """Results of one training run, the sizes of both parts among them."""
    task = ImageCaptioner("tiny", encoder=encoder, seed=seed)
    with contextlib.redirect_stdout(io.StringIO()):
        task.fit(Shapes(), max_seconds=seconds)
    return scene_results(task) | {"encoder_parameters": num_parameters(task.model.encoder)}


def main() -> None:
    """Measure, print, write `--out`."""
    parser = argparse.ArgumentParser(description="image encoders compared at equal seconds")
    parser.add_argument("--seconds", type=float, default=60, help="training of each run (default 60)")
    parser.add_argument("--encoders", nargs="+", default=["cnn", "patches"], help="which (default: cnn patches)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()

    runs: dict[str, list[dict[str, float]]] = {encoder: [] for encoder in arguments.encoders}
    for seed in SEEDS:
        for encoder, results in runs.items():
            results.append(measure(encoder, seed, arguments.seconds))
            shown = ", ".join(f"{name} {results[-1][name]:.3f}" for name in COLUMNS)
            print(f"seed {seed} {encoder:8} {results[-1]['steps']:5} steps: {shown}", flush=True)
    print(f"{'':9}" + "".join(f"{column:>28}" for column in COLUMNS) + f"{'steps':>8}{'weights':>11}{'of encoder':>12}")
    table = {}
    for encoder, results in runs.items():
        row = {name: [result[name] for result in results] for name in (*COLUMNS, "steps")}
        means = {name: statistics.mean(values) for name, values in row.items()}
        deviations = {name: statistics.stdev(values) for name, values in row.items()}
        sizes = {name: results[0][name] for name in ("parameters", "encoder_parameters", "pointing_accuracy_chance")}
        table[encoder] = sizes | {name: {"mean": means[name], "deviation": deviations[name]} for name in row}
        cells = "".join(f"{f'{means[name]:.3f} +- {deviations[name]:.3f}':>28}" for name in COLUMNS)
        print(f"{encoder:9}{cells}{means['steps']:8.0f}{sizes['parameters']:11,}{sizes['encoder_parameters']:12,}")
    if arguments.out:
        write_json(arguments.out, {"seconds": arguments.seconds, "encoders": table})


if __name__ == "__main__":
    main()
