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
from minimm.fairness.seeds import QUANTILES, paired_change
from minimm.fairness.studies import STUDIES, Study, study
from minimm.files import read_json, write_json
from minimm.metrics.intervals import Interval
from minimm.plots.style import save_figure
from minimm.plots.trade_off import trade_off
from minimm.training.stopwatch import seconds_since

NOT_COMPARED = ("seconds", "probe_chance")
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
        try:
            for finished in tqdm(as_completed(waiting), total=len(waiting), unit="run"):
                case, found = finished.result()
                done[case] = found
                write_json(out / "runs.json", [[*case, found] for case, found in sorted(done.items())])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # an error ends what has not begun, too
    results: dict[str, Any] = {"seeds": seeds, "first_seed": first_seed, "studies": {}}
    for name in data:
        rows = summed_up(study(name), {case[1:]: done[case] for case in wanted if case[0] == name})
        results["studies"][name] = rows
        _print(name, study(name), rows)
    save_figure(trade_off(results["studies"]), out / "trade_off.png")
    results["seconds"] = seconds_since(started)
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
    written = read_json(path) if path.exists() else []
    check(
        isinstance(written, list) and all(map(_is_run, written)),
        f"{path} is not as `minimm bias` writes it: [data, remedy, seed, numbers] of each run; begin anew without --resume",
    )
    return {(name, remedy, seed): found for name, remedy, seed, found in written}


def _is_run(written: Any) -> bool:
    if not (isinstance(written, list) and [type(part) for part in written] == [str, str, int, dict]):
        return False
    return all(type(number) in (int, float) for number in written[3].values())


def summed_up(which: Study, runs: dict[tuple[str, int], dict[str, float]]) -> dict[str, Any]:
    """Of each remedy the means of all that was measured, what changed beside the plain way, with intervals and whether these
    leave zero out, and a `verdict` on bias and quality.

    runs: what was measured, by remedy and seed.
    """
    each: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (remedy, _seed), found in sorted(runs.items(), key=lambda item: item[0][1]):
        each[remedy].append(found)
    plain = each[which.remedies[0].name]
    rows: dict[str, Any] = {"bias": which.bias, "quality": which.quality, "quality_is_high": which.quality_is_high}
    rows["remedies"] = {}
    for remedy in which.remedies:
        measured = each[remedy.name]
        row: dict[str, Any] = {name: statistics.fmean(one[name] for one in measured) for name in measured[0]}
        if remedy is not which.remedies[0]:
            changes = {
                name: paired_change([one[name] for one in plain], [one[name] for one in measured])
                for name in measured[0]
                if name not in NOT_COMPARED
            }
            row["changes"] = {
                name: change.as_dict() | {"is_clear": change.is_clear} for name, change in changes.items()
            }
            row["verdict"] = _verdict(changes[which.bias], changes[which.quality], which.quality_is_high)
        rows["remedies"][remedy.name] = row
    return rows


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
    shown = [which.bias, which.quality, *(["worst_accuracy"] if which.quality_is_high else []), "probe"]
    print(f"\n{name}: {', '.join(shown).replace('_', ' ')}, and what changed beside the plain way with 95 % intervals")
    for remedy, row in rows["remedies"].items():
        columns = [f"{row[one]:.3f} {_written(row, one):<25}" for one in shown]
        print(f"  {remedy:<20}{'  '.join(columns)}{row['seconds']:>6.1f} s  {row.get('verdict', '')}")
    chance = next(iter(rows["remedies"].values()))["probe_chance"]
    print(
        f"  probe: how often a fresh one reads the group off the features, chance {chance:.3f}. Bias is {which.bias},"
    )
    print("  quality the next. Of twenty comparisons at 95 %, one is clear by chance.")


def _written(row: dict[str, Any], name: str) -> str:
    if "changes" not in row:
        return ""
    change = row["changes"][name]
    return f"{change['value']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"
