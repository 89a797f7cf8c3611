"""Data made to be biased are as biased as they say, and in nothing else; what is measured on is balanced."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.datasets.coloured_shapes import ColouredShapes
from minimm.datasets.grouped import Grouped, associated_groups, balanced_cells
from minimm.datasets.grouped_texts import GroupedText, read_grouped
from minimm.datasets.visitor_reviews import GROUPS as VISITORS
from minimm.datasets.visitor_reviews import VisitorReviews
from minimm.datasets.vowels import GROUPS, SHARES, Vowels
from minimm.errors import MinimmError
from minimm.fairness.swapping import Swapper
from minimm.features.audio import log_mel
from minimm.features.audio_augmentation import warp_frequencies
from minimm.features.image import recolour
from minimm.features.vowel_synthesis import WIDTHS, resonance, synthesize_vowels

seeds = st.integers(0, 9999)


class TestGrouped:
    def test_cells_number_labels_in_groups(self):
        labels, groups = balanced_cells(12, 2, 3)
        data = Grouped(torch.zeros(12), labels, groups, torch.zeros(12), ("a", "b"), ("x", "y", "z"))
        assert data.cells.bincount().tolist() == [2] * 6 == [2] * data.num_cells and len(data) == 12
        assert (data.cells // 3 == labels).all() and (data.cells % 3 == groups).all()

    @given(st.floats(0, 1), seeds)
    @settings(max_examples=20)
    def test_labels_and_groups_go_together_as_often_as_asked(self, association, seed):
        labels = torch.arange(4000) % 2
        groups = associated_groups(labels, association, torch.Generator().manual_seed(seed))
        assert (groups == labels).double().mean().item() == pytest.approx((1 + association) / 2, abs=0.04)

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match=r"a label, a group and a counterfactual, but there are \[2, 3\]"):
            Grouped(torch.zeros(3), torch.zeros(3), torch.zeros(2), torch.zeros(3), (), ())
        with pytest.raises(MinimmError, match="count=10 must be a multiple of 4"):
            balanced_cells(10, 2, 2)
        with pytest.raises(MinimmError, match="association=1.5 must be"):
            associated_groups(torch.zeros(1), 1.5, torch.Generator())


class TestColouredShapes:
    def test_colours_go_with_shapes_as_often_as_it_says(self):
        drawn = ColouredShapes(0.8).draw(2000, seed=1)
        assert (drawn.labels == drawn.groups).double().mean().item() == pytest.approx(0.9, abs=0.03)
        again = ColouredShapes(0.8).draw(2000, seed=1)
        assert drawn.inputs.equal(again.inputs) and drawn.inputs.min() >= 0 and drawn.inputs.max() <= 1
        assert ColouredShapes(1.0).balanced(400, seed=0).cells.bincount().tolist() == [100] * 4

    def test_a_recoloured_picture_has_the_colours_of_the_other_group(self):
        """In every channel: a shade that only recoloured pictures had would give the group away."""
        data = ColouredShapes(noise=0.0).balanced(400, seed=2)
        for group in (0, 1):
            recoloured, real = data.counterfactuals[data.groups == group], data.inputs[data.groups == 1 - group]
            darkest = [images.flatten(2).amin(dim=2).mean(dim=0) for images in (recoloured, real)]
            torch.testing.assert_close(*darkest, atol=0.02, rtol=0)

    def test_groups_are_what_is_to_be_seen(self):
        """The mean of red over blue where a picture is darkest tells the group."""
        data = ColouredShapes(noise=0.0).balanced(80, seed=2)
        grey = data.inputs.mean(dim=1).flatten(1)
        place = grey.argmin(dim=1)
        red, _, blue = (data.inputs[:, channel].flatten(1).gather(1, place[:, None])[:, 0] for channel in range(3))
        assert ((blue > red).long() == data.groups).all()

    @given(seeds)
    @settings(max_examples=10)
    def test_recoloured_twice_is_as_it_was_and_once_is_the_other_group(self, seed):
        data = ColouredShapes(noise=0.0).balanced(8, seed)
        assert recolour(recolour(data.inputs)).equal(data.inputs) and data.counterfactuals.equal(recolour(data.inputs))
        difference = (data.inputs - data.counterfactuals).abs().amax(dim=(1, 2, 3))
        assert (difference > 0.3).all()
        grey = torch.full((2, 3, 4, 4), 0.7)
        assert recolour(grey).equal(grey)

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="association=-1"):
            ColouredShapes(-1)
        with pytest.raises(MinimmError, match=r"recolour needs pictures"):
            recolour(torch.zeros(4, 4))


class TestVisitorReviews:
    def test_moods_go_with_where_somebody_is_from(self):
        drawn = VisitorReviews(0.6).draw(3000, seed=4)
        agree = np.mean([(one.mood == "positive") == (one.group == "northern") for one in drawn])
        assert agree == pytest.approx(0.8, abs=0.03)
        assert drawn[:50] == VisitorReviews(0.6).draw(3000, seed=4)[:50]

    def test_a_counterfactual_is_the_swapped_review(self):
        swap = Swapper("en", [VISITORS])
        for one in VisitorReviews().draw(200, seed=5):
            assert one.group in one.text and swap(one.text) == one.counterfactual != one.text

    def test_what_is_measured_on_is_balanced(self):
        reviews = VisitorReviews(1.0).balanced(400, seed=0)
        counts = {}
        for one in reviews:
            counts[one.mood, one.group] = counts.get((one.mood, one.group), 0) + 1
        assert set(counts.values()) == {100} and len(counts) == 4

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="count=6 must be a multiple of 4"):
            VisitorReviews().balanced(6, seed=0)


class TestVowels:
    @given(st.floats(80, 300), st.floats(250, 1000), seeds)
    @settings(max_examples=20, deadline=None)
    def test_a_vowel_has_the_multiples_of_its_pitch_and_nothing_else(self, pitch, first, seed):
        wave = synthesize_vowels(
            np.array([pitch]), np.array([[first, 1500.0, 2500.0]]), 8000, 0.5, np.random.default_rng(seed)
        )[0]
        assert wave.shape == (4000,) and np.abs(wave).max() == pytest.approx(1.0)
        power = np.abs(np.fft.rfft(wave * np.hanning(4000))) ** 2
        frequencies = np.fft.rfftfreq(4000, 1 / 8000)
        near = np.abs(frequencies / pitch - np.round(frequencies / pitch)) * pitch < 8  # Hz
        assert power[near].sum() > 0.99 * power.sum()

    @given(st.floats(200, 3500), st.floats(40, 200))
    def test_a_resonance_is_highest_near_its_centre(self, centre, width):
        frequency = np.linspace(1, 4000, 4000)
        level = resonance(frequency, np.array(centre), np.array(width))
        assert abs(frequency[level.argmax()] - centre) <= width + 1
        assert resonance(np.array(0.0), np.array(centre), np.array(width)) == pytest.approx(1.0)

    def test_speakers_are_as_many_as_asked_and_differ_as_measured(self):
        drawn = Vowels().draw(3000, seed=1)
        np.testing.assert_allclose(drawn.groups.bincount() / 3000, SHARES, rtol=0.3)
        balanced = Vowels().balanced(300, seed=0)
        assert balanced.cells.bincount().tolist() == [10] * 30
        bands = torch.arange(balanced.inputs.shape[2]).double()
        level = (balanced.inputs.double() + 1).mean(dim=1)  # (N, bands)
        centre = (level * bands).sum(dim=1) / level.sum(dim=1)
        means = [centre[balanced.groups == group].mean().item() for group in range(len(GROUPS))]
        assert means == sorted(means)  # shorter throats have higher resonances

    def test_a_counterfactual_sounds_more_like_the_other_groups(self):
        """A child's vowels, warped to a longer throat, have their energy lower, and a man's higher."""
        data = Vowels().balanced(600, seed=3)
        bands = torch.arange(data.inputs.shape[2]).double()

        def centre(heard):
            level = (heard.double() + 1).mean(dim=1)
            return (level * bands).sum(dim=1) / level.sum(dim=1)

        moved = centre(data.counterfactuals) - centre(data.inputs)
        assert moved[data.groups == 0].mean() > 0.05 and moved[data.groups == 2].mean() < -0.05

    def test_measured_figures_are_read_whole(self):
        source = Vowels()
        assert source.means.shape == (3, 10, 4) and source.labels[0] == "heed"
        assert source.means[2, 9].tolist() == [261, 560, 1820, 2160]  # a child's "heard"

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="must be 3 numbers from 0 to 1 that sum to 1"):
            Vowels((0.5, 0.5, 0.5))
        with pytest.raises(MinimmError, match=r"a pitch \(N,\) and formants \(N, 3\)"):
            synthesize_vowels(np.ones(2), np.ones((2, 2)), 8000, 1.0, np.random.default_rng(0))
        with pytest.raises(MinimmError, match="the pitch below half of sample_rate=100"):
            synthesize_vowels(np.full(1, 60.0), np.full((1, len(WIDTHS)), 500.0), 100, 1.0, np.random.default_rng(0))


class TestWarp:
    @given(st.integers(1, 3), st.integers(2, 20), seeds)
    def test_a_factor_of_one_changes_nothing(self, count, bands, seed):
        heard = torch.randn(count, 4, bands, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(warp_frequencies(heard, torch.ones(count), 8000), heard, atol=2e-4, rtol=1e-4)

    @given(st.floats(0.8, 1.3), st.floats(600, 2000))
    @settings(deadline=None, max_examples=20)
    def test_a_tone_is_moved_by_its_factor(self, factor, pitch):
        """A tone at f, stretched, is a tone at factor f, to within a band."""
        time = np.arange(4000) / 8000
        tone, moved = (
            torch.from_numpy(log_mel(np.sin(2 * np.pi * f * time).astype(np.float32), 8000, 40))
            for f in (pitch, factor * pitch)
        )
        found = warp_frequencies(tone[None], torch.tensor([factor]), 8000)[0]
        assert abs(int(found.mean(dim=0).argmax()) - int(moved.mean(dim=0).argmax())) <= 1

    def test_bad_input_is_explained(self):
        with pytest.raises(MinimmError, match="a factor above 0 for each"):
            warp_frequencies(torch.zeros(1, 2, 3), torch.zeros(1), 8000)


class TestGroupedTexts:
    def test_lines_are_read(self, tmp_path):
        file = tmp_path / "texts.tsv"
        file.write_text("good\tnorth\tA fine\tday\nbad\tsouth\tRain.\n", "utf-8")
        assert read_grouped(file) == [GroupedText("good", "north", "A fine\tday"), GroupedText("bad", "south", "Rain.")]

    @pytest.mark.parametrize(
        "contents, sentence", [("good\tnorth\n", "line 1: 'good.tnorth' is not label"), ("", "is empty")]
    )
    def test_bad_input_is_explained(self, tmp_path, contents, sentence):
        (tmp_path / "texts.tsv").write_text(contents, "utf-8")
        with pytest.raises(MinimmError, match=sentence):
            read_grouped(tmp_path / "texts.tsv")
