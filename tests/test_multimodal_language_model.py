"""The laws of the projector and of splicing. Oracle: the plain `LanguageModel`, and neighbours laid side by side by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import assert_same, fill, normal, seeds
from small_models import CONTEXT_LENGTH, VOCAB_SIZE, models

from minimm.errors import MinimmError
from minimm.first_principles import splice as first_principles
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import generate
from minimm.models.memory import Memory
from minimm.models.multimodal_language_model import MultimodalLanguageModel
from minimm.models.projector import Projector, merge_neighbours
from minimm.tokenizers.prompt import PromptTokenizer, find_places
from minimm.training.fine_tuning import freeze

IMAGE, AUDIO = VOCAB_SIZE - 1, VOCAB_SIZE - 2  # the tokens of the places
WIDTH = 3
plain = models(memory=False, context_length=4 * CONTEXT_LENGTH)


class Passing(torch.nn.Module):
    """An encoder that gives what it is given: features (M, N, WIDTH), and a mask."""

    class config:
        d_model = WIDTH

    def __init__(self, grid):
        super().__init__()
        self.grid = grid

    def forward(self, features, mask=None):
        mask = torch.ones(features.shape[:2], dtype=torch.bool) if mask is None else mask
        return Memory(features, mask, self.grid)


def with_media(language_model, seed: int) -> MultimodalLanguageModel:
    """Pictures of 2 x 2 cells that become two positions, recordings of up to three moments that become as many."""
    encoders = {"image": Passing((2, 2)), "audio": Passing((3,))}
    model = MultimodalLanguageModel(
        language_model, encoders, {"image": IMAGE, "audio": AUDIO}, {"image": (1, 2), "audio": (1,)}
    )
    model.double().eval()
    fill(model.projectors, torch.Generator().manual_seed(seed), scale=0.6)
    return model


def random_media(rows, generator) -> dict[str, tuple[torch.Tensor, ...]]:
    """What the places of `rows` stand for; recordings of different lengths."""
    images, recordings = (sum(row.count(place) for row in rows) for place in (IMAGE, AUDIO))
    lengths = torch.randint(1, 4, (recordings, 1), generator=generator)
    media = {"image": (normal(generator, images, 4, WIDTH),)} if images else {}
    if recordings:
        media["audio"] = (normal(generator, recordings, 3, WIDTH), torch.arange(3) < lengths)
    return media


def media_of(rows, media, row: int) -> dict[str, tuple[torch.Tensor, ...]]:
    """The media of one row alone."""
    part = {}
    for name, place in (("image", IMAGE), ("audio", AUDIO)):
        first, own = sum(each.count(place) for each in rows[:row]), rows[row].count(place)
        if own:
            part[name] = tuple(tensor[first : first + own] for tensor in media[name])
    return part


words = st.integers(0, AUDIO - 1)
mixed = st.lists(st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=1, max_size=7), min_size=1, max_size=3)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data(), seeds)
def test_merging_lays_neighbours_side_by_side_and_zeros_where_there_are_none(grid, data, seed):
    merge = [data.draw(st.integers(1, 3)) for _ in grid]
    generator = torch.Generator().manual_seed(seed)
    count = torch.Size(grid).numel()
    mask = torch.rand(2, count, generator=generator) < 0.6
    memory = Memory(normal(generator, 2, count, 2), mask, tuple(grid))
    merged = merge_neighbours(memory, merge)
    assert merged.grid == tuple(-(-size // m) for size, m in zip(grid, merge, strict=True))
    x, real = memory.features.view(2, *grid, 2), mask.view(2, *grid)
    for number, place in enumerate(torch.cartesian_prod(*[torch.arange(n) for n in merged.grid]).view(-1, len(grid))):
        offsets = torch.cartesian_prod(*[torch.arange(m) for m in merge]).view(-1, len(grid))
        for b in range(2):
            parts, any_real = [], False
            for offset in offsets:
                at = tuple((place * torch.tensor(merge) + offset).tolist())
                inside = all(i < size for i, size in zip(at, grid, strict=True)) and bool(real[(b, *at)])
                parts.append(x[(b, *at)] if inside else torch.zeros(2, dtype=torch.float64))
                any_real |= inside
            assert merged.features[b, number].equal(torch.cat(parts)) and bool(merged.mask[b, number]) == any_real


def test_a_projector_is_two_layers_over_merged_neighbours_and_refuses_another_number_of_axes():
    projector, generator = Projector(WIDTH, 4, (2,)).double(), torch.Generator().manual_seed(0)
    memory = Memory(normal(generator, 1, 4, WIDTH), torch.ones(1, 4, dtype=torch.bool), (4,))
    x = memory.features.view(1, 2, 2 * WIDTH)
    expected = projector.down(torch.nn.functional.gelu(projector.up(x)))
    assert_same(projector(memory).features, expected)
    for merge in ((2, 2), (0,)):
        with pytest.raises(MinimmError, match="one number of neighbours, 1 or more, for each axis"):
            merge_neighbours(memory, merge)


@settings(max_examples=25)
@given(plain, st.lists(st.lists(words, min_size=1, max_size=6), min_size=1, max_size=3), seeds)
def test_without_media_it_is_the_plain_language_model(language_model, rows, seed):
    model, width = with_media(language_model, seed), max(map(len, rows))
    logits = model(rows, {})
    for row, ids in enumerate(rows):
        assert_same(logits[row, width - len(ids) :], language_model(torch.tensor([ids]))[0])


@settings(max_examples=25)
@given(plain, st.lists(words, min_size=1, max_size=4), words, words, st.data(), seeds)
def test_media_projected_to_the_vectors_of_words_read_as_those_words(language_model, text, one, other, data, seed):
    """A picture of two positions whose vectors are those of two words, at any place of the text."""
    at = data.draw(st.integers(0, len(text)))
    model = with_media(language_model, seed)
    vectors = language_model.embed(torch.tensor([[one, other]])).detach()
    projected = {"image": Memory(vectors, torch.ones(1, 2, dtype=torch.bool), (1, 2))}
    embedded = model.splice([[*text[:at], IMAGE, *text[at:]]], projected)
    expected = language_model(torch.tensor([[*text[:at], one, other, *text[at:]]]))
    assert_same(language_model.forward_embeddings(embedded.vectors), expected)
    (span,) = embedded.spans[0]
    assert (span.modality, span.start, span.stop, span.grid) == ("image", at, at + 2, (1, 2))


@settings(max_examples=25)
@given(plain, mixed, seeds)
def test_a_padded_batch_of_mixed_media_equals_its_rows_alone(language_model, rows, seed):
    model, media = with_media(language_model, seed), random_media(rows, torch.Generator().manual_seed(seed))
    logits, embedded = model(rows, media), model.embed(rows, media)
    for row, ids in enumerate(rows):
        alone = model([ids], media_of(rows, media, row))
        padding = logits.shape[1] - alone.shape[1]
        assert_same(logits[row, padding:], alone[0])
        for span, token in zip(embedded.spans[row], [t for t in ids if t in (IMAGE, AUDIO)], strict=True):
            assert span.modality == {IMAGE: "image", AUDIO: "audio"}[token] and span.start >= padding
        assert (
            embedded.key_mask is None or embedded.key_mask[row].tolist() == [False] * padding + [True] * alone.shape[1]
        )


@settings(max_examples=25)
@given(plain, st.lists(st.integers(0, 2), min_size=1, max_size=5), seeds)
def test_the_splice_in_numpy_gives_the_same_vectors_and_its_gradient_is_autograds(language_model, row, seed):
    generator, width = torch.Generator().manual_seed(seed), language_model.config.d_model
    row = [IMAGE if token == 0 else token for token in row]
    places = [at for at, token in enumerate(row) if token == IMAGE]
    media = normal(generator, len(places), 2, width).requires_grad_()
    mask = torch.ones(len(places), 2, dtype=torch.bool)
    projected = {"image": Memory(media, mask, (1, 2))} if places else {}
    spliced = with_media(language_model, seed).splice([row], projected).vectors[0]
    vectors = language_model.embed(torch.tensor(row)).detach().numpy()
    arrays = list(media.detach().numpy())
    assert np.array_equal(first_principles.splice(vectors, places, arrays), spliced.detach().numpy())
    weighting = normal(generator, *spliced.shape)
    (spliced * weighting).sum().backward()
    _, gradients = first_principles.splice_backward(weighting.numpy(), vectors, places, arrays)
    assert all(
        np.array_equal(gradient, own)
        for gradient, own in zip(gradients, media.grad.numpy() if places else [], strict=True)
    )


@given(st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), seeds)
def test_merging_in_numpy_gives_the_same_vectors_and_going_back_undoes_it(rows, columns, size, seed):
    features = normal(torch.Generator().manual_seed(seed), rows * size, columns * size, 2)
    memory = Memory(
        features.view(1, -1, 2), torch.ones(1, features[..., 0].numel(), dtype=torch.bool), features.shape[:2]
    )
    merged = first_principles.merge_neighbours(features.numpy(), size)
    assert np.array_equal(
        merged.reshape(1, rows * columns, -1), merge_neighbours(memory, (size, size)).features.numpy()
    )
    assert np.array_equal(first_principles.merge_neighbours_backward(merged, size), features.numpy())


@settings(max_examples=25)
@given(plain, st.lists(words, min_size=1, max_size=3), seeds)
def test_two_pictures_that_change_places_change_the_answer_and_what_comes_before_a_picture_does_not_see_it(
    language_model, text, seed
):
    model, generator = with_media(language_model, seed), torch.Generator().manual_seed(seed)
    pictures, row = normal(generator, 2, 4, WIDTH), [*text, IMAGE, IMAGE, *text]
    logits, swapped = (model([row], {"image": (order,)}) for order in (pictures, pictures.flip(0)))
    assert_same(logits[:, : len(text)], swapped[:, : len(text)])
    assert (logits[:, len(text) :] != swapped[:, len(text) :]).any(dim=-1).all()


@settings(max_examples=25)
@given(plain, mixed, st.integers(1, 6), seeds)
def test_writing_with_a_cache_is_writing_without(language_model, rows, length, seed):
    """Greedy decoding after a prompt that is read once equals reading everything again for every word."""
    model, media = with_media(language_model, seed), random_media(rows, torch.Generator().manual_seed(seed))
    embedded = model.embed(rows, media)
    written = generate(language_model, embedded, length)
    x = embedded.vectors
    for step in range(length):
        mask = None if embedded.key_mask is None else torch.nn.functional.pad(embedded.key_mask, (0, step), value=True)
        logits = language_model.forward_embeddings(x, key_mask=mask)[:, -1]
        # A token may differ only where two are equally likely.
        for row, token in enumerate(logits.float().argmax(dim=-1).tolist()):
            assert token == written[row][step]
        x = torch.cat([x, language_model.embed(torch.tensor([[row[step]] for row in written]))], dim=1)
    (best, *_), *_ = beam_search(language_model, embedded, length, num_beams=1)
    assert best[1] == written[0]


@settings(max_examples=25)
@given(plain, seeds)
def test_every_part_learns_and_frozen_parts_do_not(language_model, seed):
    model, rows = with_media(language_model, seed), [[0, IMAGE, AUDIO, 1], [AUDIO, 2]]
    generator = torch.Generator().manual_seed(seed)
    logits = model(rows, random_media(rows, generator))
    (logits * normal(generator, *logits.shape)).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert [name for name, p in model.projectors.named_parameters() if not p.grad.any()] == []
    model.zero_grad(set_to_none=True)
    freeze(model, except_=["projectors"])
    logits = model(rows, random_media(rows, generator))
    (logits * normal(generator, *logits.shape)).sum().backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert learning == {f"projectors.{name}" for name, _ in model.projectors.named_parameters()}


@settings(max_examples=25)
@given(plain)
def test_places_and_media_that_do_not_fit_are_explained(language_model):
    model, picture = with_media(language_model, 0), torch.zeros(1, 4, WIDTH, dtype=torch.float64)
    with pytest.raises(MinimmError, match="2 places <image>, but 1 were given; give one for each"):
        model([[IMAGE, 0, IMAGE]], {"image": (picture,)})
    with pytest.raises(MinimmError, match="0 places <image>, but 1 were given"):
        model([[0]], {"image": (picture,)})
    with pytest.raises(MinimmError, match="no encoder for video; it knows image, audio"):
        model([[0]], {"video": (picture,)})
    for rows in ([], [[]]):
        with pytest.raises(MinimmError, match="at least one row, each with at least one token"):
            model(rows, {})
    with pytest.raises(MinimmError, match="must name the same modalities"):
        MultimodalLanguageModel(language_model, {}, {"image": 0}, {})


@given(st.lists(st.sampled_from(["<image>", "<audio>", " the", " digit", "a", " <b>"]), min_size=1, max_size=8))
def test_a_place_is_one_token_wherever_it_stands(pieces):
    text = "".join(pieces)
    tokenizer = PromptTokenizer.train(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert find_places(text) == [piece.strip("<>") for piece in pieces if piece in ("<image>", "<audio>")]
    for name, place in tokenizer.place_ids.items():
        assert ids.count(place) == pieces.count(f"<{name}>") > 0
    assert PromptTokenizer.from_saved(tokenizer.saved(), "x").encode(text) == ids
