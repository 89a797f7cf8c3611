"""What finished trainings of a scaling experiment say: the law, how sure it is, how well it foretells, and what it advises.

Honest numbers only: every estimate has an interval, and one that spans more than a factor of two is called undecided. Each
form of the law must foretell the losses of the largest model without having seen it, beside the guess that it is as good as
the next smaller. The form that does that better is drawn, and advises; where the two errors are closer than two seeds are
(`seed_scatter`), that choice is a toss-up, and what only one form says is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minimm.metrics.power_law import (
    DIFFERENT,
    EXPONENTS,
    FORMS,
    PowerLaw,
    bootstrap,
    fit_power_law,
    goodness_of_fit,
    percentile_interval,
)

LEVEL = 0.8  # of the intervals
RESAMPLES = 500
UNDECIDED = 2.0  # an interval whose ends are further apart than this factor
BEYOND = 10.0  # how much more compute than the dearest run the last advice is for

QUANTITIES: dict[str, Callable[[PowerLaw], float]] = {
    "size_exponent": lambda law: law.size_exponent,
    "data_exponent": lambda law: law.data_exponent,
    "irreducible_loss": lambda law: law.irreducible,
    "size_coefficient": lambda law: law.size_coefficient,
    "data_coefficient": lambda law: law.data_coefficient,
    "compute_exponent": lambda law: law.compute_exponent,
}


LIMITS = {"size_exponent": EXPONENTS, "data_exponent": EXPONENTS}
COUNTS = ("parameters", "parameters_without_embeddings")
SHAPES = {"hoffmann": "E + A / N^alpha + B / D^beta", "kaplan": "(A / N^alpha + B / D)^gamma"}


def columns(
    runs: Sequence[Mapping[str, Any]], counted: str = "parameters"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, tokens and losses of the runs, (n,) each; `counted` names how the sizes are counted."""
    return tuple(np.array([float(run[key]) for run in runs]) for key in (counted, "tokens", "loss"))


def findings(runs: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """All that the runs say: the keys `laws`, `seed_scatter`, `left_out`, `best_form` and `advice` of results.json."""
    enough = [key for key in ("parameters", "tokens") if len({run[key] for run in runs}) > DIFFERENT]
    laws = {form: {counted: fitted(runs, counted, form, seed) for counted in COUNTS} for form in FORMS}
    left_out = {key: foretold(runs, key, seed) for key in enough}
    judged = (
        left_out["parameters"]["laws"] if "parameters" in left_out else {form: laws[form][COUNTS[0]] for form in FORMS}
    )
    best = min(FORMS, key=lambda form: judged[form]["mean_absolute_log_error"])
    return {
        "laws": laws,
        "seed_scatter": seed_scatter(runs),
        "left_out": left_out,
        "best_form": best,
        "advice": advice(runs, best, seed),
    }


def fitted(runs: Sequence[Mapping[str, Any]], counted: str, form: str, seed: int) -> dict[str, Any]:
    """The law of a form by sizes counted in one way: each quantity with its interval, and how close the law comes."""
    data = columns(runs, counted)
    law, drawn = fit_power_law(*data, form), bootstrap(*data, form, resamples=RESAMPLES, seed=seed)
    return {
        **{
            name: estimate(quantity(law), [quantity(one) for one in drawn], LIMITS.get(name, (0.0, math.inf)))
            for name, quantity in QUANTITIES.items()
            if name != "irreducible_loss" or form == "hoffmann"  # Kaplan's has none
        },
        **goodness_of_fit(law, *data),
    }


def estimate(value: float, drawn: Sequence[float], limits: tuple[float, float] = (0.0, math.inf)) -> dict[str, Any]:
    """A number with the ends of its interval, and whether the runs decide it at all.

    An interval that touches `limits`, between which the number was looked for, decides nothing.
    """
    low, high = percentile_interval(np.array(drawn), LEVEL)
    return {
        "value": float(value),
        "low": low,
        "high": high,
        "decided": bool(limits[0] < low and high < min(limits[1], UNDECIDED * low)),
    }


def foretold(runs: Sequence[Mapping[str, Any]], key: str, seed: int) -> dict[str, Any]:
    """The losses of the runs with the most of `key` ("parameters" or "tokens"), from laws fitted to all others.

    `mean_absolute_log_error` is a law's, `of_the_next_smaller` that of guessing what the next smaller `key` reached.
    """
    values = sorted({run[key] for run in runs})
    left_out = [run for run in runs if run[key] == values[-1]]
    others = columns([run for run in runs if run[key] != values[-1]])
    parameters, tokens, losses = columns(left_out)
    other = "tokens" if key == "parameters" else "parameters"
    smaller = {(run[other], run["seed"]): run["loss"] for run in runs if run[key] == values[-2]}
    guess = np.array([smaller[run[other], run["seed"]] for run in left_out])
    laws = {}
    for form in FORMS:
        expected = fit_power_law(*others, form).loss(parameters, tokens)
        drawn = bootstrap(*others, form, resamples=RESAMPLES, seed=seed)
        scatter = [one.loss(parameters, tokens) for one in drawn]
        low, high = np.quantile(scatter, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        laws[form] = {
            "mean_absolute_log_error": float(np.abs(np.log(expected / losses)).mean()),
            "runs": [
                {"name": run["name"], "loss": run["loss"], "foretold": middle, "low": bottom, "high": top}
                for run, middle, bottom, top in zip(
                    left_out, expected.tolist(), low.tolist(), high.tolist(), strict=True
                )
            ],
        }
    return {key: values[-1], "of_the_next_smaller": float(np.abs(np.log(guess / losses)).mean()), "laws": laws}


def advice(runs: Sequence[Mapping[str, Any]], form: str, seed: int) -> list[dict[str, Any]]:
    """The best size and amount of data for the compute of the cheapest run, the middle, the dearest, and beyond."""
    data = columns(runs)
    law, drawn = fit_power_law(*data, form), bootstrap(*data, form, resamples=RESAMPLES, seed=seed)
    least, most = (pick(run["compute"] for run in runs) for pick in (min, max))
    told = []
    for compute in (least, (least * most) ** 0.5, most, BEYOND * most):
        best = float(law.best_parameters(compute))
        told.append(
            {
                "compute": float(compute),
                "parameters": estimate(best, [float(one.best_parameters(compute)) for one in drawn]),
                "tokens": float(compute) / (6 * best),
                "loss": float(law.loss(best, compute / (6 * best))),
                "measured": bool(
                    data[0].min() <= best <= data[0].max() and data[1].min() <= compute / (6 * best) <= data[1].max()
                ),
            }
        )
    return told


def seed_scatter(runs: Sequence[Mapping[str, Any]]) -> float | None:
    """Standard deviation of log L between runs that differ in their random numbers alone; None where each was done once."""
    groups: dict[tuple[int, int], list[float]] = {}
    for run in runs:
        groups.setdefault((run["parameters"], run["tokens"]), []).append(np.log(run["loss"]))
    squares = sum(float(np.var(group)) * len(group) for group in groups.values())
    freedom = len(runs) - len(groups)
    return (squares / freedom) ** 0.5 if freedom else None


def print_report(results: Mapping[str, Any]) -> None:
    """The table of losses, the law with its intervals, and what follows from it."""
    runs = results["runs"]
    amounts = sorted({run["tokens"] for run in runs})
    print(f"\nloss in nats per byte{'':>13}" + "".join(f"{amount:>12,}" for amount in amounts) + "  bytes read")
    for parameters in sorted({run["parameters"] for run in runs}):
        means = [
            np.mean([run["loss"] for run in runs if (run["parameters"], run["tokens"]) == (parameters, amount)])
            for amount in amounts
        ]
        print(f"{parameters:>12,} parameters{'':>11}" + "".join(f"{mean:>12.4f}" for mean in means))
    print(
        f"\nthe exponents say how the loss above a floor falls where the other thing abounds; intervals of {LEVEL:.0%}, which"
    )
    print("take the form of the law for granted: where the two forms differ by more, believe neither interval")
    for form, law_of in results["laws"].items():
        for counted, law in law_of.items():
            print(f"{form}: L(N, D) = {SHAPES[form]}, N is {counted.replace('_', ' ')}")
            for name in [name for name in QUANTITIES if name in law]:
                print(f"    {name.replace('_', ' '):<18} {show_estimate(law[name])}")
            print(f"    R^2 {law['r_squared']:.4f}, mean error {law['mean_absolute_log_error']:.2%} of the loss")
    if results["seed_scatter"] is not None:
        print(
            f"  two runs of the same size and data differ by {results['seed_scatter']:.2%} of the loss (standard deviation)"
        )
    for key, test in results["left_out"].items():
        errors = ", ".join(f"{form} {law['mean_absolute_log_error']:.2%}" for form, law in test["laws"].items())
        print(
            f"the losses at {test[key]:,} {key}, foretold without them: mean error {errors}; "
            f"guessing those at the next fewer {test['of_the_next_smaller']:.2%}"
        )
    print(f"the best size for a compute of 6 N D operations, by the law of {results['best_form']}")
    for row in results["advice"]:
        beyond = "" if row["measured"] else "; beyond what was measured"
        print(
            f"  {row['compute']:.1e}: {row['tokens']:,.0f} bytes read, loss {row['loss']:.3f}{beyond}; "
            f"parameters {show_estimate(row['parameters'], ',.0f')}"
        )


def show_estimate(found: Mapping[str, Any], form: str = ".3g") -> str:
    """
    >>> show_estimate({"value": 0.31, "low": 0.3, "high": 0.333, "decided": True})
    '0.31 (0.3 to 0.333)'
    """
    told = f"{found['value']:{form}} ({found['low']:{form}} to {found['high']:{form}})"
    return told if found["decided"] else f"{told}: these runs do not decide it"
