"""Vector quantisation as a layer, the way up, and the tokenizer of pictures built from both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, normal, seeds

from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.first_principles import vector_quantization
from minimm.interpretation.scene_checker import check_drawings, drawing_scores
from minimm.layers.initialization import initialize
from minimm.layers.upsampling import Upsample, shuffle_pixels
from minimm.layers.vector_quantizer import DECAY, VectorQuantizer, codebook_use
from minimm.models.image_tokenizer import ImageTokenizer, ImageTokenizerConfig
from minimm.tasks.caption_data import caption_source
from minimm.tasks.drawing.presets import DRAWING_PRESETS
from minimm.tasks.drawing.tokenizer_stage import train_image_tokenizer
from minimm.training.image_tokens import CONTINUOUS_STEPS, tokenizer_loss


def quantizer(codes: torch.Tensor) -> VectorQuantizer:
    layer = VectorQuantizer(*codes.shape)
    layer.codes.data = codes
    layer.counts.data, layer.sums.data = torch.ones(len(codes)), codes.clone()
    return layer


@given(seeds, st.integers(2, 6), st.integers(1, 4))
def test_the_layer_quantises_as_the_formulas_do_and_gradients_pass_straight_through(seed, num_codes, size):
    generator = torch.Generator().manual_seed(seed)
    vectors, codes = normal(generator, 2, 3, size).float(), normal(generator, num_codes, size).float()
    flat = vectors.flatten(0, 1).numpy()
    leaf = vectors.clone().requires_grad_()
    ids, quantized, commitment = quantizer(codes)(leaf)
    np.testing.assert_array_equal(ids.flatten(), vector_quantization.nearest_code(flat, codes.numpy()))
    torch.testing.assert_close(quantized, codes[ids])
    assert commitment.item() == pytest.approx(vector_quantization.commitment_loss(flat, codes.numpy()), rel=1e-5)
    incoming = normal(generator, 2, 3, size).float()
    (found,) = torch.autograd.grad((quantized * incoming).sum(), leaf, retain_graph=True)
    assert torch.equal(found, incoming)
    (found,) = torch.autograd.grad(commitment, leaf)
    wanted, _ = vector_quantization.commitment_loss_backward(1.0, flat, codes.numpy())
    torch.testing.assert_close(found.flatten(0, 1), torch.from_numpy(wanted))


@given(seeds)
def test_an_update_of_living_codes_is_that_of_the_formulas(seed):
    generator = torch.Generator().manual_seed(seed)
    vectors, codes = normal(generator, 40, 2).float(), normal(generator, 3, 2).float()
    layer = quantizer(codes)
    layer.counts.data *= 100.0  # so that none is dead
    layer.sums.data *= 100.0
    before = [part.numpy().copy() for part in (layer.codes, layer.counts, layer.sums)]
    layer.update(vectors, layer.nearest(vectors), generator)
    wanted = vector_quantization.follow_vectors(vectors.numpy(), *before, DECAY)
    for found, one in zip((layer.codes, layer.counts, layer.sums), wanted, strict=True):
        np.testing.assert_allclose(found.numpy(), one, rtol=1e-4, atol=1e-5)


def test_dead_codes_come_to_life_where_the_vectors_are_and_the_generator_decides_where():
    vectors = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))

    def trained(seed: int) -> VectorQuantizer:
        layer, generator = VectorQuantizer(16, 3), torch.Generator().manual_seed(seed)
        for _ in range(60):
            layer.update(vectors, layer.nearest(vectors), generator)
        return layer

    layer = trained(1)
    use, perplexity = codebook_use(layer.nearest(vectors), 16)
    assert use == 1.0 and perplexity > 10
    assert layer(vectors).commitment < 0.35  # one code for all of them leaves 1.0
    assert torch.equal(layer.codes, trained(1).codes) and not torch.equal(layer.codes, trained(2).codes)


def test_use_and_perplexity_of_ids_counted_by_hand():
    use, perplexity = codebook_use(torch.tensor([[0, 1], [2, 3]]), 8)
    assert (use, perplexity) == (0.5, pytest.approx(4.0))
    use, perplexity = codebook_use(torch.tensor([5, 5, 5]), 8)
    assert (use, perplexity) == (0.125, pytest.approx(1.0))


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_shuffled_pixels_are_pytorchs_for_our_order_of_channels(seed, height, width, channels):
    images = normal(torch.Generator().manual_seed(seed), 2, height, width, 4 * channels)
    theirs = images.unflatten(3, (4, channels)).transpose(3, 4).flatten(3).permute(0, 3, 1, 2)
    assert_same(shuffle_pixels(images), torch.nn.functional.pixel_shuffle(theirs, 2).permute(0, 2, 3, 1))
    assert Upsample(4 * channels, 5)(images.float()).shape == (2, 2 * height, 2 * width, 5)


def test_channels_that_are_no_four_groups_are_refused():
    with pytest.raises(MinimmError, match="four groups"):
        shuffle_pixels(torch.zeros(1, 2, 2, 6))


@pytest.fixture(scope="module")
def tokenizer() -> ImageTokenizer:
    """A small one, trained for seconds on small scenes."""
    model = ImageTokenizer(ImageTokenizerConfig(image_size=16, channels=(8, 16), num_codes=32, code_size=4))
    initialize(model, torch.Generator().manual_seed(0))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-2)
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 50))
    scenes = Shapes(image_size=16).draw(512, torch.Generator().manual_seed(0)).images
    for step in range(CONTINUOUS_STEPS + 200):
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randint(len(scenes), (16,), generator=generator)
        tokenizer_loss(model, scenes[chosen], generator).backward()
        torch.nn.utils.clip_grad_norm_(
            parameters, 1.0
        )  # as the trainer does; without it and a warm-up the vectors became one
        optimizer.step()
        warmup.step()
        optimizer.zero_grad()
    return model


def scenes(count: int, seed: int = 7) -> torch.Tensor:
    return Shapes("validation", 16).draw(count, torch.Generator().manual_seed(seed)).images


def test_pictures_come_back_from_their_ids_and_nearly_all_codes_are_used(tokenizer):
    images = scenes(200)
    ids = tokenizer.to_ids(images)
    assert ids.shape == (200, 16) and ids.dtype == torch.int64
    error = (tokenizer.to_images(ids) - images).square().mean()
    assert error < 0.6 * images.var(dim=(2, 3), correction=0).mean()  # against giving back the mean colour
    assert codebook_use(ids, 32)[0] >= 0.8


def test_what_is_trained_on_is_what_ids_give_back(tokenizer):
    images = scenes(3)
    reconstructed, quantized = tokenizer(images)
    assert torch.equal(quantized.ids.flatten(1), tokenizer.to_ids(images))
    torch.testing.assert_close(reconstructed.clamp(0, 1).detach(), tokenizer.to_images(tokenizer.to_ids(images)))


def test_the_encoder_learns_through_the_codes(tokenizer):
    images = scenes(2)
    (gradient,) = torch.autograd.grad(tokenizer(images)[0].sum(), tokenizer.down[0].weight)
    assert gradient.abs().sum() > 0


def test_sizes_that_do_not_fit_say_so(tokenizer):
    with pytest.raises(MinimmError, match="multiple of 4"):
        ImageTokenizerConfig(image_size=30)
    with pytest.raises(MinimmError, match=r"\(B, 3, 16, 16\)"):
        tokenizer.to_ids(torch.zeros(1, 3, 32, 32))
    for ids in (torch.zeros(1, 15, dtype=torch.int64), torch.full((1, 16), 32)):
        with pytest.raises(MinimmError, match="16 ids from 0 to 31"):
            tokenizer.to_images(ids)
    with pytest.raises(MinimmError, match="codes have 4 numbers"):
        tokenizer.quantizer(torch.zeros(2, 3))


@pytest.mark.slow
def test_in_700_steps_most_scenes_can_still_be_read_from_their_ids_and_nearly_all_codes_are_used():
    model = ImageTokenizer(ImageTokenizerConfig(num_codes=256))
    initialize(model, torch.Generator().manual_seed(0))
    config = replace(DRAWING_PRESETS["tiny"].tokenizer_training, max_seconds=None, max_steps=700)
    draw, _ = caption_source(Shapes())
    train_image_tokenizer(model, config, draw, batch_size=16, folder=None, resume=False)
    unseen = Shapes("validation").draw(300, torch.Generator().manual_seed(99))
    ids = model.to_ids(unseen.images)
    assert codebook_use(ids, 256)[0] >= 0.8
    assert drawing_scores(check_drawings(model.to_images(ids), unseen.captions))["accuracy"] >= 0.6
