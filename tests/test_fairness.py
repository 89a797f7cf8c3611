"""Measures of bias are those of their definitions, p-values and intervals keep what they promise, a swap undone is no swap."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minimm.datasets.occupations import GROUPS, Occupations
from minimm.errors import MinimmError
from minimm.fairness import association as association_module
from minimm.fairness.adversarial import fast_gradient, reverse_gradient
from minimm.fairness.association import association, association_test
from minimm.fairness.groups import (
    demographic_parity_difference,
    equalized_odds_difference,
    group_accuracies,
    spread_p_value,
    worst_group_accuracy,
)
from minimm.fairness.probability_gap import preferences, probability_gap
from minimm.fairness.robust import GroupRobustLoss, balanced_rows, group_means
from minimm.fairness.swapping import Swapper
from minimm.metrics.intervals import bootstrap, share_interval

seeds = st.integers(0, 9999)


def cosine(u, v):
    return float(np.dot(u, v) / math.sqrt(np.dot(u, u) * np.dot(v, v)))


class TestShares:
    @given(st.integers(1, 40), st.integers(0, 40))
    def test_wilsons_interval_is_that_of_its_equation(self, count, right):
        """Its edges are the shares from which what was seen is just 1.96 standard errors away."""
        right = min(right, count)
        found = share_interval([True] * right + [False] * (count - right))
        p = right / count
        assert 0 <= found.low <= p <= found.high <= 1 and found.low < found.high
        for edge in (found.low, found.high):
            if 1e-9 < edge < 1 - 1e-9:
                assert abs(p - edge) == pytest.approx(
                    1.959964 * math.sqrt(edge * (1 - edge) / count), rel=1e-4, abs=1e-9
                )

    def test_chance_alone_seldom_looks_like_a_difference(self):
        generator = np.random.default_rng(0)
        groups = ["a", "b", "c"] * 20
        p_values = [spread_p_value(generator.random(60) < 0.7, groups, rounds=99, seed=seed) for seed in range(150)]
        assert np.mean(np.array(p_values) <= 0.1) < 0.17
        assert spread_p_value([True] * 30 + [False] * 30, ["a"] * 30 + ["b"] * 30) < 0.01

    def test_an_interval_of_a_distance_holds_it_and_groups_do_not_vanish(self):
        seen = []
        found = bootstrap(
            lambda rows: seen.append(set((rows >= 18).tolist())) or float(abs(rows.mean() - 9.5)),
            20,
            rounds=50,
            signed=False,
            strata=["a"] * 18 + ["b"] * 2,
        )
        assert all(kinds == {True, False} for kinds in seen) and found.low <= found.value <= found.high


class TestAssociation:
    @given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(2, 5), seeds)
    def test_numbers_are_those_of_the_published_definition(self, half, num_a, num_b, width, seed):
        """Written out word by word, as in the paper."""
        generator = np.random.default_rng(seed)
        x, y, a, b = (generator.normal(size=(count, width)) for count in (half, half, num_a, num_b))

        def s(w):
            return sum(cosine(w, one) for one in a) / num_a - sum(cosine(w, one) for one in b) / num_b

        def statistic(first, second):
            return sum(map(s, first)) - sum(map(s, second))

        found = association_test(x, y, a, b)
        words = [*x, *y]
        assert found.statistic == pytest.approx(statistic(x, y), abs=1e-9)
        scores = [s(word) for word in words]
        mean = sum(scores) / len(scores)
        deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
        assume(deviation > 1e-6)
        effect = (sum(scores[:half]) - sum(scores[half:])) / half / deviation
        assert found.effect_size == pytest.approx(effect, abs=1e-6) and abs(found.effect_size) <= 2 + 1e-9
        ways = list(combinations(range(2 * half), half))
        larger = 0
        for chosen in ways:
            rest = [index for index in range(2 * half) if index not in chosen]
            larger += statistic([words[i] for i in chosen], [words[i] for i in rest]) >= statistic(x, y) - 1e-9
        assert found.is_exact and found.p_value == pytest.approx(larger / len(ways))

    def test_p_values_are_uniform_where_there_is_nothing_to_find(self):
        """Sets drawn from the same distribution: about a tenth of the p-values lie in each tenth."""
        generator = np.random.default_rng(0)
        found = []
        for _ in range(2000):
            x, y, a, b = (generator.normal(size=(4, 6)) for _ in range(4))
            found.append(association_test(x, y, a, b).p_value)
        shares = np.histogram(found, bins=10, range=(0, 1))[0] / len(found)
        assert (
            np.abs(np.sort(found) - np.linspace(0, 1, len(found))).max() < 0.05
        )  # Kolmogorov's distance; 70 ways are a grid
        assert shares.min() > 0.06 and shares.max() < 0.14

    @given(seeds)
    @settings(max_examples=10)
    def test_drawn_ways_come_near_to_all_of_them(self, seed):
        generator = np.random.default_rng(seed)
        x, y, a, b = (generator.normal(size=(7, 4)) for _ in range(4))
        exact = association_test(x, y, a, b)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(association_module, "ENUMERATED", 10)
            drawn = association_test(x, y, a, b, ways=4000)
        assert exact.is_exact and exact.ways == math.comb(14, 7) and not drawn.is_exact and drawn.ways == 4000
        assert drawn.p_value == pytest.approx(exact.p_value, abs=0.04)

    @given(seeds)
    def test_the_other_way_round_is_the_opposite(self, seed):
        generator = np.random.default_rng(seed)
        x, y, a, b = (generator.normal(size=(3, 4)) for _ in range(4))
        found, turned = association_test(x, y, a, b), association_test(y, x, a, b)
        assert turned.statistic == pytest.approx(-found.statistic) and turned.effect_size == pytest.approx(
            -found.effect_size
        )
        np.testing.assert_allclose(association(x, a, b), -association(x, b, a))

    def test_bad_input_is_explained(self):
        x = np.ones((2, 3))
        with pytest.raises(MinimmError, match="alike in size, not 2 and 1"):
            association_test(x, x[:1], x, x)
        with pytest.raises(MinimmError, match=r"b is \(0, 3\)"):
            association(x, x, x[:0])
        with pytest.raises(MinimmError, match="points nowhere"):
            association(x, x, np.zeros((1, 3)))


rows = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from(["a", ("woman", "old"), ("woman", "young")])),
    min_size=1,
    max_size=40,
)


class TestGroups:
    @given(rows)
    def test_they_are_those_of_the_definitions(self, data):
        labels, predicted, groups = (list(column) for column in zip(*data, strict=True))
        found = group_accuracies(labels, predicted, groups)
        assert list(found) == list(dict.fromkeys(groups))
        for group, accuracy in found.items():
            own = [label == guess for label, guess, one in data if one == group]
            assert accuracy == pytest.approx(sum(own) / len(own))
        assert worst_group_accuracy(labels, predicted, groups) == min(found.values())
        if len(found) > 1:
            rates = [sum(g for _, g, one in data if one == group) / groups.count(group) for group in found]
            assert demographic_parity_difference(predicted, groups, True) == pytest.approx(max(rates) - min(rates))
        kinds = {(label, group) for label, _, group in data}
        if len(found) > 1 and len(kinds) == 2 * len(found):
            gaps = []
            for kind in (True, False):
                each = [[g for label, g, one in data if one == group and label == kind] for group in found]
                shares = [sum(guesses) / len(guesses) for guesses in each]
                gaps.append(max(shares) - min(shares))
            assert equalized_odds_difference(labels, predicted, groups, True) == pytest.approx(max(gaps))

    def test_whoever_is_always_right_is_fair_by_odds_and_whoever_never_decides_by_parity(self):
        labels, groups = [1, 0, 1, 0, 0], ["a", "a", "b", "b", "b"]
        assert equalized_odds_difference(labels, labels, groups, 1) == 0
        assert demographic_parity_difference([1] * 5, groups, 1) == 0

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match=r"every example is of \['a'\]"):
            demographic_parity_difference([1, 0], ["a", "a"], 1)
        with pytest.raises(MinimmError, match="the group 'b' has no example whose label is 1"):
            equalized_odds_difference([1, 0, 0], [1, 0, 0], ["a", "a", "b"], 1)
        with pytest.raises(MinimmError, match="alike in number"):
            group_accuracies([1], [1, 0], ["a"])
        with pytest.raises(MinimmError, match="there is no example; give at least one"):
            group_accuracies([], [], [])
        with pytest.raises(MinimmError, match="at least two examples"):
            bootstrap(lambda rows: 0.0, 1)

    def test_an_interval_holds_the_truth_as_often_as_it_says(self):
        held = 0
        for seed in range(200):
            values = np.random.default_rng(seed).normal(0.3, 1.0, 80)
            interval = bootstrap(lambda rows, values=values: values[rows].mean(), 80, rounds=300, seed=seed)
            assert interval.low <= interval.value <= interval.high
            held += interval.low <= 0.3 <= interval.high
        assert 0.88 <= held / 200 <= 0.99

    def test_where_it_covers_zero_it_says_so(self):
        noise = np.random.default_rng(0).normal(0, 1, 50)
        assert "no clear effect" in str(bootstrap(lambda rows: noise[rows].mean(), 50))
        assert bootstrap(lambda rows: 1 + noise[rows].mean(), 50).is_clear
        gap = bootstrap(lambda rows: abs(noise[rows].mean()), 50, signed=False)
        assert "no clear effect" not in str(gap)
        with pytest.raises(MinimmError, match="change between two models"):
            _ = gap.is_clear


class TestSwapping:
    @pytest.mark.parametrize(
        ("told", "swapped"),
        [
            ("The nurse said her patients like her.", "The nurse said his patients like him."),
            ("He gave him his book; it was his.", "She gave her her book; it was hers."),
            ("It is hers, not his.", "It is his, not hers."),
            ("HER father saw her in the garden", "HIS mother saw him in the garden"),
            ("Emma thanked Mr Brown", "James thanked Ms Brown"),
            ("The doctor called her because he was late", "The doctor called him because she was late"),
            ("The heron and the shepherd", "The heron and the shepherd"),
            ("a question mark for Mark", "a question mark for Alice"),
            ("He saw her last winter in her last house", "She saw him last winter in his last house"),
            ("on her way back to her home", "on his way back to his home"),
        ],
    )
    def test_english(self, told, swapped):
        assert Swapper()(told) == swapped

    @pytest.mark.parametrize(
        ("told", "swapped"),
        [
            ("他是医生,她是护士。", "她是医生,他是护士。"),
            ("男孩子们看见了小红", "女孩子们看见了小明"),
            ("其他子女弹吉他", "其他子女弹吉他"),
        ],
    )
    def test_chinese(self, told, swapped):
        assert Swapper("zh")(told) == swapped

    @given(st.lists(st.sampled_from(["the king", "Anna", "saw", "a boy", "and", "herself", "Sons", "it"]), max_size=8))
    def test_twice_is_as_it_was(self, words):
        text, swap = " ".join(words), Swapper()
        assert swap(swap(text)) == text
        assert swap.mentions(text) == any(word not in ("saw", "and", "it") for word in words)

    @given(st.lists(st.sampled_from("他她男人孩好"), max_size=9).map("".join))
    def test_twice_is_as_it_was_in_chinese(self, text):
        assert Swapper("zh")(Swapper("zh")(text)) == text

    def test_names_can_stay(self):
        assert Swapper(names=False)("Emma saw her mother") == "Emma saw his father"
        assert Swapper(pairs=[("nurse", "doctor")])("his nurse saw her") == "his doctor saw her"

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="language='fr' is not known"):
            Swapper("fr")
        with pytest.raises(MinimmError, match="no words to swap"):
            Swapper("en", [])


class TestOccupations:
    @pytest.mark.parametrize("language", ["en", "zh"])
    @pytest.mark.parametrize("association", [0.0, 0.6, 1.0])
    def test_the_corpus_is_as_associated_as_it_says(self, language, association):
        corpus = Occupations(association, language)
        drawn = corpus.draw(6000, seed=1)
        for group in GROUPS:
            own = [told.pronoun == "she" for told in drawn if told.group == group]
            assert np.mean(own) == pytest.approx(corpus.probability_of_she(group), abs=0.04)
        assert drawn == corpus.draw(6000, seed=1) != corpus.draw(6000, seed=2)

    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_a_counterfactual_is_the_swapped_sentence(self, language):
        """Two ways to the same: the pattern filled in with the other pronoun, and the sentence swapped word by word."""
        swap = Swapper(language)
        for told in Occupations(0.9, language).draw(600, seed=3):
            assert swap(told.text) == told.counterfactual and told.text != told.counterfactual
            assert told.occupation in told.text and "{" not in told.text

    def test_what_is_measured_on_is_balanced(self):
        told = Occupations(1.0).balanced(600, seed=0)
        counts = {(group, pronoun): 0 for group in GROUPS for pronoun in ("she", "he")}
        for one in told:
            counts[one.group, one.pronoun] += 1
        assert set(counts.values()) == {100}

    def test_no_occupation_is_in_two_groups(self):
        for language in ("en", "zh"):
            words = [word for group in Occupations(0.5, language).occupations.values() for word in group]
            assert len(set(words)) == len(words) == 24

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="association=2 must be from 0"):
            Occupations(2)
        with pytest.raises(MinimmError, match="must be a multiple of 6"):
            Occupations().balanced(10, seed=0)


class TestProbabilityGap:
    @given(st.dictionaries(st.sampled_from("abcdef"), st.floats(-3, 3), min_size=1), st.floats(-5, 5))
    def test_it_is_the_mean_distance_and_a_preference_for_all_is_no_gap(self, wanted, shift):
        subjects = [subject for subject in wanted for _ in range(3)]
        found = preferences([wanted[subject] + shift for subject in subjects], subjects)
        assert found == pytest.approx({subject: value + shift for subject, value in wanted.items()})
        mean = np.mean(list(wanted.values()))
        gap = probability_gap([wanted[subject] + shift for subject in subjects], subjects).value
        assert gap == pytest.approx(np.mean([abs(value - mean) for value in wanted.values()]), abs=1e-9)

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="1 differences of 2 subjects"):
            preferences([1.0], ["a", "b"])


class TestRobust:
    @given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 3)), min_size=1, max_size=20))
    def test_means_are_those_of_each_group(self, data):
        losses, groups = torch.tensor([loss for loss, _ in data]), torch.tensor([group for _, group in data])
        means, counts = group_means(losses, groups, 4)
        for group in range(4):
            own = [loss for loss, one in data if one == group]
            assert counts[group] == len(own) and means[group].item() == pytest.approx(
                np.mean(own) if own else 0, abs=1e-5
            )

    @given(st.integers(2, 4), seeds)
    def test_the_worst_group_comes_to_count_most(self, num_groups, seed):
        generator = torch.Generator().manual_seed(seed)
        robust, groups = GroupRobustLoss(num_groups, step=0.5), torch.arange(num_groups).repeat(3)
        losses = torch.rand(num_groups, generator=generator).repeat(3)
        first = robust(losses, groups)
        for _ in range(200):
            value = robust(losses, groups)
            assert robust.weights.sum().item() == pytest.approx(1.0, abs=1e-5)
        assert losses.mean() - 1e-5 <= first <= value + 1e-5 and value <= losses.max() + 1e-5
        gap = losses[:num_groups].sort().values
        if gap[-1] - gap[-2] > 0.05:
            assert int(robust.weights.argmax()) == int(losses[:num_groups].argmax())

    def test_when_it_does_not_learn_its_weights_stay(self):
        robust = GroupRobustLoss(2).eval()
        assert robust(torch.tensor([1.0, 3.0]), torch.tensor([0, 1])) == 2.0
        assert (
            robust(torch.tensor([1.0, 3.0]), torch.tensor([1, 1])) == 1.0
        )  # half of the weight is for a group without loss
        assert robust.weights.tolist() == [0.5, 0.5]

    def test_rare_groups_are_drawn_as_often(self):
        groups = torch.tensor([0] * 95 + [1] * 4 + [2])
        rows = balanced_rows(groups, 3000, torch.Generator().manual_seed(0))
        shares = groups[rows].bincount() / 3000
        assert (shares - 1 / 3).abs().max() < 0.04

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="one group alone"):
            GroupRobustLoss(1)
        with pytest.raises(MinimmError, match=r"from 0 to 1, but they are \[2\]"):
            group_means(torch.ones(1), torch.tensor([2]), 2)


class TestAdversarial:
    @given(st.floats(0, 3), seeds)
    def test_reversal_changes_nothing_forward_and_the_sign_backward(self, strength, seed):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), requires_grad=True)
        assert reverse_gradient(x, strength).equal(x)
        (plain,) = torch.autograd.grad(x.sin().sum(), x)
        (turned,) = torch.autograd.grad(reverse_gradient(x, strength).sin().sum(), x)
        torch.testing.assert_close(turned, -strength * plain)

    @given(st.floats(0.01, 2), seeds)
    def test_no_step_of_that_length_makes_a_linear_loss_grow_more(self, radius, seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(2, 3, 4, generator=generator, requires_grad=True)
        weight = torch.randn(2, 3, 4, generator=generator)
        step = fast_gradient(x, (x * weight).sum(), radius)
        torch.testing.assert_close(step.flatten(1).norm(dim=1), torch.full((2,), radius))
        other = torch.randn(2, 3, 4, generator=generator)
        other = radius * other / other.flatten(1).norm(dim=1)[:, None, None]
        assert ((step * weight).flatten(1).sum(dim=1) >= (other * weight).flatten(1).sum(dim=1) - 1e-5).all()

    def test_an_opponent_is_not_helped(self):
        with pytest.raises(MinimmError, match="strength=-1"):
            reverse_gradient(torch.ones(1), -1)
