"""Explanations obey their laws: shares sum to one, contributions to the answer, the last layer's lens is the model itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from minimm.errors import MinimmError
from minimm.interpretation.ablation import ablated_heads
from minimm.interpretation.embedding_map import nearest_neighbours, principal_components
from minimm.interpretation.faithfulness import deletion_curve, insertion_curve, steepness
from minimm.interpretation.gradients import gradient_times_input, integrated_gradients, score_of_embeddings
from minimm.interpretation.head_summary import head_summary
from minimm.interpretation.logit_lens import logit_lens
from minimm.interpretation.recorder import attention_maps
from minimm.interpretation.regions import cover, grad_cam, occlusion, rise
from minimm.interpretation.rollout import attention_flow, attention_rollout, layer_shares
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import SelfAttention
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.probing import linear_probe

seeds = st.integers(0, 999)


def random_weights(layers, heads, length, seed, causal=True):
    scores = torch.randn(layers, heads, length, length, generator=torch.Generator().manual_seed(seed))
    if causal:
        scores = scores.masked_fill(~torch.ones(length, length, dtype=torch.bool).tril(), -math.inf)
    return scores.softmax(dim=-1)


def model_and_ids(seed, layers=2):
    model = LanguageModel(LanguageModelConfig(30, 12, 16, 2, layers))
    initialize(model, torch.Generator().manual_seed(seed), layers)
    return model.eval(), torch.randint(30, (2, 9), generator=torch.Generator().manual_seed(seed))


class TestRollout:
    @given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 7), seeds, st.booleans())
    def test_every_row_is_shared_out_among_the_inputs(self, layers, heads, length, seed, causal):
        rollout = attention_rollout(random_weights(layers, heads, length, seed, causal))
        assert rollout.shape == (length, length) and (rollout >= 0).all()
        torch.testing.assert_close(rollout.sum(dim=-1), torch.ones(length))
        if causal:
            assert rollout.triu(1).eq(0).all()  # nothing comes from what was not read yet

    @given(st.integers(1, 3), st.integers(1, 5))
    def test_layers_that_look_at_themselves_change_nothing(self, layers, length):
        weights = torch.eye(length).expand(layers, 2, length, length)
        torch.testing.assert_close(attention_rollout(weights), torch.eye(length))
        torch.testing.assert_close(attention_flow(weights, length - 1), torch.eye(length)[-1])

    @given(st.integers(1, 5), seeds)
    @settings(max_examples=20)
    def test_one_layer_flows_as_its_shares(self, length, seed):
        weights = random_weights(1, 2, length, seed)
        torch.testing.assert_close(attention_flow(weights, length - 1), layer_shares(weights)[0, -1])

    @given(st.integers(2, 3), st.integers(2, 5), seeds)
    @settings(max_examples=15)
    def test_no_more_flows_than_leaves_the_top_and_no_less_than_the_rollout(self, layers, length, seed):
        """A rollout sends a unit through the pipes without overfilling any, so each of its parts is a flow."""
        weights = random_weights(layers, 2, length, seed)
        for query in (0, length - 1):
            flow = attention_flow(weights, query)
            assert (flow <= 1 + 1e-5).all()
            assert (flow >= attention_rollout(weights)[query] - 1e-5).all()

    def test_what_is_no_self_attention_is_refused(self):
        with pytest.raises(MinimmError, match=r"\(L, H, T, T\).*got \(2, 3, 4, 5\)"):
            attention_rollout(torch.ones(2, 3, 4, 5))
        with pytest.raises(MinimmError, match="choose 0 to 3"):
            attention_flow(torch.ones(1, 1, 4, 4), 4)


class TestHeads:
    @given(st.integers(1, 3), st.integers(3, 8), seeds)
    def test_numbers_are_in_their_ranges(self, layers, length, seed):
        weights = torch.stack([random_weights(layers, 2, length, seed + row) for row in range(3)], dim=1)
        found = head_summary(weights, period=2)
        assert set(found) == {"previous", "first", "entropy", "distance", "induction"}
        for name, value in found.items():
            assert value.shape == (layers, 2) and (value >= 0).all()
            assert (value <= (length if name == "distance" else 1 + 1e-6)).all()

    @given(st.integers(3, 9))
    def test_pure_heads_are_known(self, length):
        def looking(back):
            rows = torch.arange(length)
            return torch.nn.functional.one_hot((rows - back).clamp(min=0), length).float()

        even = torch.ones(length, length).tril()
        period = length // 2 + 1
        weights = torch.stack([looking(1), looking(length), even / even.sum(-1, keepdim=True), looking(period - 1)])
        found = head_summary(weights[None, None], period)
        assert found["previous"][0, 0] == 1 and found["distance"][0, 0] == 1 and found["entropy"][0, 0] == 0
        assert found["first"][0, 1] == 1
        assert found["entropy"][0, 2].item() == pytest.approx(1.0, abs=1e-5)
        assert found["induction"][0, 3] == 1

    def test_a_text_without_repetition_has_no_period(self):
        with pytest.raises(MinimmError, match="period=9 must be at least 2 and smaller than the text of 9"):
            head_summary(torch.ones(1, 1, 1, 9, 9), 9)


class TestAblation:
    @given(seeds)
    @settings(max_examples=10)
    def test_a_head_without_output_is_a_head_that_is_gone(self, seed):
        """To ablate by zero is to set its columns of the output projection to zero; afterwards all is as before."""
        model, ids = model_and_ids(seed)
        before = model(ids)
        with ablated_heads(model, {"blocks.1.attention": [1]}):
            ablated = model(ids)
        with torch.no_grad():
            model.blocks[1].attention.output.weight[:, 8:] = 0.0
        torch.testing.assert_close(ablated, model(ids))
        assert not torch.allclose(ablated, before, atol=1e-6)

    def test_ablation_by_the_mean_keeps_the_mean(self):
        model, ids = model_and_ids(3)
        seen = []
        hook = model.blocks[0].attention.output.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        model(ids)
        hook.remove()
        with ablated_heads(model, {"blocks.0.attention": [0]}, mean=True):
            hook = model.blocks[0].attention.output.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
            model(ids)
            hook.remove()
        whole, mean = seen
        torch.testing.assert_close(mean[..., :8], whole[..., :8].mean(dim=(0, 1)).expand_as(whole[..., :8]))
        assert mean[..., 8:].equal(whole[..., 8:])

    def test_heads_that_are_not_there_are_named(self):
        model, _ = model_and_ids(0)
        with (
            pytest.raises(MinimmError, match="blocks.9 is no attention layer.*blocks.0.attention"),
            ablated_heads(model, {"blocks.9": [0]}),
        ):
            pass
        with (
            pytest.raises(MinimmError, match=r"heads 0 to 1, but \[2\]"),
            ablated_heads(model, {"blocks.0.attention": [0, 2]}),
        ):
            pass


class TestLogitLens:
    @given(seeds, st.integers(1, 3))
    @settings(max_examples=10)
    def test_the_last_layer_says_what_the_model_says(self, seed, layers):
        model, ids = model_and_ids(seed, layers)
        lens = logit_lens(model, lambda: model(ids))
        assert lens.shape == (layers + 1, 2, 9, 30)
        assert lens[-1].equal(model(ids))
        torch.testing.assert_close(lens[0], model.output(model.final_norm(model.embed(ids))))

    def test_a_model_that_is_not_run_or_run_twice_is_refused(self):
        model, ids = model_and_ids(0)
        with pytest.raises(MinimmError, match="must be run once"):
            logit_lens(model, lambda: (model(ids), model(ids)))
        with pytest.raises(MinimmError, match="must be run once"):
            logit_lens(model, lambda: None)


def smooth(x):
    """Some function of many numbers with products, curvature and sums, (B, ...) -> (B,)."""
    flat = x.flatten(1)
    return (flat.sin() * flat.roll(1, dims=1)).sum(dim=1) + flat.square().mean(dim=1).tanh()


class TestGradients:
    @given(st.integers(1, 3), st.integers(2, 6), seeds)
    def test_integrated_gradients_are_complete(self, batch, width, seed):
        generator = torch.Generator().manual_seed(seed)
        x, baseline = torch.randn(2, batch, width, generator=generator)
        found = integrated_gradients(smooth, x, baseline, steps=200)
        wanted = smooth(x) - smooth(baseline)
        torch.testing.assert_close(found.flatten(1).sum(dim=1), wanted, rtol=0.01, atol=1e-3)

    @given(st.integers(1, 4), seeds)
    def test_of_a_linear_function_both_are_its_parts(self, width, seed):
        generator = torch.Generator().manual_seed(seed)
        x, weight = torch.randn(2, 3, width, generator=generator)

        def linear(x):
            return (x * weight[0]).sum(dim=1)

        torch.testing.assert_close(gradient_times_input(linear, x), x * weight[0])
        torch.testing.assert_close(integrated_gradients(linear, x, torch.zeros(1), steps=3), x * weight[0])

    def test_a_text_is_explained_by_its_embedded_tokens(self):
        model, ids = model_and_ids(1)

        def run(copies):
            return model(ids[:1].expand(copies, -1))[:, -1, 7]

        score = score_of_embeddings(model.embedding, run)
        embedded = model.embed(ids[:1]).detach()
        torch.testing.assert_close(score(embedded), run(1))
        found = integrated_gradients(score, embedded, torch.zeros(1), steps=256)
        wanted = score(embedded) - score(torch.zeros_like(embedded))
        torch.testing.assert_close(found.sum()[None], wanted, rtol=0.01, atol=1e-3)

    def test_a_score_that_is_not_one_number_each_is_refused(self):
        with pytest.raises(MinimmError, match=r"one number for each input, \(2,\), but it is \(2, 3\)"):
            gradient_times_input(lambda x: x, torch.ones(2, 3))


def brightness(cell):
    """A score that rests on one cell of a 4 x 4 grid over pictures of 16 x 16."""
    row, column = divmod(cell, 4)
    rows, columns = slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4)
    return lambda images: images[:, :, rows, columns].mean(dim=(1, 2, 3))


class TestRegions:
    @given(st.integers(0, 15), seeds)
    def test_occlusion_finds_what_the_score_rests_on(self, cell, seed):
        image = 0.5 + torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(seed))
        found = occlusion(brightness(cell), image, (4, 4), torch.zeros(3, 1, 1))
        assert int(found.argmax()) == cell and found.flatten().count_nonzero() == 1
        assert found.max().item() == pytest.approx(brightness(cell)(image[None]).item(), abs=1e-6)

    @given(st.lists(st.integers(0, 15), min_size=1, max_size=2, unique=True), seeds)
    def test_rise_also_finds_what_is_told_twice(self, cells, seed):
        image, fill = torch.ones(3, 16, 16), torch.zeros(3, 1, 1)

        def either(images):
            return torch.stack([brightness(cell)(images) for cell in cells]).amax(dim=0)

        found = rise(either, image, (4, 4), fill, torch.Generator().manual_seed(seed)).flatten()
        assert set(found.topk(len(cells)).indices.tolist()) == set(cells)
        # seen: 1; covered: 1 where the other cell is seen, in half of the pictures
        assert found[cells].tolist() == pytest.approx([1.0 if len(cells) == 1 else 0.5] * len(cells), abs=0.15)
        if len(cells) == 2:
            assert occlusion(either, image, (4, 4), fill).count_nonzero() == 0

    def test_rise_needs_more_than_one_picture(self):
        with pytest.raises(MinimmError, match="choose 2 or more"):
            rise(brightness(0), torch.ones(3, 16, 16), (4, 4), torch.zeros(3, 1, 1), torch.Generator(), masks=1)

    @given(st.integers(0, 15), st.integers(2, 16), seeds)
    def test_the_true_explanation_is_steeper_than_any_other(self, cell, steps, seed):
        generator = torch.Generator().manual_seed(seed)
        image, fill = 0.5 + torch.rand(3, 16, 16, generator=generator), torch.zeros(3, 1, 1)
        score = brightness(cell)
        truth = torch.nn.functional.one_hot(torch.tensor(cell), 16).float().view(4, 4)
        other = torch.rand(4, 4, generator=generator)
        for curve, sign in ((deletion_curve, 1), (insertion_curve, -1)):
            true, guessed = (curve(score, image, explained, fill, steps) for explained in (truth, other))
            assert sign * steepness(true) >= sign * steepness(guessed) - 1e-6
            assert len(true) == steps + 1
        whole, nothing = score(image[None]), score(fill.expand_as(image)[None])
        torch.testing.assert_close(
            deletion_curve(score, image, other, fill, steps)[[0, -1]], torch.cat([whole, nothing])
        )
        torch.testing.assert_close(
            insertion_curve(score, image, other, fill, steps)[[0, -1]], torch.cat([nothing, whole])
        )

    @given(seeds)
    def test_grad_cam_of_a_sum_over_one_channel_is_that_channel(self, seed):
        features = torch.nn.Conv2d(3, 4, 1)

        class Layer(torch.nn.Module):
            def forward(self, images):
                return features(images).permute(0, 2, 3, 1)

        layer = Layer()
        image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(seed))
        found = grad_cam(lambda images: layer(images)[..., 2].sum(dim=(1, 2)), image, layer)
        torch.testing.assert_close(found, layer(image[None])[0, ..., 2].clamp(min=0).detach())

    def test_grids_that_do_not_fit_are_refused(self):
        with pytest.raises(MinimmError, match="3 x 3 cells does not divide a picture of 16 x 16"):
            cover(torch.ones(1, 3, 16, 16), torch.ones(1, 3, 3, dtype=torch.bool), torch.zeros(3, 1, 1))
        with pytest.raises(MinimmError, match="choose 1 to 16"):
            deletion_curve(brightness(0), torch.ones(3, 16, 16), torch.ones(4, 4), torch.zeros(3, 1, 1), 17)


class TestProbes:
    def test_what_is_linear_is_read_off_and_a_control_task_is_not(self):
        generator = torch.Generator().manual_seed(0)
        vectors = torch.randn(400, 8, generator=generator)
        labels = ["up" if value > 0 else "down" for value in (vectors @ torch.randn(8, generator=generator)).tolist()]
        found = linear_probe(vectors, labels, kinds=list(range(400)))
        assert found.accuracy > 0.93 and found.majority < 0.65
        assert (
            found.control < 0.65 and found.selectivity > 0.3
        )  # each vector is of its own kind, so nothing carries over

    def test_what_is_learned_by_heart_is_not_selective(self):
        """Vectors that say which of ten kinds they are of let a probe master any labelling of the kinds."""
        kinds = torch.randint(10, (500,), generator=torch.Generator().manual_seed(1))
        found = linear_probe(torch.eye(10)[kinds], (kinds % 3).tolist(), kinds.tolist())
        assert found.accuracy == found.control == 1.0 and found.selectivity == 0.0

    def test_bad_probes_are_refused(self):
        with pytest.raises(MinimmError, match="at least two different"):
            linear_probe(torch.ones(4, 2), ["a"] * 4)
        with pytest.raises(MinimmError, match=r"got \(4, 2\) and 3 labels"):
            linear_probe(torch.ones(4, 2), ["a", "b", "a"])
        with pytest.raises(MinimmError, match="leaves nothing"):
            linear_probe(torch.ones(4, 2), ["a", "b", "a", "b"], held_out=0.0)


class TestMaps:
    @given(st.integers(3, 30), st.integers(2, 8), seeds)
    def test_components_are_those_of_scikit_learn_up_to_their_sign(self, count, width, seed):
        vectors = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
        places, shares = principal_components(vectors)
        peer = PCA(2, svd_solver="full").fit(vectors.double().numpy())
        theirs = peer.transform(vectors.double().numpy())
        np.testing.assert_allclose(np.abs(places.numpy()), np.abs(theirs), atol=1e-4)
        np.testing.assert_allclose(shares.numpy(), peer.explained_variance_ratio_, atol=1e-5)

    @given(st.integers(1, 6), seeds)
    def test_each_vector_is_its_own_nearest_neighbour(self, k, seed):
        vectors = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed))
        numbers, cosines = nearest_neighbours(vectors, 3.0 * vectors, k)
        assert numbers[:, 0].tolist() == list(range(6))
        torch.testing.assert_close(cosines[:, 0], torch.ones(6))
        assert (cosines.diff(dim=1) <= 0).all()

    def test_bad_maps_are_refused(self):
        with pytest.raises(MinimmError, match="choose k from 1 to 2"):
            nearest_neighbours(torch.ones(1, 2), torch.ones(2, 2), 3)
        with pytest.raises(MinimmError, match="2 directions need"):
            principal_components(torch.ones(1, 5))


def test_what_is_recorded_is_what_is_summed_up():
    model, ids = model_and_ids(2)
    weights = attention_maps(model, lambda: model(ids), SelfAttention)
    assert head_summary(weights)["entropy"].shape == (2, 2)
    assert attention_rollout(weights[:, 0]).shape == (9, 9)
