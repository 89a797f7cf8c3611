"""Remedies do to learning what they say, changes come with honest intervals, and what has learned is seen to be fairer."""

from __future__ import annotations

import statistics
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.coloured_shapes import ColouredShapes
from minimm.datasets.occupations import Occupations
from minimm.datasets.vowels import Vowels
from minimm.errors import MinimmError
from minimm.fairness.adversarial import REMEMBERED, Adversary
from minimm.fairness.classifier import GroupedClassifier, build_encoder, padded
from minimm.fairness.learning import Steps, drawn_inputs, learn_classifier, predictions
from minimm.fairness.probability_gap import gap_by_chance, probability_gap_value
from minimm.fairness.remedies import PLAIN, Remedy, remedies
from minimm.fairness.seeds import QUANTILES, paired_change
from minimm.fairness.studies import STUDIES, Study, study
from minimm.fairness.writing import learn_language_model, log_probabilities, perplexity_of, told_tokens
from minimm.layers.initialization import initialize
from minimm.plots.trade_off import trade_off
from minimm.runs.bias import measure_bias, summed_up
from minimm.tokenizers import WordPieceTokenizer
from minimm.training.probing import linear_probe

seeds = st.integers(0, 9999)


def classifier(inputs, labels=2, vocab_size=20):
    model = GroupedClassifier(build_encoder(inputs, vocab_size), labels)
    initialize(model, torch.Generator().manual_seed(0))
    return model.eval()


KINDS = {
    "pictures": torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)),
    "log-mels": torch.rand(3, 9, 8, generator=torch.Generator().manual_seed(0)),
    "texts": torch.tensor([[1, 2, 3, 0], [4, 5, 6, 7], [2, 0, 0, 0]]),
}


class TestClassifier:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_nudge_of_nothing_changes_nothing_and_a_nudge_goes_in_at_the_door(self, kind):
        inputs, model = KINDS[kind], classifier(KINDS[kind])
        features, came_in = model.nudged(inputs, None)
        torch.testing.assert_close(features, model.features(inputs))
        assert came_in.requires_grad and len(came_in) == 3
        same, _ = model.nudged(inputs, torch.zeros_like(came_in))
        other, _ = model.nudged(inputs, torch.ones_like(came_in).cumsum(dim=-1))
        torch.testing.assert_close(same, features)
        assert (other - features).abs().max() > 1e-3
        torch.testing.assert_close(model.features(inputs), features)  # the door is closed again

    def test_padding_changes_no_text(self):
        model = classifier(KINDS["texts"])
        torch.testing.assert_close(model(padded([[4, 5]])), model(padded([[4, 5], [1] * 9]))[:1])

    def test_texts_beyond_the_context_are_cut(self):
        assert padded([[1] * 500, [2]]).shape == (2, 96)


class TestLearning:
    @given(seeds, st.booleans())
    def test_augmentation_takes_either_as_it_is_or_as_it_would_be(self, seed, augmented):
        data = ColouredShapes(image_size=16).draw(6, seed=1)
        rows = torch.arange(6).repeat(8)
        found = drawn_inputs(data, rows, Remedy(augmented=augmented), torch.Generator().manual_seed(seed))
        own = (found == data.inputs[rows]).flatten(1).all(dim=1)
        other = (found == data.counterfactuals[rows]).flatten(1).all(dim=1)
        assert (own ^ other).all() and own.all() != augmented

    def test_an_adversary_grows_slowly_from_nothing(self):
        strengths = [step.adversary_strength for step in Steps(torch.nn.Linear(2, 2), Remedy(adversary=2.0), 10, 1e-3)]
        assert strengths == pytest.approx([2.0 * (step / 10) ** 2 for step in range(10)])

    @pytest.mark.parametrize("remedy", [Remedy(balanced=True), Remedy(robust=True), Remedy(adversary=1.0), PLAIN])
    def test_rare_parts_come_as_often_where_the_remedy_asks_for_it(self, remedy):
        parts = torch.tensor([0] * 99 + [1])
        steps = Steps(torch.nn.Linear(2, 2), remedy, 1, 1e-3)
        rows = torch.cat([steps.draw(100, parts, torch.Generator().manual_seed(seed)) for seed in range(20)])
        share = parts[rows].double().mean().item()
        assert share == pytest.approx(0.01 if remedy is PLAIN else 0.5, abs=0.05)

    @pytest.mark.parametrize("remedy", remedies(), ids=lambda remedy: remedy.name)
    def test_every_remedy_learns_and_the_same_seed_learns_the_same(self, remedy):
        data = Vowels((0.5, 0.5, 0.0)).draw(200, seed=0)  # a group that never occurs
        before = (predictions(classifier(data.inputs, 10), data)[0] == data.labels).double().mean()
        one, two = (learn_classifier(data, remedy, parts=data.groups, steps=25, seed=3) for _ in range(2))
        first, second = predictions(one, data)[0], predictions(two, data)[0]
        assert first.equal(second)
        assert (first == data.labels).double().mean() > before + 0.15

    def test_each_remedy_changes_what_it_is_called_by(self):
        decay, even = "weight_decay", "balanced"
        wanted = {
            "augmentation": {"augmented"},
            "dropout": {"dropout"},
            "weight decay": {decay},
            "label smoothing": {"label_smoothing"},
            "balanced sampling": {even},
            "balanced and decay": {even, decay},
            "group-robust loss": {"robust", decay},
            "fast gradient": {"fast_gradient"},
            "adversary": {"adversary", decay},
        }
        found = remedies()
        assert found[0] == PLAIN and [remedy.name for remedy in found[1:]] == list(wanted)
        for remedy in found[1:]:
            changed = {one.name for one in fields(remedy) if getattr(remedy, one.name) != getattr(PLAIN, one.name)}
            assert changed - {"name"} == wanted[remedy.name]

    @pytest.mark.parametrize("other", [{"balanced": True}, {"robust": True}, {"adversary": 1.0}])
    def test_swapped_examples_and_their_groups_do_not_go_together(self, other):
        with pytest.raises(MinimmError, match="swaps examples and goes by their groups"):
            Remedy("both", augmented=True, **other)

    @pytest.mark.slow
    def test_a_robust_loss_lifts_the_worst_off_and_an_adversary_hides_the_group(self):
        source = ColouredShapes()
        learned, measured = source.draw(3000, seed=0), source.balanced(800, seed=1)
        worst, probe = {}, {}
        for name, remedy in (
            ("plain", PLAIN),
            ("robust", Remedy(robust=True, weight_decay=3.0)),
            ("adversary", Remedy(adversary=2.0)),
        ):
            model = learn_classifier(learned, remedy, parts=learned.cells, steps=300)
            predicted, features = predictions(model, measured)
            right = (predicted == measured.labels).double()
            worst[name] = min(right[measured.cells == cell].mean().item() for cell in range(4))
            probe[name] = linear_probe(features.clone(), measured.groups.tolist()).accuracy
        assert worst["robust"] > worst["plain"] + 0.15 and worst["adversary"] > worst["plain"] + 0.15
        assert probe["plain"] > 0.9 and probe["adversary"] < 0.65


class TestAdversary:
    def test_it_reads_what_is_there_and_only_that(self):
        generator = torch.Generator().manual_seed(0)
        groups, labels = torch.arange(256) % 2, torch.arange(256) // 2 % 2
        told = torch.randn(256, 8, generator=generator) + 3 * groups[:, None]
        adversary = Adversary(8, 2, 2, generator)
        for _ in range(20):
            adversary.practise(told, labels, groups)
        assert adversary(told, labels, groups, 1.0).item() < 0.1
        mute = torch.randn(256, 8, generator=generator)
        assert adversary(mute, labels, groups, 1.0).item() > 0.6

    def test_a_group_cannot_hide_in_a_direction_that_hardly_differs(self):
        generator = torch.Generator().manual_seed(0)
        groups, labels = torch.arange(256) % 2, torch.zeros(256, dtype=torch.int64)
        told = torch.cat([torch.randn(256, 7, generator=generator), 1e-2 * (groups[:, None] - 0.5)], dim=1)
        adversary = Adversary(8, 2, 2, generator)
        for _ in range(20):
            adversary.practise(told, labels, groups)
        assert adversary(told, labels, groups, 1.0).item() < 0.1

    def test_it_learns_from_the_last_batches_together_and_forgets_older_ones(self):
        def batch(number):
            generator = torch.Generator().manual_seed(number)
            return torch.randn(8, 4, generator=generator), torch.arange(8) % 2, torch.arange(8) // 2 % 2

        def after(numbers):
            adversary = Adversary(4, 2, 2, torch.Generator().manual_seed(0))
            first = {name: tensor.clone() for name, tensor in adversary.state_dict().items()}
            for number in numbers[:-1]:
                adversary.practise(*batch(number))
            adversary.load_state_dict(first)  # so that what is learned before the last batch is known by memory alone
            adversary.optimizer.state.clear()
            adversary.practise(*batch(numbers[-1]))
            return adversary.output.weight.detach().clone()

        recent = list(range(REMEMBERED))
        assert after([99, *recent]).equal(after(recent))
        assert not after([99, *recent[1:]]).equal(after(recent))

    def test_what_goes_back_is_turned_round(self):
        generator = torch.Generator().manual_seed(1)
        features = torch.randn(16, 4, generator=generator, requires_grad=True)
        labels, groups = torch.arange(16) % 2, torch.arange(16) // 2 % 2
        adversary = Adversary(4, 2, 2, generator)
        (own,) = torch.autograd.grad(adversary(features, labels, groups, 0.0), features)
        (turned,) = torch.autograd.grad(adversary(features, labels, groups, 2.0), features)
        assert own.abs().max() == 0 and turned.abs().max() > 0
        moved = (features - 0.1 * turned).detach()  # a step down what the features are told
        assert adversary(moved, labels, groups, 0.0) > adversary(features, labels, groups, 0.0)


class TestSeeds:
    @given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=len(QUANTILES) + 1))
    def test_intervals_are_students(self, pairs):
        stats = pytest.importorskip("scipy.stats")
        before, after = zip(*pairs, strict=True)
        changes = np.subtract(after, before)
        found = paired_change(before, after)
        half = stats.t.ppf(0.975, len(pairs) - 1) * changes.std(ddof=1) / len(pairs) ** 0.5
        assert found.value == pytest.approx(changes.mean(), abs=1e-9)
        assert found.high - found.value == pytest.approx(half, rel=1e-3, abs=1e-9)

    def test_an_interval_covers_the_truth_as_often_as_it_says(self):
        generator = np.random.default_rng(0)
        covered = 0
        for _ in range(2000):
            after = generator.normal(0.3, 1.0, 5)
            interval = paired_change([0.0] * 5, after.tolist())
            covered += interval.low <= 0.3 <= interval.high
        assert covered / 2000 == pytest.approx(0.95, abs=0.02)

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="of 2 to 16 seeds, but there are 1 and 1"):
            paired_change([1.0], [1.0])


def fake_study(high=True):
    return Study((PLAIN, Remedy("other", balanced=True)), lambda *_: {}, "bias", "quality", high)


def fake_runs(bias, quality):
    """Plain runs of 1.0 each, and others that differ by about that much."""
    runs = {}
    for seed in range(5):
        rest = {"probe": 0.5, "probe_chance": 0.5, "seconds": 1.0}
        runs["plain", seed] = {"bias": 1.0, "quality": 1.0, **rest}
        runs["other", seed] = {"bias": 1.0 + bias + 0.01 * seed, "quality": 1.0 + quality + 0.01 * seed, **rest}
    return runs


class TestSummary:
    @pytest.mark.parametrize(
        "bias, quality, high, verdict",
        [
            (-0.5, -0.02, True, "less bias"),
            (-0.5, -0.5, True, "less bias, worse quality"),
            (-0.5, -0.5, False, "less bias, better quality"),
            (0.5, 0.5, False, "more bias, worse quality"),
            (-0.02, -0.5, True, "no clear effect"),
        ],
    )
    def test_nothing_is_credited_without_its_interval(self, bias, quality, high, verdict):
        row = summed_up(fake_study(high), fake_runs(bias, quality))["remedies"]["other"]
        assert row["verdict"] == verdict
        assert row["changes"]["bias"]["value"] == pytest.approx(bias + 0.02)
        assert not row["changes"]["probe"]["is_clear"]
        assert row["bias"] == pytest.approx(statistics.fmean(1.0 + bias + 0.01 * seed for seed in range(5)))

    def test_a_figure_is_drawn_of_any_number_of_data_sets(self):
        rows = summed_up(fake_study(), fake_runs(-0.5, 0.1))
        for count in (1, 2, 5):
            figure = trade_off({f"data {number}": rows for number in range(count)})
            assert sum(axes.get_xlabel() != "" for axes in figure.axes) == count
        with pytest.raises(MinimmError, match="no data set to draw"):
            trade_off({})

    def test_bad_input_is_explained(self, tmp_path):
        with pytest.raises(MinimmError, match="--data weather is not known; choose from occupations"):
            measure_bias(["weather"], tmp_path)
        with pytest.raises(MinimmError, match="--seeds 1 must be from 2"):
            measure_bias(["speech"], tmp_path, seeds=1)


class TestWriting:
    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_a_sentence_and_its_counterfactual_differ_in_their_pronoun_alone(self, language):
        told = Occupations(0.9, language).draw(300, seed=0)
        texts = [text for one in told for text in (one.text, one.counterfactual)]
        data = told_tokens(told, WordPieceTokenizer.train(texts, 1000))
        assert ((data.inputs != data.counterfactuals).sum(dim=1) == 1).all()

    def test_probabilities_are_those_of_the_tokens(self):
        told = Occupations(0.5).draw(60, seed=0)
        tokenizer = WordPieceTokenizer.train([text for one in told for text in (one.text, one.counterfactual)], 400)
        data = told_tokens(told, tokenizer)
        model = learn_language_model(data, PLAIN, vocab_size=tokenizer.vocab_size, steps=2)
        ids = data.inputs[0][data.inputs[0] != 0]
        with torch.inference_mode():
            logits = model(ids[None, :-1])[0].log_softmax(dim=-1)
        own = logits[torch.arange(len(ids) - 1), ids[1:]].sum().item()
        assert log_probabilities(model, data.inputs)[0].item() == pytest.approx(own, abs=1e-3)
        assert perplexity_of(model, ids[None]) == pytest.approx(np.exp(-own / (len(ids) - 1)), rel=1e-3)

    @pytest.mark.slow
    def test_swapped_sentences_close_the_gap(self):
        which = study("occupations")
        plain, augmented = (which.run(remedy, 0) for remedy in which.remedies[:2])
        assert plain["gap"] > 1.0 and augmented["gap"] < 0.3 * plain["gap"]
        assert augmented["perplexity"] < 1.03 * plain["perplexity"]


class TestGapByChance:
    def test_a_true_gap_is_found_and_p_values_are_uniform_without_one(self):
        generator = np.random.default_rng(0)
        subjects = [f"job {number % 6}" for number in range(60)]
        p_values = [gap_by_chance(generator.normal(size=60), subjects, rounds=39, seed=seed)[1] for seed in range(200)]
        assert np.mean(np.array(p_values) <= 0.25) == pytest.approx(0.25, abs=0.09)
        told = [float(subject == "job 0") for subject in subjects]
        chance, p_value = gap_by_chance(told, subjects)
        assert p_value < 0.01 and chance < probability_gap_value(told, subjects)


def test_all_studies_have_the_plain_way_first():
    for name in STUDIES:
        assert study(name).remedies[0] == PLAIN
