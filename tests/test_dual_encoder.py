"""One space for several modalities: laws of the loss with labels, of late interaction, and of the model itself."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, normal, seeds

from minimm.errors import MinimmError
from minimm.first_principles import contrastive as plain_contrastive
from minimm.first_principles import late_interaction as plain_late_interaction
from minimm.layers.initialization import initialize
from minimm.layers.late_interaction import late_interaction
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.dual_encoder import LARGEST_SCALE, DualEncoder, DualEncoderConfig, Embedding
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.training.contrastive import contrastive_loss, labelled_contrastive_loss

counts, widths = st.integers(1, 6), st.integers(2, 5)
labels = st.lists(st.integers(0, 3), min_size=1, max_size=7)


def logits(seed: int, n: int) -> torch.Tensor:
    return normal(torch.Generator().manual_seed(seed), n, n)


def by_torch(scores: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
    """The same from PyTorch's own cross-entropy with soft targets."""
    right = (names[:, None] == names).to(scores.dtype)
    target = right / right.sum(dim=1, keepdim=True)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.mT, target)) / 2


@given(seeds, labels)
def test_the_loss_with_labels_equals_torchs_cross_entropy_with_shared_targets(seed, names):
    names = torch.tensor(names)
    ours, theirs = (lambda x, loss=loss: loss(x, names)[None] for loss in (labelled_contrastive_loss, by_torch))
    assert_same_value_and_gradients(ours, theirs, logits(seed, len(names)))


@given(seeds, counts, widths)
def test_with_different_labels_it_is_the_contrastive_loss(seed, n, d):
    generator = torch.Generator().manual_seed(seed)
    images, texts = F.normalize(normal(generator, n, d), dim=-1), F.normalize(normal(generator, n, d), dim=-1)
    assert_same(
        labelled_contrastive_loss(images @ texts.T / 0.1, torch.arange(n)), contrastive_loss(images, texts, 0.1)
    )


@given(seeds, labels)
def test_the_loss_treats_both_sides_alike_and_pairs_may_come_in_any_order(seed, names):
    names, scores = torch.tensor(names), logits(seed, len(names))
    expected = labelled_contrastive_loss(scores, names)
    assert_same(labelled_contrastive_loss(scores.T, names), expected)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    assert_same(labelled_contrastive_loss(scores[order][:, order], names[order]), expected)


@given(labels)
def test_equal_pairs_are_not_pushed_apart(names):
    names = torch.tensor(names)
    right = names[:, None] == names
    scores = torch.where(right, 50.0, -50.0).double().requires_grad_()
    loss = labelled_contrastive_loss(scores, names)
    assert_same(loss, right.sum(dim=1).double().log().mean())  # the least value it can have
    loss.backward()
    assert scores.grad.abs().max() < 1e-12


@given(seeds, labels)
def test_the_loss_and_its_gradient_equal_those_derived_by_hand(seed, names):
    names, scores = torch.tensor(names), logits(seed, len(names)).requires_grad_()
    loss = labelled_contrastive_loss(scores, names)
    loss.backward()
    plain = scores.detach().numpy(), names.numpy()
    assert np.isclose(plain_contrastive.labelled_contrastive_loss(*plain), loss.item(), atol=1e-12)
    np.testing.assert_allclose(
        plain_contrastive.labelled_contrastive_loss_backward(1.0, *plain), scores.grad.numpy(), atol=1e-12
    )


def test_a_loss_whose_labels_do_not_fit_is_refused():
    with pytest.raises(MinimmError, match=r"\(N, N\)"):
        labelled_contrastive_loss(torch.zeros(3, 3), torch.zeros(2))


def parts(seed: int, n: int, t: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors (n, t, d) and a mask (n, t) with 1 to t real ones in front."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, t + 1, (n, 1), generator=generator)
    return F.normalize(normal(generator, n, t, d), dim=-1), torch.arange(t) < lengths


@settings(max_examples=25)
@given(seeds, counts, counts, widths)
def test_late_interaction_equals_the_plain_formula_for_every_pair_in_value_and_gradient(seed, n, m, d):
    (words, word_mask), (regions, region_mask) = parts(seed, n, 4, d), parts(seed + 1, m, 5, d)
    words.requires_grad_(), regions.requires_grad_()
    fits = late_interaction(words, word_mask, regions, region_mask)
    weights = normal(torch.Generator().manual_seed(seed + 2), n, m)
    (fits * weights).sum().backward()
    grad_words, grad_regions = np.zeros(words.shape), np.zeros(regions.shape)
    for i in range(n):
        for j in range(m):
            pair = words[i][word_mask[i]].detach().numpy(), regions[j][region_mask[j]].detach().numpy()
            assert np.isclose(plain_late_interaction.late_interaction(*pair), fits[i, j].item())
            du, dv = plain_late_interaction.late_interaction_backward(weights[i, j].item(), *pair)
            grad_words[i, : len(du)] += du
            grad_regions[j, : len(dv)] += dv
    np.testing.assert_allclose(words.grad.numpy(), grad_words, atol=1e-12)
    np.testing.assert_allclose(regions.grad.numpy(), grad_regions, atol=1e-12)


@given(seeds, counts, widths)
def test_a_text_fits_best_where_all_its_words_are(seed, n, d):
    words, mask = parts(seed, n, 4, d)
    fits = late_interaction(words, mask, words, mask)
    assert_same(fits.diagonal(), torch.ones(n, dtype=fits.dtype))
    assert fits.max() <= 1 + 1e-6


@given(seeds, counts)
def test_regions_may_come_in_any_order_and_what_is_masked_changes_nothing(seed, n):
    (words, word_mask), (regions, region_mask) = parts(seed, n, 4, 3), parts(seed + 1, n, 5, 3)
    expected = late_interaction(words, word_mask, regions, region_mask)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    assert_same(late_interaction(words, word_mask, regions[:, order], region_mask[:, order]), expected)
    noisy = [x + 9.0 * ~mask[..., None] for x, mask in ((words, word_mask), (regions, region_mask))]
    assert_same(late_interaction(noisy[0], word_mask, noisy[1], region_mask), expected)


@lru_cache
def three_way(**options) -> DualEncoder:
    encoders = {
        "image": ImageEncoder(ImageEncoderConfig(16, (4, 8), 16)),
        "audio": AudioEncoder(AudioEncoderConfig(8, (4,), 16)),
        "text": TextEncoder(TextEncoderConfig(20, 8, 16, 2, 1)),
    }
    model = DualEncoder(encoders, DualEncoderConfig(d_joint=8, num_heads=2, **options))
    initialize(model, torch.Generator().manual_seed(0), 1)
    return model.eval()


def batch(seed: int, n: int) -> dict:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(6) < torch.randint(1, 7, (n, 1), generator=generator)
    frames = torch.arange(12) < torch.randint(1, 13, (n, 1), generator=generator)
    return {
        "image": (torch.rand(n, 3, 16, 16, generator=generator),),
        "audio": (torch.randn(n, 12, 8, generator=generator), frames),
        "text": (torch.randint(20, (n, 6), generator=generator), mask),
    }


@settings(max_examples=8)
@given(seeds, st.integers(2, 5))
def test_everything_lies_on_the_sphere_of_one_space(seed, n):
    for embedding in three_way()(batch(seed, n)).values():
        torch.testing.assert_close(embedding.whole.norm(dim=-1), torch.ones(n))
        assert embedding.whole.shape == (n, 8) and embedding.parts.shape[-1] == 8
        real = embedding.parts[embedding.mask]
        torch.testing.assert_close(real.norm(dim=-1), torch.ones(len(real)))
        assert math.prod(embedding.grid) == embedding.parts.shape[1]


@settings(max_examples=8)
@given(seeds, st.integers(2, 5))
def test_a_permuted_batch_gives_the_permuted_similarities(seed, n):
    model, given_batch = three_way(), batch(seed, n)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    here = model(given_batch)
    there = model({name: tuple(part[order] for part in parts) for name, parts in given_batch.items()})
    for a, b in (("image", "text"), ("audio", "text"), ("image", "audio")):
        torch.testing.assert_close(
            model.similarity(there[a], there[b]), model.similarity(here[a], here[b])[order][:, order]
        )


@settings(max_examples=8)
@given(seeds, st.integers(2, 5))
def test_similarity_is_the_same_from_either_side_and_lies_between_minus_one_and_one(seed, n):
    model = three_way()
    places = model(batch(seed, n))
    for a, b in (("image", "text"), ("audio", "text"), ("image", "audio")):
        there, back = model.similarity(places[a], places[b]), model.similarity(places[b], places[a])
        torch.testing.assert_close(there, back.T)
        assert there.abs().max() <= 1 + 1e-5


@settings(max_examples=8)
@given(seeds, st.integers(2, 5))
def test_padding_and_the_rest_of_a_batch_change_nothing(seed, n):
    model, given_batch = three_way(), batch(seed, n)
    together = model(given_batch)
    for name, inputs in given_batch.items():
        alone = []
        for row in range(n):
            cut = [part[row : row + 1] for part in inputs]
            if len(cut) == 2:
                length = int(cut[1].sum())
                cut = [part[:, :length] for part in cut]
            alone.append(model.embed(name, *cut))
        joined = Embedding.join(alone, n)
        torch.testing.assert_close(joined.whole, together[name].whole, atol=1e-5, rtol=1e-4)
        for row in range(n):
            real = joined.parts[row][joined.mask[row]]
            torch.testing.assert_close(real, together[name].parts[row][together[name].mask[row]], atol=1e-5, rtol=1e-4)


def test_only_pairs_with_a_text_are_compared_part_by_part_and_only_when_asked():
    places, fine, coarse = batch(0, 4), three_way(), three_way(fine_grained=False)
    coarse.load_state_dict(fine.state_dict())
    here, there = fine(places), coarse(places)
    for a, b, same in (("image", "text", False), ("audio", "text", False), ("image", "audio", True)):
        assert torch.allclose(fine.similarity(here[a], here[b]), coarse.similarity(there[a], there[b])) == same


def test_the_scale_never_exceeds_its_limit_and_can_come_back_from_it():
    model = three_way(num_layers=0)
    with torch.no_grad():
        model.log_scale.fill_(9.0)
    scale = model.scale
    assert scale.item() == pytest.approx(LARGEST_SCALE)
    scale.backward()
    assert model.log_scale.grad.item() > 0


def test_what_does_not_fit_is_refused_in_one_sentence():
    encoder = ImageEncoder(ImageEncoderConfig(16, (4,), 16))
    with pytest.raises(MinimmError, match="two modalities or more"):
        DualEncoder({"image": encoder})
    with pytest.raises(MinimmError, match="not trained on video; it knows image and audio and text"):
        three_way().embed("video", torch.zeros(1))
    with pytest.raises(MinimmError, match="one width"):
        late_interaction(torch.zeros(1, 2, 3), torch.ones(1, 2).bool(), torch.zeros(1, 2, 4), torch.ones(1, 2).bool())
