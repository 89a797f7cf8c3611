"""A training step of minimm's GRU beside PyTorch's with the same weights, on the CPU, taking turns.

    python tests/benchmarks/gru.py [--threads 2] [--rounds 40] [--out results.json]

A step is forward and backward: batch 32, 100 steps, 64 -> 128, float32, with gradients of the inputs too. Each round runs
ours, then theirs, so that what else the machine does falls on both; its ratio is ours / theirs. Below 1, ours is faster.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from minimm.files import write_json
from minimm.layers.gru import GRU

BATCH, STEPS, INPUT_SIZE, HIDDEN_SIZE = 32, 100, 64, 128


def build() -> tuple[dict[str, torch.nn.Module], torch.Tensor, torch.Tensor]:
    """Both layers with one set of weights, the inputs, and the gradient that comes back to the outputs."""
    generator = torch.Generator().manual_seed(0)
    ours, theirs = GRU(INPUT_SIZE, HIDDEN_SIZE), torch.nn.GRU(INPUT_SIZE, HIDDEN_SIZE, batch_first=True)
    ours.reset_parameters(generator)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(BATCH, STEPS, INPUT_SIZE, generator=generator).requires_grad_()
    incoming = torch.randn(BATCH, STEPS, HIDDEN_SIZE, generator=generator)
    return {"minimm": ours, "torch": theirs}, inputs, incoming


def train_step(layer: torch.nn.Module, inputs: torch.Tensor, incoming: torch.Tensor) -> list[torch.Tensor]:
    """Forward and backward; the gradients of the inputs and of all weights."""
    outputs, _ = layer(inputs)
    return list(torch.autograd.grad(outputs, [inputs, *layer.parameters()], incoming))


def compare(rounds: int) -> dict[str, list[float]]:
    """side -> the wall seconds of its step in each round."""
    layers, inputs, incoming = build()
    ours, theirs = (train_step(layer, inputs, incoming) for layer in layers.values())  # also warms both up
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    seconds: dict[str, list[float]] = {side: [] for side in layers}
    for _ in range(rounds):
        for side, layer in layers.items():
            start = time.perf_counter()
            train_step(layer, inputs, incoming)
            seconds[side].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Measure, print, write `--out`."""
    parser = argparse.ArgumentParser(description="minimm's GRU beside PyTorch's: a training step on the CPU")
    parser.add_argument("--threads", type=int, default=2, help="processor threads for both (default 2)")
    parser.add_argument("--rounds", type=int, default=40, help="how often each side runs (default 40)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    seconds = compare(arguments.rounds)
    ratios = [ours / theirs for ours, theirs in zip(seconds["minimm"], seconds["torch"], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    medians = {side: statistics.median(each) for side, each in seconds.items()}
    bests = {side: min(each) for side, each in seconds.items()}
    for side in seconds:
        print(f"{side:8} median {1e3 * medians[side]:8.2f} ms   best {1e3 * bests[side]:8.2f} ms")
    print(
        f"ratio    {middle:.2f} (middle half of {arguments.rounds} rounds: {low:.2f} to {high:.2f}), "
        f"of the medians {medians['minimm'] / medians['torch']:.2f}, of the bests {bests['minimm'] / bests['torch']:.2f}"
    )
    if arguments.out:
        results = {
            "shapes": {"batch": BATCH, "steps": STEPS, "input_size": INPUT_SIZE, "hidden_size": HIDDEN_SIZE},
            "threads": arguments.threads,
            "rounds": arguments.rounds,
            "torch": torch.__version__,
            "median_seconds": medians,
            "best_seconds": bests,
            "ratio": {"median": middle, "quartiles": [low, high]},
        }
        write_json(arguments.out, results)


if __name__ == "__main__":
    main()
