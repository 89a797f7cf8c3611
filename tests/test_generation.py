"""The laws of choosing tokens: filters, greedy writing and sampling. Oracles: loops without a cache, and exact counts."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import seeds
from small_models import CONTEXT_LENGTH, VOCAB_SIZE, models, random_memory, take_rows

from minimm.errors import MinimmError
from minimm.generation.decoder import CachedDecoder, pad_left
from minimm.generation.sampling import Sampling, choose_token, generate, top_k_filter, top_p_filter
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.checkpoint import load_weights, save_tensors
from minimm.training.losses import cross_entropy
from minimm.training.optimization import build_optimizer

tokens = st.integers(0, VOCAB_SIZE - 1)
prompts = st.lists(tokens, min_size=1, max_size=4)
long_prompts = st.integers(1, CONTEXT_LENGTH).flatmap(lambda n: st.lists(tokens, min_size=n, max_size=n))
logit_rows = st.lists(st.integers(-6, 6).map(lambda n: n / 2), min_size=1, max_size=8)  # few values: many ties


def write_greedily(model, prompt: list[int], steps: int, memory=None, padding: int = 0) -> list[int]:
    """The likeliest token again and again, the whole window read anew for each, without its `padding` on the left.

    A window that would outgrow the context keeps its newer half.
    """
    window, written = [None] * padding + prompt, []
    for _ in range(steps):
        with torch.inference_mode():
            logits = model(torch.tensor([[token for token in window if token is not None]]), memory=memory)[0, -1]
        written.append(int(logits.argmax()))
        window.append(written[-1])
        if len(window) > CONTEXT_LENGTH:
            window = window[-(CONTEXT_LENGTH // 2) :]
    return written


@given(logit_rows, st.integers(1, 10))
def test_top_k_keeps_the_k_largest_and_those_equal_to_the_last_of_them(row, k):
    kept = top_k_filter(torch.tensor([row, row]), k)[1].tolist()
    threshold = sorted(row, reverse=True)[min(k, len(row)) - 1]
    assert kept == [value if value >= threshold else -math.inf for value in row]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.data())
def test_top_p_keeps_the_smallest_set_of_likeliest_tokens_that_reaches_p(weights, data):
    # Probabilities are weights / total; p lies half a unit below a whole number of units, so rounding decides nothing.
    units = data.draw(st.integers(1, sum(weights)))
    logits = torch.tensor([weights]).double().log()
    kept = top_p_filter(logits, (units - 0.5) / sum(weights))
    kept_weights = sorted((w for w, value in zip(weights, kept[0], strict=True) if value > -math.inf), reverse=True)
    assert kept_weights == sorted(weights, reverse=True)[: len(kept_weights)]  # the likeliest
    assert sum(kept_weights) >= units > sum(kept_weights[:-1])  # reach p, and without the last of them do not
    assert kept[kept > -math.inf].equal(logits[kept > -math.inf])  # what is kept is unchanged


@given(logit_rows)
def test_keeping_everything_changes_nothing_and_the_likeliest_is_always_kept(row):
    logits = torch.tensor([row])
    assert top_k_filter(logits, len(row)).equal(logits) and top_p_filter(logits, 1.0).equal(logits)
    assert top_p_filter(logits, 1e-12).max() == logits.max() and top_k_filter(logits, 1).max() == logits.max()


@given(st.permutations(range(6)), st.floats(0.0, 1e-3), seeds)
def test_a_temperature_near_zero_is_greedy(order, temperature, seed):
    logits = torch.tensor([order, order[::-1]]).float()
    chosen = choose_token(logits, Sampling(temperature), torch.Generator().manual_seed(seed))
    assert chosen.tolist() == [order.index(5), order[::-1].index(5)]


@given(
    st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=6),
    st.floats(0.5, 2.0),
    st.none() | st.integers(1, 6),
    st.none() | st.floats(0.1, 1.0),
    seeds,
)
def test_tokens_are_drawn_as_often_as_their_probability_says(row, temperature, top_k, top_p, seed):
    n = 10000
    logits = torch.tensor(row).double()
    scaled = logits / temperature
    if top_k is not None:
        scaled = top_k_filter(scaled, top_k)
    if top_p is not None:
        scaled = top_p_filter(scaled, top_p)
    probabilities = scaled.exp() / scaled.exp().sum()
    sampling = Sampling(temperature, top_k, top_p)
    drawn = choose_token(logits.expand(n, -1), sampling, torch.Generator().manual_seed(seed))
    counts = torch.bincount(drawn, minlength=len(row)).double()
    assert counts[probabilities == 0].eq(0).all()
    possible = probabilities > 0
    deviation = (counts - n * probabilities)[possible].abs()
    assert (deviation <= 5.5 * (n * probabilities * (1 - probabilities))[possible].sqrt() + 1e-6).all()


@given(models(), st.lists(prompts, min_size=1, max_size=3), st.integers(1, 7), seeds)
def test_greedy_writing_in_a_batch_equals_the_loop_without_a_cache_for_each_prompt_alone(model, batch, steps, seed):
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    expected = [write_greedily(model, prompt, steps, take_rows(memory, [row])) for row, prompt in enumerate(batch)]
    global_state = torch.get_rng_state()
    assert generate(model, batch, steps, memory=memory) == expected
    assert torch.get_rng_state().equal(global_state)


@given(models(), long_prompts, st.integers(10, 40), seeds)
def test_a_text_longer_than_the_context_goes_on_from_the_newer_half(model, prompt, steps, seed):
    memory = random_memory(model, 1, torch.Generator().manual_seed(seed))
    written = generate(model, [prompt], steps, memory=memory)[0]
    assert written == write_greedily(model, prompt, steps, memory)


@given(models(), st.lists(long_prompts, min_size=2, max_size=3), seeds)
def test_a_padded_batch_also_goes_on_past_the_context(model, batch, seed):
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    written = generate(model, batch, 2 * CONTEXT_LENGTH, memory=memory)
    width = max(map(len, batch))
    for row, prompt in enumerate(batch):
        row_memory, padding = take_rows(memory, [row]), width - len(prompt)
        assert written[row] == write_greedily(model, prompt, 2 * CONTEXT_LENGTH, row_memory, padding)


@given(models(memory=False), st.lists(prompts, min_size=1, max_size=3), tokens, st.sampled_from([0.0, 1.0]))
def test_each_row_ends_before_its_first_end_token(model, batch, end_id, temperature):
    if temperature == 0.0:
        whole, ended = generate(model, batch, 8), generate(model, batch, 8, end_id=end_id)
    else:
        whole, ended = (generate(model, batch, 8, sampling=Sampling(1.0), end_id=end) for end in (None, end_id))
    assert ended == [row[: row.index(end_id)] if end_id in row else row for row in whole]


@given(models(memory=False), prompts, seeds, st.floats(0.3, 2.0))
def test_the_same_seed_writes_the_same_text(model, prompt, seed, temperature):
    def write(seed):
        generator = torch.Generator().manual_seed(seed)
        return generate(model, [prompt] * 8, 12, sampling=Sampling(temperature), generator=generator)

    texts = write(seed)
    assert texts == write(seed) and all(len(row) == 12 for row in texts)


def test_the_seed_decides_and_rows_are_drawn_apart():
    logits, sampling = torch.zeros(20, 50), Sampling(1.0)
    draws = [choose_token(logits, sampling, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert draws[0].equal(draws[1]) and not draws[0].equal(draws[2]) and len(set(draws[0].tolist())) > 10


@given(st.lists(prompts, min_size=1, max_size=4), tokens)
def test_prompts_are_padded_on_the_left_and_the_mask_marks_what_is_real(batch, pad_id):
    ids, mask = pad_left(batch, pad_id)
    assert mask is not None or len({len(prompt) for prompt in batch}) == 1
    for row, prompt in enumerate(batch):
        padding = ids.shape[1] - len(prompt)
        assert ids[row].tolist() == [pad_id] * padding + prompt
        assert mask is None or mask[row].tolist() == [False] * padding + [True] * len(prompt)


@given(models(memory=False))
def test_prompts_and_settings_that_make_no_sense_are_explained(model):
    with pytest.raises(MinimmError, match="13 tokens .* context_length=12"):
        generate(model, [[1], [0] * (CONTEXT_LENGTH + 1)], 2)
    for empty in ([], [[1], []]):
        with pytest.raises(MinimmError, match="at least one prompt, each with at least one token"):
            generate(model, empty, 2)
    with pytest.raises(MinimmError, match="at least 1"):
        top_k_filter(torch.zeros(2), 0)
    with pytest.raises(MinimmError, match="above 0"):
        top_p_filter(torch.zeros(2), 0.0)
    for options in ({"temperature": -1.0}, {"temperature": math.inf}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.1}):
        with pytest.raises(MinimmError, match="must be"):
            Sampling(**options)


@given(models(), st.lists(prompts, min_size=2, max_size=3), st.data(), seeds)
def test_a_decoder_whose_rows_were_selected_continues_those_texts_also_past_the_context(model, batch, data, seed):
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    rows = data.draw(st.lists(st.integers(0, len(batch) - 1), min_size=1, max_size=4))
    selected, direct = CachedDecoder(model, memory), CachedDecoder(model, take_rows(memory, rows))
    ids, key_mask = pad_left(batch)
    selected.read(ids, key_mask)
    selected.select_rows(torch.tensor(rows))
    direct.read(ids[rows], None if key_mask is None else key_mask[rows])
    for step in range(CONTEXT_LENGTH):
        new = torch.tensor([[(row + step) % VOCAB_SIZE] for row in rows])
        torch.testing.assert_close(selected.read(new), direct.read(new))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_writing_changes_no_number_of_a_model_which_can_be_saved_and_trained_afterwards(optimizer, tmp_path):
    config = LanguageModelConfig(VOCAB_SIZE, context_length=CONTEXT_LENGTH, d_model=8, num_heads=2, num_layers=1)
    used, unused = LanguageModel(config), LanguageModel(config)
    for model in (used, unused):
        initialize(model, torch.Generator().manual_seed(0), 1)
    with torch.inference_mode():  # as the tasks do
        generate(used, [[1, 2]], 3)
    assert not used.blocks[0].feed_forward.up.weight.is_contiguous()  # it lies by columns now
    for model in (used, unused):
        train_a_step(model, optimizer)
    for name, parameter in unused.named_parameters():
        torch.testing.assert_close(used.get_parameter(name), parameter, rtol=1e-4, atol=1e-6)
    save_tensors(tmp_path / "model.safetensors", dict(used.named_parameters()))
    load_weights(unused, tmp_path / "model.safetensors")
    assert all(torch.equal(p, used.get_parameter(name)) for name, p in unused.named_parameters())


def train_a_step(model, name):
    """One step of training."""
    optimizer = build_optimizer(model, name, 1e-2, 0.1, (0.9, 0.99))
    ids = torch.arange(6)[None] % VOCAB_SIZE
    cross_entropy(model(ids[:, :-1]), ids[:, 1:]).backward()
    optimizer.step()
