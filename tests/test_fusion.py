"""Five ways to make one vector of a text and a picture: what each must leave unchanged, and what a closed gate hides."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, fill, normal, seeds

from minimm.errors import MinimmError
from minimm.interpretation.recorder import record_attention
from minimm.layers.fusion import FUSIONS, FusionConfig, GatedCrossAttention, build_fusion
from minimm.models.classifier import FusedClassifier
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.training.optimization import build_optimizer

WIDTH = 8
families = st.sampled_from(sorted(FUSIONS))


def random_fusion(family, generator, **options):
    fusion = build_fusion(FusionConfig(family, WIDTH, 2, d_ff=5, **options)).double().eval()
    fill(fusion, generator, scale=0.6)
    return fusion


@st.composite
def cases(draw, family=families):
    """A fusion with strong weights; words, regions and their masks, everywhere at least one real."""
    generator = torch.Generator().manual_seed(draw(seeds))
    fusion = random_fusion(draw(family), generator, num_layers=draw(st.integers(1, 2)))
    batch, words, regions = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    inputs = []
    for length in (words, regions):
        mask = torch.rand(batch, length, generator=generator) < 0.7
        mask[:, 0] = True
        inputs += [normal(generator, batch, length, WIDTH), mask]
    return fusion, inputs, generator


@given(cases())
def test_one_vector_comes_out_for_each_pair_and_pairs_do_not_mix(case):
    fusion, inputs, _ = case
    fused = fusion(*inputs)
    assert fused.shape == (len(inputs[0]), WIDTH)
    for row in range(len(fused)):
        assert_same(fusion(*(part[row : row + 1] for part in inputs))[0], fused[row])


@given(cases())
def test_what_stands_in_the_padding_changes_nothing(case):
    fusion, (text, text_mask, image, image_mask), generator = case
    other_text = torch.where(text_mask[..., None], text, 9 * normal(generator, *text.shape))
    other_image = torch.where(image_mask[..., None], image, 9 * normal(generator, *image.shape))
    assert_same(fusion(other_text, text_mask, other_image, image_mask), fusion(text, text_mask, image, image_mask))


@given(families, seeds)
def test_no_parameter_is_without_effect(family, seed):
    generator = torch.Generator().manual_seed(seed)
    fusion = random_fusion(family, generator, num_layers=2)
    inputs = [
        normal(generator, 3, 4, WIDTH),
        torch.ones(3, 4).bool(),
        normal(generator, 3, 5, WIDTH),
        torch.ones(3, 5).bool(),
    ]
    (fusion(*inputs) * normal(generator, 3, WIDTH)).sum().backward()
    idle = [name for name, parameter in fusion.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert idle == []


@given(cases(), st.integers(1, 3))
def test_more_padding_changes_nothing(case, more):
    fusion, inputs, generator = case
    padded = []
    for features, mask in zip(inputs[::2], inputs[1::2], strict=True):
        padded.append(torch.cat([features, normal(generator, len(features), more, WIDTH)], dim=1))
        padded.append(torch.cat([mask, torch.zeros(len(mask), more, dtype=torch.bool)], dim=1))
    assert_same(fusion(*padded), fusion(*inputs))


@given(cases())
def test_regions_may_come_in_any_order(case):
    fusion, (text, text_mask, image, image_mask), generator = case
    order = torch.randperm(image.shape[1], generator=generator)
    assert_same(
        fusion(text, text_mask, image[:, order], image_mask[:, order]), fusion(text, text_mask, image, image_mask)
    )


@given(cases())
def test_both_sides_are_heard(case):
    fusion, (text, text_mask, image, image_mask), generator = case
    fused = fusion(text, text_mask, image, image_mask)
    assert not torch.allclose(fusion(text, text_mask, normal(generator, *image.shape), image_mask), fused)
    assert not torch.allclose(fusion(normal(generator, *text.shape), text_mask, image, image_mask), fused)


@given(cases(family=st.just("gated_cross_attention")))
def test_with_closed_gates_the_picture_is_not_heard_and_the_text_goes_through_its_own_blocks(case):
    fusion, (text, text_mask, image, image_mask), generator = case
    torch.nn.init.zeros_(fusion.gates)
    fused = fusion(text, text_mask, image, image_mask)
    assert_same(fusion(text, text_mask, normal(generator, *image.shape), image_mask), fused)
    for block in fusion.blocks:
        text = block(text, text_mask[:, None, None])
    rows = [row[mask].mean(dim=0) for row, mask in zip(fusion.norm(text), text_mask, strict=True)]
    assert_same(fused, torch.stack(rows))


def test_gates_begin_closed_and_have_a_slope():
    fusion = GatedCrossAttention(FusionConfig("gated_cross_attention", WIDTH, 2))
    assert not fusion.gates.any()
    generator = torch.Generator().manual_seed(0)
    text, image = torch.randn(2, 3, WIDTH, generator=generator), torch.randn(2, 5, WIDTH, generator=generator)
    fusion(text, text[..., 0] < 9, image, image[..., 0] < 9).square().sum().backward()
    assert (fusion.gates.grad != 0).all()


@pytest.mark.parametrize("family", sorted(FUSIONS))
def test_gradients_equal_finite_differences(family):
    generator = torch.Generator().manual_seed(1)
    fusion = random_fusion(family, generator, num_layers=1)
    text, image = normal(generator, 2, 2, WIDTH), normal(generator, 2, 3, WIDTH)
    text_mask, image_mask = torch.tensor([[True, True], [True, False]]), torch.tensor([[True] * 3, [False, True, True]])
    leaves = [text.requires_grad_(), image.requires_grad_(), *fusion.parameters()]
    torch.autograd.gradcheck(lambda t, i, *_: fusion(t, text_mask, i, image_mask), leaves, fast_mode=True)


@pytest.mark.parametrize(("family", "maps"), [("single_stream", 2), ("co_attention", 8), ("low_rank_bilinear", 1)])
def test_a_recorder_sees_its_attention(family, maps):
    fusion = random_fusion(family, torch.Generator().manual_seed(0), num_layers=2)
    features, mask = torch.ones(1, 3, WIDTH, dtype=torch.float64), torch.ones(1, 3, dtype=torch.bool)
    with record_attention(fusion) as record:
        fusion(features, mask, features, mask)
        assert len(record()) == maps


def test_muon_takes_every_matrix_of_a_fusion_once():
    fusion = build_fusion(FusionConfig("gated_cross_attention", WIDTH, 2, num_layers=1))
    matrices = [matrix for batch in build_optimizer(fusion, "muon", 1e-3, 0.1, (0.9, 0.95)).batches for matrix in batch]
    assert {id(matrix) for matrix in matrices} == {id(p) for p in fusion.parameters() if p.ndim == 2}
    assert len(matrices) == len({id(matrix) for matrix in matrices})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"family": "early"}, "fusion='early' is not known; choose from"),
        ({"d_model": 10, "num_heads": 4}, "d_model=10 does not split over num_heads=4"),
        ({"num_layers": 0}, "num_layers=0 must be at least 1"),
    ],
)
def test_a_fusion_that_cannot_be_is_refused(options, sentence):
    with pytest.raises(MinimmError, match=sentence):
        FusionConfig(**options)


def test_shapes_that_do_not_fit_are_refused():
    fusion = build_fusion(FusionConfig(d_model=WIDTH, num_heads=2))
    good, mask = torch.ones(2, 3, WIDTH), torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(MinimmError, match=r"the image must be \(B, positions, d_model=8\)"):
        fusion(good, mask, torch.ones(2, 3, 4), mask)
    with pytest.raises(MinimmError, match="the text must be"):
        fusion(good, mask[:, :2], good, mask)
    with pytest.raises(MinimmError, match="there are 2 texts for 1 images"):
        fusion(good, mask, good[:1], mask[:1])


def small_classifier(num_labels=3, d_text=WIDTH):
    text = TextEncoder(TextEncoderConfig(9, 6, d_text, 2, 1))
    image = ImageEncoder(ImageEncoderConfig(8, (4,), WIDTH))
    return FusedClassifier(
        text, image, build_fusion(FusionConfig(d_model=WIDTH, num_heads=2, num_layers=1)), num_labels
    )


def test_a_classifier_scores_every_label_and_padding_words_change_nothing():
    model = small_classifier().double().eval()
    fill(model, torch.Generator().manual_seed(0), scale=0.6)
    ids, images = torch.tensor([[1, 2, 3], [4, 5, 0]]), torch.rand(2, 3, 8, 8, generator=torch.Generator()).double()
    mask = torch.tensor([[True, True, True], [True, True, False]])
    logits = model(ids, images, mask)
    assert logits.shape == (2, 3)
    assert_same(model(ids[1:, :2], images[1:]), logits[1:])


def test_a_classifier_whose_parts_do_not_fit_is_refused():
    with pytest.raises(MinimmError, match="the text encoder gives vectors of width d_model=4"):
        small_classifier(d_text=4)
    with pytest.raises(MinimmError, match="fewer than 2 labels"):
        small_classifier(num_labels=1)
