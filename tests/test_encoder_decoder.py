"""The laws of the image encoder, of its memory, and of the decoder that looks at it. Oracle: `torch.nn.functional`."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, normal, seeds
from small_models import models, random_ids, random_memory

from minimm.errors import MinimmError
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.memory import Memory

with_memory = models(memory=True)


def random_encoder(generator: torch.Generator, channels: tuple[int, ...], side: int, d_model: int) -> ImageEncoder:
    encoder = ImageEncoder(ImageEncoderConfig(side * 2 ** len(channels), channels, d_model)).double()
    fill(encoder, generator)
    return encoder


@given(with_memory, st.integers(1, 6), seeds)
def test_masked_positions_of_the_memory_change_nothing_however_large_they_are(model, length, seed):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, length, generator), random_memory(model, 2, generator)
    memory.mask[:, 2] = False
    large = Memory(memory.features.masked_fill(~memory.mask[..., None], 1e4), memory.mask, memory.grid)
    kept = [0, 1, 3]
    trimmed = Memory(memory.features[:, kept], memory.mask[:, kept], (3,))
    memory.features.requires_grad_()
    logits = model(ids, memory=memory)
    assert_same(model(ids, memory=large), logits)
    assert_same(model(ids, memory=trimmed), logits)
    (gradient,) = torch.autograd.grad((logits * normal(generator, *logits.shape)).sum(), memory.features)
    assert gradient[~memory.mask].eq(0).all() and gradient[memory.mask].ne(0).any()


@given(with_memory, st.permutations(range(4)), seeds)
def test_the_order_of_the_memory_changes_nothing_and_a_blank_memory_is_no_error(model, order, seed):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, 5, generator), random_memory(model, 2, generator)
    moved = Memory(memory.features[:, order], memory.mask[:, order], memory.grid)
    assert_same(model(ids, memory=moved), model(ids, memory=memory))
    blank = Memory(memory.features, torch.zeros_like(memory.mask), memory.grid)
    assert model(ids, memory=blank).isfinite().all()


@given(with_memory, seeds)
def test_a_memory_of_another_shape_is_explained(model, seed):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, 5, generator), random_memory(model, 2, generator)
    with pytest.raises(MinimmError, match="needs a memory"):
        model(ids)
    for features, mask in (
        (memory.features[:1], memory.mask[:1]),  # another batch
        (memory.features[..., :2], memory.mask),  # another width
        (memory.features, memory.mask[:, :3]),  # a mask of another length
        (memory.features[0], memory.mask[0]),  # no batch
    ):
        with pytest.raises(MinimmError, match=r"features \(B, N, d_memory\) = \(2, N, 3\) and a mask \(B, N\), but"):
            model(ids, memory=Memory(features, mask, (4,)))


@given(st.integers(1, 3), st.integers(1, 3))
def test_repeated_rows_lie_side_by_side(batch, times):
    memory = Memory(torch.arange(batch * 2.0).view(batch, 2, 1), torch.eye(batch, 2).bool(), (2,))
    repeated = memory.repeat_rows(times)
    rows = [row for row in range(batch) for _ in range(times)]
    assert repeated.features.equal(memory.features[rows]) and repeated.mask.equal(memory.mask[rows])
    assert repeated.grid == memory.grid


@given(st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple), st.integers(1, 3), st.integers(1, 4), seeds)
def test_the_image_encoder_is_convolutions_norms_and_places(channels, side, d_model, seed):
    generator = torch.Generator().manual_seed(seed)
    encoder = random_encoder(generator, channels, side, d_model)
    images = normal(generator, 2, 3, encoder.config.image_size, encoder.config.image_size)

    def norm(x, layer):  # over the channels of each pixel
        x = F.rms_norm(x.movedim(1, -1), [x.shape[1]], eps=1e-6) * layer.gain
        return x.movedim(-1, 1)

    def written_out(images):
        x = images - 0.5
        for stage, layer in zip(encoder.stages, encoder.norms, strict=True):
            x = F.gelu(norm(F.conv2d(x, stage.weight, stage.bias, stride=2, padding=1), layer))
        x = norm(F.conv2d(x, encoder.mix.weight, encoder.mix.bias, padding=1), encoder.final_norm)
        cells = [
            x[:, :, i, j] + encoder.row_positions.weight[i] + encoder.column_positions.weight[j]
            for i in range(side)
            for j in range(side)
        ]
        return torch.stack(cells, dim=1)

    parameters = list(encoder.parameters())
    assert_same_value_and_gradients(lambda images: encoder(images).features, written_out, images, parameters=parameters)
    memory = encoder(images)
    assert memory.grid == (side, side) and memory.mask.shape == (2, side * side) and memory.mask.all()


def test_an_image_encoders_sizes_and_pictures_that_do_not_fit_are_explained():
    with pytest.raises(MinimmError, match="2 stages .* multiple of 4, but it is 30"):
        ImageEncoderConfig(image_size=30, channels=(8, 16))
    for options in ({"image_size": 0}, {"image_size": 2}, {"channels": ()}):
        with pytest.raises(MinimmError, match="image_size must be a multiple"):
            ImageEncoderConfig(**options)
    config = ImageEncoderConfig(8, (2,), 4)
    assert ImageEncoderConfig(**json.loads(json.dumps(vars(config)))) == config and config.grid_size == 4
    for shape in ((1, 3, 8, 9), (1, 1, 8, 8), (3, 8, 8), (1, 8, 8, 3)):
        with pytest.raises(MinimmError, match=r"built for pictures \(B, 3, 8, 8\), but got .*; resize"):
            ImageEncoder(config)(torch.zeros(shape))


@given(with_memory, st.integers(2, 6), seeds)
def test_training_and_writing_word_by_word_see_the_same_logits(decoder, length, seed):
    generator = torch.Generator().manual_seed(seed)
    model = EncoderDecoder(random_encoder(generator, (2,), 2, decoder.config.d_memory), decoder).eval()
    images, ids = torch.rand(2, 3, 4, 4, generator=generator, dtype=torch.float64), random_ids(2, length, generator)
    logits = model(images, ids)
    memory, cache = model.encode(images), decoder.new_cache()
    steps = [model.decode(ids[:, t : t + 1], memory, cache=cache) for t in range(length)]
    assert_same(torch.cat(steps, dim=1), logits)
    assert not logits.equal(model(images.flip(0), ids))  # the words depend on the picture
    (logits * normal(generator, *logits.shape)).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    assert model.encoder.stages[0].weight.grad.any() and model.encoder.column_positions.weight.grad.any()


@given(models(), st.integers(1, 5))
def test_an_encoder_and_a_decoder_of_different_widths_are_not_joined(decoder, d_model):
    encoder = ImageEncoder(ImageEncoderConfig(2, (1,), d_model))
    if decoder.config.d_memory == d_model:
        assert EncoderDecoder(encoder, decoder).decoder is decoder
    else:
        with pytest.raises(
            MinimmError, match=f"d_model={d_model} .* d_memory={decoder.config.d_memory}; make them equal"
        ):
            EncoderDecoder(encoder, decoder)


@given(with_memory)
def test_only_an_encoder_of_words_shares_its_embedding(decoder):
    encoder = ImageEncoder(ImageEncoderConfig(2, (1,), decoder.config.d_memory))
    with pytest.raises(MinimmError, match="the ImageEncoder reads no words, .* leave share_embeddings away"):
        EncoderDecoder(encoder, decoder, share_embeddings=True)
