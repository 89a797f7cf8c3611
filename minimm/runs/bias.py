"""`minimm bias`: each remedy against bias on each data set, over several seeds: what it mends and costs, and how sure that is.

A remedy and the plain way start from the same seed, so from the same data and first weights; the change is told with its 95 %
interval over seeds, and is no clear effect where that covers zero.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from minimm.errors import check
from minimm.fairness.groups import Interval
from minimm.fairness.seeds import QUANTILES, paired_change
from minimm.fairness.studies import STUDIES, Study, study
from minimm.files import read_json, write_json
from minimm.plots.style import save_figure
from minimm.plots.trade_off import trade_off

Runs = dict[tuple[str, str, int], dict[str, float]]  # by data set, remedy and seed


def measure_bias(
    data: Sequence[str], out: Path, *, seeds: int = 5, first_seed: int = 1, jobs: int = 2, resume: bool = False
) -> dict[str, Any]:
    """Learn with every remedy on every data set, `jobs` at a time with a thread each; print a table and write results.json,
    the figure and runs.json, to which every run is added when it ends and from which `resume` goes on.
    """
    unknown = sorted(set(data) - set(STUDIES))
    check(not unknown, f"--data {', '.join(unknown)} is not known; choose from {', '.join(STUDIES)}")
    check(2 <= seeds <= len(QUANTILES) + 1, f"--seeds {seeds} must be from 2, for an interval, to {len(QUANTILES) + 1}")
    started = time.monotonic()
    wanted = [
        (name, remedy.name, seed)
        for seed in range(first_seed, first_seed + seeds)
        for name in data
        for remedy in study(name).remedies
    ]
    done = _read_runs(out / "runs.json") if resume else {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_run, *case) for case in wanted if case not in done]
        for finished in tqdm(as_completed(waiting), total=len(waiting), unit="run"):
            case, found = finished.result()
            done[case] = found
            write_json(out / "runs.json", [[*case, found] for case, found in sorted(done.items())])
    results: dict[str, Any] = {"seeds": seeds, "first_seed": first_seed, "studies": {}}
    for name in data:
        rows = summed_up(study(name), {case[1:]: done[case] for case in wanted if case[0] == name})
        results["studies"][name] = rows
        _print(name, study(name), rows)
    save_figure(trade_off(results["studies"]), out / "trade_off.png")
    results["seconds"] = round(time.monotonic() - started, 1)
    write_json(out / "results.json", results)
    print(f"everything is in {out}")
    return results


def _run(name: str, remedy_name: str, seed: int) -> tuple[tuple[str, str, int], dict[str, float]]:
    torch.set_num_threads(1)
    which = study(name)
    started = time.process_time()
    found = which.run(next(remedy for remedy in which.remedies if remedy.name == remedy_name), seed)
    return (name, remedy_name, seed), found | {"seconds": time.process_time() - started}


def _read_runs(path: Path) -> Runs:
    return {(name, remedy, seed): found for name, remedy, seed, found in read_json(path)} if path.exists() else {}


def summed_up(which: Study, runs: dict[tuple[str, int], dict[str, float]]) -> dict[str, Any]:
    """Of each remedy the means of all that was measured, and what changed beside the plain way: bias and quality with their
    intervals, whether either is clear, and `verdict`.

    runs: what was measured, by remedy and seed.
    """
    each: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (remedy, _seed), found in sorted(runs.items(), key=lambda item: item[0][1]):
        each[remedy].append(found)
    plain = each[which.remedies[0].name]
    rows: dict[str, Any] = {"bias": which.bias, "quality": which.quality, "remedies": {}}
    for remedy in which.remedies:
        measured = each[remedy.name]
        row: dict[str, Any] = {name: statistics.fmean(one[name] for one in measured) for name in measured[0]}
        if remedy is not which.remedies[0]:
            bias, quality = (
                paired_change([one[name] for one in plain], [one[name] for one in measured])
                for name in (which.bias, which.quality)
            )
            row |= {"bias_change": _as_dict(bias), "quality_change": _as_dict(quality)}
            row["verdict"] = _verdict(bias, quality, which.quality_is_high)
        rows["remedies"][remedy.name] = row
    return rows


def _as_dict(interval: Interval) -> dict[str, float | bool]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, "is_clear": interval.is_clear}


def _verdict(bias: Interval, quality: Interval, quality_is_high: bool) -> str:
    """One of the words that the table ends with."""
    if not bias.is_clear:
        return "no clear effect"
    helps = bias.value < 0
    costs = quality.is_clear and (quality.value < 0) == quality_is_high
    gains = quality.is_clear and not costs
    effect = "less bias" if helps else "more bias"
    return effect + (", worse quality" if costs else ", better quality" if gains else "")


def _print(name: str, which: Study, rows: dict[str, Any]) -> None:
    print(
        f"\n{name}: bias is {which.bias.replace('_', ' ')}, quality {which.quality}; changes with their 95 % intervals"
    )
    print(f"  {'remedy':<20}{'bias':>7}  {'change':<25}{'quality':>8}  {'change':<25}{'probe':>6}{'s':>6}")
    for remedy, row in rows["remedies"].items():
        changes = [_written(row[f"{kind}_change"]) if f"{kind}_change" in row else "" for kind in ("bias", "quality")]
        print(
            f"  {remedy:<20}{row[which.bias]:>7.3f}  {changes[0]:<25}{row[which.quality]:>8.3f}  {changes[1]:<25}"
            f"{row['probe']:>6.3f}{row['seconds']:>6.1f}  {row.get('verdict', '')}"
        )
    chance = next(iter(rows["remedies"].values()))["probe_chance"]
    print(f"  probe: how often a fresh one reads the group off the features, chance {chance:.3f}")


def _written(change: dict[str, float]) -> str:
    return f"{change['value']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"
