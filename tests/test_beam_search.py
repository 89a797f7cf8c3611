"""The laws of beam search. Oracle: every possible continuation, scored without a cache."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import seeds
from small_models import CONTEXT_LENGTH, VOCAB_SIZE, models, random_memory, take_rows

from minimm.errors import MinimmError
from minimm.generation.beam_search import beam_search, length_penalty
from minimm.generation.sampling import generate

alphas = st.sampled_from([0.0, 0.6, 1.0])
prompts = st.lists(st.integers(0, 2), min_size=1, max_size=4)
tiny = models(vocab_size=3)


@torch.inference_mode()
def log_probability(model, prompt: list[int], continuation: list[int], memory) -> float:
    """log p(continuation | prompt), read in one pass."""
    log_p = model(torch.tensor([prompt + continuation]), memory=memory)[0].log_softmax(dim=-1)
    return sum(log_p[len(prompt) - 1 + t, token].item() for t, token in enumerate(continuation))


def score(model, prompt, ids, ended, end_id, alpha, memory) -> float:
    """log p(y) / ((5 + |y|) / 6)^alpha, where an ended text's |y| counts its end token."""
    whole = ids + [end_id] * ended
    return log_probability(model, prompt, whole, memory) / ((5 + len(whole)) / 6) ** alpha


def every_text(vocab_size: int, length: int, end_id: int | None) -> list[tuple[list[int], bool]]:
    """All (tokens, ended) of at most `length` tokens with the end token; unended ones have exactly `length`."""
    words = [token for token in range(vocab_size) if token != end_id]
    texts = [(list(ids), False) for ids in itertools.product(words, repeat=length)]
    if end_id is not None:
        texts += [(list(ids), True) for n in range(length) for ids in itertools.product(words, repeat=n)]
    return texts


@given(tiny, st.lists(prompts, min_size=1, max_size=2), st.none() | st.integers(0, 2), alphas, seeds)
def test_with_enough_beams_the_search_is_exhaustive(model, batch, end_id, alpha, seed):
    length = 3
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    found = beam_search(model, batch, length, num_beams=3**length, alpha=alpha, end_id=end_id, memory=memory)
    for row, prompt in enumerate(batch):
        row_memory = take_rows(memory, [row])
        everything = [
            (score(model, prompt, ids, ended, end_id, alpha, row_memory), ids)
            for ids, ended in every_text(3, length, end_id)
        ]
        everything.sort(key=lambda pair: -pair[0])
        assert len(found[row]) == len(everything)  # 27 texts without an end, 15 with one
        assert [s for s, _ in found[row]] == pytest.approx([s for s, _ in everything], abs=1e-4)
        assert sorted(ids for _, ids in found[row]) == sorted(ids for _, ids in everything)
        assert found[row][0][1] == everything[0][1] or everything[0][0] - everything[1][0] < 1e-4


@given(models(), st.lists(prompts, min_size=1, max_size=3), st.integers(1, 7), seeds)
def test_one_beam_without_length_penalty_is_greedy(model, batch, steps, seed):
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    found = beam_search(model, batch, steps, num_beams=1, alpha=0.0, memory=memory)
    assert [[ids for _, ids in row] for row in found] == [[ids] for ids in generate(model, batch, steps, memory=memory)]


@given(models(), prompts, st.integers(1, 5), st.integers(1, 6), st.none() | st.integers(0, 6), alphas, seeds)
def test_each_text_comes_with_its_own_score_best_first(model, prompt, num_beams, steps, end_id, alpha, seed):
    memory = random_memory(model, 1, torch.Generator().manual_seed(seed))
    found = beam_search(model, [prompt], steps, num_beams=num_beams, alpha=alpha, end_id=end_id, memory=memory)[0]
    assert 1 <= len(found) <= num_beams
    assert len({tuple(ids) for _, ids in found}) == len(found)
    assert [s for s, _ in found] == sorted((s for s, _ in found), reverse=True)
    for value, ids in found:
        assert end_id not in ids and len(ids) <= steps and (end_id is not None or len(ids) == steps)
        expected = score(model, prompt, ids, len(ids) < steps, end_id, alpha, memory)
        assert value == pytest.approx(expected, abs=1e-4)


@given(models(), st.lists(prompts, min_size=2, max_size=3), st.integers(1, 4), st.integers(0, 6), alphas, seeds)
def test_a_batch_finds_what_each_prompt_finds_alone(model, batch, num_beams, end_id, alpha, seed):
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    options = {"num_beams": num_beams, "alpha": alpha, "end_id": end_id}
    together = beam_search(model, batch, 5, memory=memory, **options)
    for row, prompt in enumerate(batch):
        alone = beam_search(model, [prompt], 5, memory=take_rows(memory, [row]), **options)[0]
        assert [ids for _, ids in together[row]] == [ids for _, ids in alone]
        assert [s for s, _ in together[row]] == pytest.approx([s for s, _ in alone], abs=1e-4)


@given(models(), st.lists(prompts, min_size=1, max_size=2), st.integers(1, 3), seeds)
def test_beams_go_on_past_the_context(model, batch, num_beams, seed):
    memory = random_memory(model, len(batch), torch.Generator().manual_seed(seed))
    steps = CONTEXT_LENGTH + 5
    found = beam_search(model, batch, steps, num_beams=num_beams, alpha=0.0, memory=memory)
    assert all(len(row) == num_beams and all(len(ids) == steps for _, ids in row) for row in found)
    if num_beams == 1:
        assert [row[0][1] for row in found] == generate(model, batch, steps, memory=memory)


def test_the_length_penalty_worked_by_hand():
    assert length_penalty(1, 0.6) == 1.0 and length_penalty(7, 1.0) == 2.0 and length_penalty(7, 0.0) == 1.0
    assert length_penalty(19, 0.5) == 2.0


@given(models(memory=False))
def test_impossible_settings_are_explained(model):
    for wrong, message in (
        (lambda: beam_search(model, [[0]], 3, num_beams=0), "num_beams=0 must be at least 1"),
        (lambda: beam_search(model, [[0]], 0), "max_new_tokens=0 must be at least 1"),
        (lambda: beam_search(model, [[]], 3), "at least one token"),
        (lambda: beam_search(model, [[0] * (CONTEXT_LENGTH + 1)], 3), "context_length=12"),
    ):
        with pytest.raises(MinimmError, match=message):
            wrong()
    assert len(beam_search(model, [[0]], 1, num_beams=50)[0]) == VOCAB_SIZE  # no more texts than there are
