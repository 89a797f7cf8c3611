"""All benchmarks under their names: run some of them, print a table, write results.json and a figure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from minimm.benchmarks.byte_pair import compare_byte_pair
from minimm.benchmarks.comparison import Comparison
from minimm.benchmarks.generation import compare_generation
from minimm.benchmarks.gpt2_small import compare_gpt2_small
from minimm.benchmarks.growth import measure_growth
from minimm.benchmarks.growth_figures import draw_growth
from minimm.benchmarks.language_training import compare_training
from minimm.benchmarks.layer_speed import compare_layers
from minimm.benchmarks.machine import measure_machine
from minimm.benchmarks.peers import NO_CHECKOUT, load_nanogpt
from minimm.benchmarks.processes import compare_processes
from minimm.benchmarks.quantized_generation import compare_quantized
from minimm.benchmarks.time_to_quality import compare_time_to_quality
from minimm.datasets.bundled import bundled
from minimm.datasets.text_files import read_text
from minimm.errors import check
from minimm.files import write_json
from minimm.plots.ratios import ratio_bars
from minimm.plots.style import save_figure
from minimm.training.device import select_device

BENCHMARKS = (
    "training",
    "gpt2",
    "processes",
    "generation",
    "quantization",
    "layers",
    "tokenizers",
    "growth",
    "quality",
)


def run_benchmarks(
    names: Sequence[str],
    out: str | Path,
    *,
    rounds: int,
    threads: int | None = None,
    nanogpt: str | Path | None = None,
    text: str | Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Measure, print each row when it is there, write results.json and ratios.png into `out`.

    Args:
        names: of `BENCHMARKS`; none = all. rounds: how often each side does its work. threads: of the processor; None = all.
        nanogpt: folder of a checkout. text: what the tokenizers read; None = the bundled text.
    """
    unknown = [name for name in names if name not in BENCHMARKS]
    check(not unknown, f"the benchmarks {', '.join(unknown)} are not known; choose from {', '.join(BENCHMARKS)}")
    started, out, where = time.monotonic(), Path(out), select_device(device)
    model = None if nanogpt is None else load_nanogpt(nanogpt)
    corpus = "".join(map(read_text, sorted(bundled("text").glob("*.txt")))) if text is None else read_text(Path(text))
    if threads is not None:
        torch.set_num_threads(threads)
    machine = measure_machine(where)
    rates = machine["operations_per_second"]
    print(
        f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}: products of matrices at "
        f"{rates['float32'] / 1e9:.0f} (float32) and {rates['bfloat16'] / 1e9:.0f} (bfloat16) billion operations a second, "
        f"memory at {machine['bytes_per_second'] / 1e9:.1f} GB/s"
    )
    benchmarks: dict[str, Callable[[], list[Comparison]]] = {
        "training": lambda: compare_training(rounds, where, model),
        "gpt2": lambda: compare_gpt2_small(rounds, where, model) if where.type == "cuda" else [],
        "processes": lambda: compare_processes(rounds, where),
        "generation": lambda: compare_generation(rounds, where),
        "quantization": lambda: compare_quantized(rounds, where),
        "layers": lambda: compare_layers(rounds, where),
        "tokenizers": lambda: compare_byte_pair(corpus, rounds),
    }
    reports: dict[str, Callable[[], dict[str, Any]]] = {  # those that say more than one ratio, and print it themselves
        "growth": lambda: growth_of_cost(corpus, rounds, where, out),
        "quality": lambda: quality_beside_nanogpt(corpus, model, where),
    }
    results: dict[str, Any] = {"machine": machine, "device": str(where)}
    every: list[Comparison] = []
    for name in names or BENCHMARKS:
        print(f"\n{name}")
        if name in reports:
            results[name] = reports[name]()
            continue
        found = benchmarks[name]()
        results[name] = [each.as_dict(machine) for each in found]
        if not found:
            print("  not measured: it takes a GPU")
        for comparison, told in zip(found, results[name], strict=True):
            print_comparison(comparison, told)
        every += found
    results["seconds"] = round(time.monotonic() - started, 1)
    write_json(out / "results.json", results)
    bars = {each.work: {peer: each.ratio(peer) for peer in each.peers} for each in every if each.peers}
    if bars:
        save_figure(ratio_bars(bars, "How many times as fast as its peers minimm is"), out / "ratios.png")
    print(f"\neverything is in {out}")
    return results


def growth_of_cost(text: str, rounds: int, device: torch.device, out: Path) -> dict[str, Any]:
    """Measure it, print a line for each of its figures, and draw them into `out`."""
    found = measure_growth(text, rounds, device)
    draw_growth(found, out)
    return found


def quality_beside_nanogpt(text: str, model: ModuleType | None, device: torch.device) -> dict[str, Any]:
    """Run it and print a line for each run, or why there is none."""
    if model is None:
        print(f"  not measured: nanoGPT, {NO_CHECKOUT}")
        return {"missing": {"nanogpt": NO_CHECKOUT}}
    found = compare_time_to_quality(text, model, device)
    for name, run in found.items():
        share = "" if name == "nanogpt" else f", {run['share_of_nanogpts_time']:.0%} of nanoGPT's time"
        print(f"  {name}: validation loss {run['validation_loss']:.3f} after {run['seconds']:.1f} s{share}")
    return found


def print_comparison(comparison: Comparison, told: Mapping[str, Any]) -> None:
    """One line for the work, and one for each peer or why it is not there; `told` is what results.json says of it."""
    used = f", {told['share_of_machine']:.0%} of the machine's product rate" if "share_of_machine" in told else ""
    used += f", {told['share_of_peak']:.0%} of its data sheet's" if "share_of_peak" in told else ""
    print(f"  {comparison.work}: {comparison.rate():,.0f} {comparison.unit}s/s{used}")
    for peer in comparison.peers:
        low, middle, high = comparison.ratio(peer)
        print(f"    {middle:5.2f} times {peer}, {comparison.rate(peer):,.0f} (middle half {low:.2f} to {high:.2f})")
    for peer, why in comparison.missing.items():
        print(f"    {peer} was not measured: {why}")
