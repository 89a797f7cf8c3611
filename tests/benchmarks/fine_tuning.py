"""Few labels: is it worth to pretrain, and how much of an encoder must be adjusted? Five seeds, standard deviations.

    python tests/benchmarks/fine_tuning.py [--labels 64] [--pretrain-steps 3000] [--out results.json]

One encoder is pretrained by filling gaps in unlabelled reviews, which end in what their writers would do now ("I want my money
back."). The labelled ones do not, so what was learned must be carried by the words of praise and blame; with fewer than 1,000
steps the encoder has learned the grammar but no mood, and nothing is gained. Then 64 labelled reviews are learned from in 4
ways: by the same encoder with random weights and the same vocabulary, by the pretrained one with all weights, with LoRA and
with the new output layer alone. Every way gets the learning rate that served it best on reviews and labels of a sixth seed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from pathlib import Path

import torch

from minimm.datasets.reviews import draw_reviews
from minimm.files import write_json
from minimm.layers.initialization import initialize
from minimm.tasks import MaskedTextModel, TextClassifier

SEEDS = (0, 1, 2, 3, 4)
CHOOSING_SEED = 5
RATES = (1e-3, 3e-3, 1e-2)
STEPS = 200
WAYS = ("scratch", "full", "lora", "frozen")
ENCODER = {"d_model": 64, "num_layers": 2, "dropout": 0.0}  # small, so that 3,000 steps are two minutes
UNLABELLED, TEST = 20_000, 1_000


def pretrain(folder: Path, steps: int) -> MaskedTextModel:
    """An encoder that has read unlabelled reviews for `steps`."""
    texts = [text for _, text in draw_reviews(UNLABELLED, seed=100, verdicts=True)]
    task = MaskedTextModel("tiny", **ENCODER, learning_rate=4e-3)
    task.fit(texts, max_steps=steps)
    task.save(folder)
    return task


def randomize(task: MaskedTextModel, folder: Path, seed: int) -> None:
    """The same encoder and vocabulary with random weights."""
    initialize(task.model, torch.Generator().manual_seed(seed), task.model.encoder.config.num_layers)
    task.save(folder)


def measure(way: str, folder: Path, seed: int, num_labels: int, rate: float) -> tuple[float, int, float]:
    """(accuracy on unseen reviews, weights that learn, seconds)."""
    labels, texts = zip(*draw_reviews(num_labels, seed=1_000 + seed), strict=True)
    test_labels, test_texts = zip(*draw_reviews(TEST, seed=2_000 + seed), strict=True)
    task = TextClassifier(
        pretrained=folder,
        method=way if way in ("lora", "frozen") else "full",
        seed=seed,
        batch_size=32,
        learning_rate=rate,
        optimizer="adamw",
        warmup_steps=10,
        layer_decay=0.9 if way == "full" else 1.0,
        dropout=0.0,
    )
    counted = []
    start_model = task._start
    task._start = lambda texts: (  # counts before the corrections of LoRA are folded in
        start_model(texts),
        counted.append(sum(p.numel() for p in task.model.parameters() if p.requires_grad)),
    )
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        task.fit(texts, labels, max_steps=STEPS)
    seconds = time.perf_counter() - start
    return task.evaluate(test_texts, test_labels)["accuracy"], counted[0], seconds


def main() -> None:
    """Measure, print, write `--out`."""
    parser = argparse.ArgumentParser(
        description="pretraining, full fine-tuning, LoRA and a frozen encoder with few labels"
    )
    parser.add_argument("--labels", type=int, default=64, help="labelled reviews to learn from (default 64)")
    parser.add_argument("--pretrain-steps", type=int, default=3000, help="steps of pretraining (default 3000)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()

    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pretrained"
        task = pretrain(folder, arguments.pretrain_steps)
        total = sum(p.numel() for p in task.model.encoder.parameters())
        for seed in (*SEEDS, CHOOSING_SEED):
            randomize(task, Path(temporary) / f"random_{seed}", seed)

        def run(way: str, seed: int, rate: float) -> tuple[float, int, float]:
            start = Path(temporary) / f"random_{seed}" if way == "scratch" else folder
            return measure(way, start, seed, arguments.labels, rate)

        print(f"{'':8} {'accuracy':>18} {'weights that learn':>22} {'seconds':>8} {'learning rate':>14}")
        for way in WAYS:
            rate = max(RATES, key=lambda rate: run(way, CHOOSING_SEED, rate)[0])
            found = [run(way, seed, rate) for seed in SEEDS]
            accuracies = [accuracy for accuracy, _, _ in found]
            mean, deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
            learning, seconds = found[0][1], statistics.mean(each[2] for each in found)
            results[way] = {
                "accuracy": mean,
                "standard_deviation": deviation,
                "accuracies": accuracies,
                "weights_that_learn": learning,
                "share_that_learns": learning / total,
                "seconds": seconds,
                "learning_rate": rate,
            }
            print(
                f"{way:8} {mean:10.3f} +- {deviation:.3f} {learning:12,} ({learning / total:6.1%}) {seconds:8.1f} {rate:14g}",
                flush=True,
            )
    gain = results["full"]["accuracy"] - results["scratch"]["accuracy"]
    kept = (results["lora"]["accuracy"] - results["scratch"]["accuracy"]) / gain
    print(f"pretraining gains {100 * gain:.1f} points; LoRA keeps {kept:.1%} of them")
    if arguments.out:
        summary = {"gain": gain, "share_of_gain_kept_by_lora": kept, "labels": arguments.labels}
        write_json(arguments.out, summary | results)


if __name__ == "__main__":
    main()
