"""The fit finds the law that made the losses and says how unsure it is; the experiment that feeds it loses no finished run."""

from __future__ import annotations

import doctest
import itertools
import re

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from minimm.errors import MinimmError
from minimm.files import read_json, write_json
from minimm.metrics import power_law
from minimm.metrics.power_law import FORMS, PowerLaw, bootstrap, fit_power_law, goodness_of_fit, percentile_interval
from minimm.plots import scaling
from minimm.plots.scaling import scaling_curves
from minimm.scaling import experiment as scaling_law
from minimm.scaling import plan as scaling_plan
from minimm.scaling import report as scaling_report
from minimm.scaling import training as scaling_training
from minimm.scaling.plan import BATCH, CONTEXT, Size, cut_corpus, make_plan

N, D = (grid.ravel() for grid in np.meshgrid([12e3, 35e3, 95e3, 340e3, 1e6], [0.25e6, 0.5e6, 1e6, 2e6, 4e6]))


def law_of(alpha, beta, floor=1.0, by_size=0.8, by_data=0.6):
    """The law whose terms are `by_size` at 30,000 parameters and `by_data` at a million tokens."""
    return PowerLaw(floor, by_size * 3e4**alpha, alpha, by_data * 1e6**beta, beta)


def kaplan_of(size_exponent, data_exponent, loss=1.5, ratio=1.0):
    """Kaplan's form, with `loss` at 30,000 parameters and a million tokens, where size is `ratio` times as short as data."""
    alpha, short = size_exponent / data_exponent, loss ** (1 / data_exponent)
    by_size, by_data = short * ratio / (1 + ratio), short / (1 + ratio)
    return PowerLaw(0.0, by_size * 3e4**alpha, alpha, by_data * 1e6, 1.0, data_exponent)


hoffmann_laws = st.builds(
    law_of,
    st.floats(0.2, 0.9),
    st.floats(0.2, 0.9),
    st.floats(0.3, 2.0),
    st.floats(0.3, 1.5),
    st.floats(0.3, 1.5),
)
kaplan_laws = st.builds(kaplan_of, st.floats(0.05, 0.3), st.floats(0.08, 0.3), st.floats(0.5, 3.0), st.floats(0.3, 3.0))
laws = st.one_of(hoffmann_laws, kaplan_laws)


def form_of(law):
    return "hoffmann" if law.gamma == 1 else "kaplan"


def noisy(law, deviation, seed):
    return law.loss(N, D) * np.exp(np.random.default_rng(seed).normal(0, deviation, len(N)))


# The fit


@given(laws)
def test_without_noise_the_law_that_made_the_losses_is_found(law):
    found = fit_power_law(N, D, law.loss(N, D), form_of(law))
    for name in PowerLaw.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(law, name), rel=2e-2)
    assert goodness_of_fit(found, N, D, law.loss(N, D))["r_squared"] > 1 - 1e-6


@given(laws, st.integers(0, 1000))
@settings(max_examples=30)
def test_with_noise_no_worse_law_is_found_than_the_true_one(law, seed):
    """The answer may differ from the truth, but only by fitting better what was measured."""
    losses = noisy(law, 0.01, seed)
    found, true = (goodness_of_fit(one, N, D, losses) for one in (fit_power_law(N, D, losses, form_of(law)), law))
    assert found["r_squared"] >= true["r_squared"] - 5e-3
    assert found["mean_absolute_log_error"] < 0.012


@given(laws, st.integers(0, 24), st.floats(0.3, 3.0))
@settings(max_examples=20)
def test_one_run_gone_wrong_does_not_bend_the_curve(law, place, factor):
    losses = law.loss(N, D)
    losses[place] *= factor if abs(np.log(factor)) > 0.1 else 3.0
    found = fit_power_law(N, D, losses, form_of(law))
    others = np.arange(len(N)) != place
    np.testing.assert_allclose(found.loss(N, D)[others], losses[others], rtol=0.02)


@given(laws, st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10), st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_units_change_the_coefficients_alone_and_the_order_of_runs_changes_nothing(law, size, data, unit, random):
    losses = noisy(law, 0.005, 0)
    form = form_of(law)
    found = fit_power_law(N, D, losses, form)
    other = fit_power_law(size * N, data * D, unit * losses, form)
    assert other.size_exponent == pytest.approx(found.size_exponent, rel=1e-2, abs=1e-3)
    assert other.data_exponent == pytest.approx(found.data_exponent, rel=1e-2, abs=1e-3)
    np.testing.assert_allclose(other.loss(size * N, data * D), unit * found.loss(N, D), rtol=1e-4)
    order = np.array(random.sample(range(len(N)), len(N)))
    assert fit_power_law(N[order], D[order], losses[order], form) == found
    drawn = bootstrap(N, D, losses, form, resamples=5, seed=3)
    assert bootstrap(N[order], D[order], losses[order], form, resamples=5, seed=3) == drawn


@pytest.mark.parametrize("law", [law_of(0.4, 0.5), law_of(0.3, 0.7), law_of(0.7, 0.3), kaplan_of(0.12, 0.16)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(law):
    """80 % intervals on 50 sets of 25 runs; a right one covers fewer than 31 or all with a chance of 1 in 1,000."""
    names = ["size_exponent", "data_exponent", "compute_exponent", "irreducible"][: 4 if law.gamma == 1 else 3]
    covered = np.zeros(len(names))
    for seed in range(50):
        drawn = bootstrap(N, D, noisy(law, 0.006, seed), form_of(law), resamples=80, seed=seed)
        for index, name in enumerate(names):
            low, high = percentile_interval([getattr(one, name) for one in drawn], 0.8)
            covered[index] += low <= getattr(law, name) <= high
    assert np.all(covered >= 31) and np.all(covered < 50), covered


def test_more_runs_make_the_interval_narrower():
    law, spans = law_of(0.4, 0.5), []
    for repeats in (1, 8):
        losses = np.concatenate([noisy(law, 0.01, seed) for seed in range(repeats)])
        drawn = bootstrap(np.tile(N, repeats), np.tile(D, repeats), losses, resamples=100)
        low, high = percentile_interval([one.alpha for one in drawn])
        spans.append(high - low)
    assert spans[1] < 0.6 * spans[0]


@given(laws, st.floats(1e10, 1e14))
def test_no_other_size_has_a_lower_loss_for_the_same_compute(law, compute):
    best = law.best_parameters(compute)
    others = best * np.geomspace(0.1, 10, 41)
    assert law.loss(best, compute / (6 * best)) <= law.loss(others, compute / (6 * others)).min() + 1e-12
    growth = np.log(law.best_parameters(10 * compute) / best) / np.log(10)
    assert growth == pytest.approx(law.compute_exponent)


@pytest.mark.parametrize(
    ("parameters", "tokens", "losses", "said"),
    [
        (N[:4], D[:4], N[:4], "4 runs have 4 different model sizes.*|different amounts of data"),
        (N[:5], np.array([1, 2, 3, 4, 5]), N[:5], "5 runs cannot decide on up to five unknowns"),
        (np.ones(25), D, N, "25 runs have 1 different model sizes"),
        (N, np.ones(25), N, "25 runs have 1 different amounts of data"),
        (N, D, np.zeros(25), "losses must be finite numbers above 0"),
        (N, D, np.full(25, np.nan), "losses must be finite numbers above 0"),
        (-N, D, N, "parameters must be finite numbers above 0"),
        (N, D[:3], N, "the same length"),
    ],
)
def test_runs_that_cannot_decide_are_refused_in_words(parameters, tokens, losses, said):
    for ask, form in itertools.product((fit_power_law, bootstrap), FORMS):
        with pytest.raises(MinimmError, match=said):
            ask(parameters, tokens, losses, form)


def test_a_form_that_is_not_known_is_named():
    with pytest.raises(MinimmError, match="'chinchilla' is not known; choose from hoffmann, kaplan"):
        fit_power_law(N, D, N, "chinchilla")


def test_what_the_runs_do_not_decide_is_called_so():
    assert scaling_report.estimate(0.5, np.linspace(0.4, 0.6, 50))["decided"]
    assert not scaling_report.estimate(4.0, np.full(50, 4.0), (0.01, 4.0))["decided"]
    told = scaling_report.estimate(0.5, np.linspace(0.05, 0.9, 50))
    assert not told["decided"] and scaling_report.show_estimate(told).endswith("these runs do not decide it")


@given(st.floats(1e-4, 0.5), st.lists(st.floats(0.5, 5), min_size=1, max_size=5))
def test_the_scatter_of_seeds_is_that_of_runs_that_are_otherwise_alike(half, losses):
    runs = [
        {"parameters": size, "tokens": 1, "loss": loss * np.exp(sign * half)}
        for size, loss in enumerate(losses)
        for sign in (1, -1)
    ]
    assert scaling_report.seed_scatter(runs) == pytest.approx(half * 2**0.5)
    assert scaling_report.seed_scatter(runs[::2]) is None


# The plan and the text

TEXT = "".join(
    f"{number} is {'even' if number % 2 == 0 else 'odd'}, and so is {number + 2}. " for number in range(6000)
)


def test_held_out_text_is_never_learned_from_and_each_window_is_read_once_before_any_comes_again():
    corpus = cut_corpus("".join(f"{number:07d} " for number in range(20_000)))
    training, held_out = ({tuple(row) for row in part.tolist()} for part in (corpus.training, corpus.held_out))
    assert not training & held_out and len(held_out) > 50
    batches = corpus.batches(seed=1)
    count = -(-len(corpus.training) // BATCH)
    seen = [tuple(row.tolist()) for inputs, _ in itertools.islice(batches, count) for row in inputs]
    assert len(set(seen[: len(corpus.training)])) == len(corpus.training)
    inputs, targets = next(batches)
    assert inputs.shape == targets.shape == (BATCH, CONTEXT) and torch.equal(inputs[:, 1:], targets[:, :-1])
    first, again, other = (next(corpus.batches(seed))[0] for seed in (4, 4, 5))
    assert torch.equal(first, again) and not torch.equal(first, other)


@given(st.floats(0.2, 60), st.floats(1e-4, 1e-2), st.integers(2_000, 200_000))
def test_a_plan_keeps_to_the_minutes_and_reads_the_text_at_most_four_times(minutes, a_step, windows):
    corpus = scaling_plan.Corpus(torch.zeros(windows, CONTEXT + 1), torch.zeros(1, CONTEXT + 1), "")
    sizes = scaling_plan.SIZES
    speeds = {size: a_step * (index + 1) for index, size in enumerate(sizes)}
    measures = dict.fromkeys(sizes, 0.01)
    try:
        plan = make_plan(sizes, speeds, measures, corpus, 60 * minutes, seed=0)
    except MinimmError as error:
        assert re.search(r"give at least [\d.]+ --minutes here and a text of [\d,]+ bytes", str(error))
        return
    needed = sum(one.steps * speeds[one.size] + measures[one.size] for one in plan.runs)
    assert needed == pytest.approx(plan.seconds) and plan.seconds <= 60 * minutes
    assert max(one.tokens for one in plan.runs) <= 4 * corpus.training_tokens
    grid = {(one.size, one.tokens, one.seed) for one in plan.runs}
    assert len(grid) == len(plan.runs) == np.prod([len({key[axis] for key in grid}) for axis in range(3)])
    assert min(one.steps for one in plan.runs) >= 200


# The experiment

TINY = (Size(1, 8), Size(1, 16), Size(1, 32), Size(1, 64))


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Enough for intervals that are only there, not good."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling_report, "RESAMPLES", 40)
        yield


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaling")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling_plan, "FEWEST_STEPS", 60)
        results = scaling_law.run_scaling_law(
            [folder / "text.txt"], folder / "out", tokens=240 * BATCH * CONTEXT, threads=1, sizes=TINY
        )
    return folder, results


def test_larger_models_and_more_data_gave_lower_losses(experiment):
    runs = experiment[1]["runs"]
    losses = {(one["parameters"], one["tokens"]): one["loss"] for one in runs}
    sizes, amounts = (sorted({key[axis] for key in losses}) for axis in (0, 1))
    assert len(sizes) == 4 and len(amounts) == 3 and len(runs) == 12
    for size in sizes:
        assert losses[size, amounts[0]] > losses[size, amounts[1]] > losses[size, amounts[2]]
    for amount in amounts:
        assert losses[sizes[-1], amount] < losses[sizes[0], amount] < np.log(256)


def test_results_have_their_keys_and_a_figure(experiment):
    folder, results = experiment
    written = read_json(folder / "out" / "results.json")
    assert written == results
    assert {
        "text", "seed", "threads", "planned_seconds", "uniform_loss", "notes", "runs", "laws", "seed_scatter", "left_out",
        "best_form", "advice", "seconds",
    } == written.keys()  # fmt: skip
    assert written["laws"].keys() == set(FORMS)
    for form, law_of in written["laws"].items():
        assert law_of.keys() == {"parameters", "parameters_without_embeddings"}
        for law in law_of.values():
            names = scaling_report.QUANTITIES.keys() - (set() if form == "hoffmann" else {"irreducible_loss"})
            assert law.keys() == names | {"r_squared", "mean_absolute_log_error"}
            for name in names:
                assert law[name]["low"] <= law[name]["high"] and law[name].keys() == {"value", "low", "high", "decided"}
            assert law["r_squared"] > 0.7 and law["mean_absolute_log_error"] < 0.1
        assert len(written["left_out"]["parameters"]["laws"][form]["runs"]) == 3
    assert len(written["advice"]) == 4
    assert {"epochs", "learning_rate", "operations", "compute", "steps", "parameters_without_embeddings"} <= written[
        "runs"
    ][0].keys()
    assert Image.open(folder / "out" / "scaling.png").size[0] > 600


def test_an_interrupted_experiment_goes_on_and_ends_in_the_same_losses(experiment, tmp_path, monkeypatch):
    folder, results = experiment
    plan = read_json(folder / "out" / "plan.json")
    plan["done"] = plan["done"][:-2]
    write_json(tmp_path / "plan.json", plan)
    whole, asked = scaling_law.train_run, []

    def train(one, corpus):
        asked.append(one.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return whole(one, corpus)

    monkeypatch.setattr(scaling_law, "train_run", train)
    text = ["--text", folder / "text.txt", "--out", tmp_path, "--resume"]
    assert run("scaling-law", *text) == 130
    assert run("scaling-law", *text) == 0
    names = [one["name"] for one in results["runs"]]
    assert asked == [names[-2], names[-1], names[-1]]
    resumed = read_json(tmp_path / "results.json")
    assert [one["loss"] for one in resumed["runs"]] == [one["loss"] for one in results["runs"]]
    assert resumed["laws"] == results["laws"]


def test_the_figure_shows_every_run_on_both_sides_and_labels_each_size(experiment):
    runs = experiment[1]["runs"]
    figure = scaling_curves(runs, law_of(0.4, 0.5), "What size is worth")
    for axes in figure.axes:
        dots = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
        assert sorted(line.get_ydata()[0] for line in dots) == sorted(one["loss"] for one in runs)
    sizes = {scaling.short_number(one["parameters"]) for one in runs}
    assert {text.get_text() for text in figure.axes[1].texts} == sizes
    with pytest.raises(MinimmError, match="0 amounts of data"):
        scaling_curves([], law_of(0.4, 0.5), "nothing")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--text", "nowhere.txt"], "nowhere.txt"),
        (["--minutes", "-1"], "minutes=-1.0 must be above 0"),
        (["--tokens", "1000"], "the smallest of 200 steps"),
    ],
)
def test_bad_input_ends_in_one_sentence(options, said, refused, tmp_path):
    assert said in refused("scaling-law", *options, "--out", tmp_path / "out")


def test_a_text_too_short_and_a_plan_of_another_text_are_refused(refused, experiment, tmp_path):
    (tmp_path / "short.txt").write_text("too short " * 100, encoding="utf-8")
    assert "at least 40,960" in refused("scaling-law", "--text", tmp_path / "short.txt", "--out", tmp_path)
    (tmp_path / "other.txt").write_text(TEXT[1:], encoding="utf-8")
    options = ["--out", experiment[0] / "out", "--resume"]
    assert "belongs to another text" in refused("scaling-law", "--text", tmp_path / "other.txt", *options)
    text = experiment[0] / "text.txt"
    assert "seed 0, not 1" in refused("scaling-law", "--text", text, *options, "--seed", 1)


def test_the_examples_in_the_docstrings_are_true():
    for module in (power_law, scaling, scaling_report, scaling_training):
        assert doctest.testmod(module).failed == 0
