"""The laws of the language model and its cache. Oracles: PyTorch's pre-norm layers, and Llama's recipe written out."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, in_pytorchs_names, normal, seeds
from small_models import CONTEXT_LENGTH, POSITIONS, models, random_ids, random_memory, random_model, take_rows

from minimm.errors import MinimmError
from minimm.interpretation.recorder import attention_maps, record_attention
from minimm.layers.kv_cache import KVCache, LayerCache
from minimm.layers.masks import causal_mask
from minimm.layers.multi_head_attention import SelfAttention
from minimm.layers.transformer_block import TransformerBlock
from minimm.models.language_model import LanguageModel, LanguageModelConfig, num_parameters

lengths = st.integers(1, CONTEXT_LENGTH)


@given(st.booleans(), st.integers(1, 2), st.integers(1, 3), st.integers(1, 5), seeds)
def test_a_block_equals_pytorchs_pre_norm_layers(cross, num_heads, d_head, length, seed):
    generator = torch.Generator().manual_seed(seed)
    d_model = num_heads * d_head
    options = {"d_ff": 7, "normalization": "layer", "feed_forward": "gelu", "bias": True}
    block = TransformerBlock(d_model, num_heads, d_memory=d_model if cross else None, **options).double()
    fill(block, generator)
    kind = torch.nn.TransformerDecoderLayer if cross else torch.nn.TransformerEncoderLayer
    oracle = kind(d_model, num_heads, 7, dropout=0.0, activation="gelu", batch_first=True, norm_first=True).double()
    parts = {"self_attn": in_pytorchs_names(block.attention, packed=True)}
    parts |= {"linear1": block.feed_forward.up.state_dict(keep_vars=True)}
    parts |= {"linear2": block.feed_forward.down.state_dict(keep_vars=True)}
    norms = [block.attention_norm, block.feed_forward_norm]
    if cross:
        parts["multihead_attn"] = in_pytorchs_names(block.cross_attention, packed=True)
        norms.insert(1, block.cross_attention_norm)
    parts |= {f"norm{i}": {"weight": norm.gain, "bias": norm.bias} for i, norm in enumerate(norms, start=1)}
    state = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
    causal, memory_mask = causal_mask(length), torch.tensor([[True, True, False], [False, True, True]])

    def ours(x, memory=None):
        key_value = block.cross_attention.project_memory(memory) if cross else None
        mask = memory_mask[:, None, None] if cross else None
        return block(x, causal=length > 1, memory_key_value=key_value, memory_mask=mask)

    def theirs(x, memory=None):
        if cross:
            masks = {"tgt_mask": ~causal, "memory_key_padding_mask": ~memory_mask}
            return torch.func.functional_call(oracle, state, (x, memory), masks)
        return torch.func.functional_call(oracle, state, (x,), {"src_mask": ~causal})

    inputs = [normal(generator, 2, length, d_model)] + [normal(generator, 2, 3, d_model)] * cross
    assert_same_value_and_gradients(ours, theirs, *inputs, parameters=list(block.parameters()))


def llama(model: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """The recipe in one piece: RMSNorm, queries and keys turned as complex numbers, SwiGLU, for one text (T,)."""
    config, weights = model.config, dict(model.named_parameters()) | {"output.weight": model.output.weight}
    heads, groups, d = config.num_heads, config.num_key_value_heads, config.d_model // config.num_heads
    frequency = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    turn = torch.exp(1j * torch.arange(len(ids))[:, None] * frequency)  # (T, D / 2)

    def norm(x, name):
        return F.rms_norm(x, x.shape[-1:], weights[f"{name}.gain"], eps=1e-6)

    def turned(x):  # (T, D)
        z = torch.complex(x[:, : d // 2], x[:, d // 2 :]) * turn
        return torch.cat([z.real, z.imag], dim=-1)

    x = weights["embedding.weight"][ids]
    for i in range(config.num_layers):
        block = f"blocks.{i}"
        joined = norm(x, f"{block}.attention_norm") @ weights[f"{block}.attention.query_key_value.weight"].T
        query, key, value = joined.split([heads * d, groups * d, groups * d], dim=-1)
        mixed = []
        for head in range(heads):
            group = head // (heads // groups)
            q, k = turned(query[:, head * d : (head + 1) * d]), turned(key[:, group * d : (group + 1) * d])
            scores = (q @ k.T / d**0.5).masked_fill(torch.ones(len(ids), len(ids)).triu(1).bool(), -torch.inf)
            mixed.append(scores.softmax(dim=-1) @ value[:, group * d : (group + 1) * d])
        x = x + torch.cat(mixed, dim=-1) @ weights[f"{block}.attention.output.weight"].T
        h, ff = norm(x, f"{block}.feed_forward_norm"), f"{block}.feed_forward"
        wide = F.silu(h @ weights[f"{ff}.gate.weight"].T) * (h @ weights[f"{ff}.up.weight"].T)
        x = x + wide @ weights[f"{ff}.down.weight"].T
    return norm(x, "final_norm") @ weights["output.weight"].T


@given(models(memory=False, positions="rotary", normalization="rms", feed_forward="swiglu", bias=False), lengths, seeds)
def test_the_default_model_is_llamas_recipe(model, length, seed):
    ids = random_ids(2, length, torch.Generator().manual_seed(seed))
    expected = torch.stack([llama(model, row) for row in ids])
    assert_same(model(ids), expected, tolerance=1e-5)  # the rotary tables are float32


@given(models(), st.integers(2, CONTEXT_LENGTH), seeds, st.data())
def test_changing_a_future_token_leaves_the_past_logits_unchanged(model, length, seed, data):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, length, generator), random_memory(model, 2, generator)
    at = data.draw(st.integers(0, length - 1))
    changed = ids.clone()
    changed[:, at] = (changed[:, at] + 1) % model.config.vocab_size
    before, after = model(ids, memory=memory), model(changed, memory=memory)
    assert_same(after[:, :at], before[:, :at])
    assert (after[:, at:] != before[:, at:]).any(dim=-1).all()  # while all that follows does see it


@given(models(), st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(0, 4), seeds)
def test_left_padding_changes_nothing(model, row_lengths, extra, seed):
    generator = torch.Generator().manual_seed(seed)
    width = max(row_lengths) + extra
    ids = random_ids(len(row_lengths), width, generator)  # the padding is filled with any tokens
    key_mask = torch.stack([torch.arange(width) >= width - length for length in row_lengths])
    memory = random_memory(model, len(row_lengths), generator)
    padded = model(ids, key_mask=key_mask, memory=memory)
    assert padded.isfinite().all()
    for row, length in enumerate(row_lengths):
        alone = model(ids[row : row + 1, width - length :], memory=take_rows(memory, [row]))
        assert_same(padded[row, width - length :], alone[0])


@given(models(), lengths, st.booleans(), seeds, st.data())
def test_reading_in_pieces_with_a_cache_gives_the_logits_of_reading_at_once(model, length, padded, seed, data):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, length, generator), random_memory(model, 2, generator)
    key_mask = None
    if padded:
        key_mask = torch.arange(length) >= torch.tensor([[0], [data.draw(st.integers(0, length - 1))]])
    cuts = sorted(data.draw(st.sets(st.integers(1, length - 1)))) if length > 1 else []
    cache, pieces = model.new_cache(), []
    for start, end in zip([0, *cuts], [*cuts, length], strict=True):
        seen = None if key_mask is None else key_mask[:, :end]
        pieces.append(model(ids[:, start:end], key_mask=seen, cache=cache, memory=memory))
        assert cache.length == end
    assert_same(torch.cat(pieces, dim=1), model(ids, key_mask=key_mask, memory=memory))


@given(models(), st.lists(st.integers(0, 2), min_size=1, max_size=5), st.integers(1, 6), seeds)
def test_a_cache_whose_rows_were_reordered_continues_those_texts(model, rows, length, seed):
    generator = torch.Generator().manual_seed(seed)
    memory = random_memory(model, 3, generator)
    begun, continued = random_ids(3, length, generator), random_ids(len(rows), 3, generator)
    cache = model.new_cache()
    model(begun, cache=cache, memory=memory)
    cache.select_rows(torch.tensor(rows))
    memory = take_rows(memory, rows)
    expected = model(torch.cat([begun[rows], continued], dim=1), memory=memory)[:, length:]
    assert_same(model(continued, cache=cache, memory=memory), expected)


@given(models(), lengths, seeds)
def test_recording_attention_changes_no_logit_and_each_recorded_row_sums_to_one(model, length, seed):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, length, generator), random_memory(model, 2, generator)
    expected = model(ids, memory=memory)
    with record_attention(model) as record:
        assert_same(model(ids, memory=memory), expected)
        weights = record()
    kinds = ["attention"] + ["cross_attention"] * (memory is not None)
    assert sorted(weights) == sorted(f"blocks.{i}.{kind}" for i in range(model.config.num_layers) for kind in kinds)
    for name, rows in weights.items():
        cross = name.endswith("cross_attention")
        assert rows.shape == (2, model.config.num_heads, length, 4 if cross else length)
        assert_same(rows.sum(dim=-1), torch.ones(rows.shape[:-1], dtype=torch.float64))
        allowed = memory.mask[:, None, None].expand_as(rows) if cross else causal_mask(length).expand_as(rows)
        assert rows[~allowed].eq(0).all()
    assert all(not m.record and m.weights is None for m in model.modules() if hasattr(m, "record"))
    maps = attention_maps(model, lambda: model(ids, memory=memory), SelfAttention)
    assert_same(maps, torch.stack([weights[f"blocks.{i}.attention"].float() for i in range(len(maps))]))


@given(models(), seeds)
def test_a_loaded_state_gives_the_same_logits_and_every_parameter_takes_part(model, seed):
    generator = torch.Generator().manual_seed(seed)
    ids, memory = random_ids(2, 5, generator), random_memory(model, 2, generator)
    logits = model(ids, memory=memory)
    other = LanguageModel(LanguageModelConfig(**dataclasses.asdict(model.config))).double().eval()
    other.load_state_dict(model.state_dict())
    assert other(ids, memory=memory).equal(logits)
    (logits * normal(generator, *logits.shape)).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("positions", POSITIONS)
def test_tables_move_with_the_model_and_are_not_saved(positions):
    config = LanguageModelConfig(5, context_length=6, d_model=4, num_heads=2, num_layers=1, positions=positions)
    model = LanguageModel(config)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()} | {"output.weight"}  # tied
    model.to("meta")
    on_meta = [tensor for module in model.modules() for tensor in vars(module).values() if torch.is_tensor(tensor)]
    assert on_meta == []  # no tensor hides outside parameters and buffers, where .to(device) would miss it
    assert {tensor.device.type for tensor in [*model.parameters(), *model.buffers()]} == {"meta"}
    assert len(list(model.buffers())) == {"learned": 0, "sinusoidal": 1, "rotary": 2}[positions]


def test_a_tied_matrix_counts_once():
    tied, untied = (LanguageModelConfig(50, d_model=8, num_heads=2, tie_embeddings=tie) for tie in (True, False))
    assert num_parameters(LanguageModel(untied)) - num_parameters(LanguageModel(tied)) == 50 * 8


def test_a_cache_holds_what_it_was_made_for_and_no_more():
    layer, new = LayerCache(4), torch.arange(6.0).view(1, 1, 3, 2)
    assert layer.append(new, -new)[0].equal(new)
    keys, values = layer.append(new[:, :, :1], new[:, :, 1:2])
    assert keys.equal(torch.cat([new, new[:, :, :1]], 2)) and values.equal(torch.cat([-new, new[:, :, 1:2]], 2))
    with pytest.raises(MinimmError, match="holds 4 positions, 4 are used and 3 more do not fit"):
        layer.append(new, new)
    KVCache(2, 4).select_rows(torch.tensor([0]))  # nothing read yet: nothing to reorder


@given(models())
def test_texts_masks_and_memories_that_do_not_fit_are_explained(model):
    generator = torch.Generator().manual_seed(0)
    ids, memory = random_ids(2, CONTEXT_LENGTH, generator), random_memory(model, 2, generator)
    cache = model.new_cache()
    model(ids[:, 1:], cache=cache, memory=memory)
    other = random_model(dataclasses.replace(model.config, d_memory=None if memory else 3), generator)
    for message, wrong in {
        "has 13 tokens .* context_length=12": lambda: model(random_ids(2, 13, generator), memory=memory),
        "has 14 tokens .* context_length=12": lambda: model(ids[:, :3], cache=cache, memory=memory),
        "needs a memory": lambda: other(ids, memory=memory),
        r"\(B, T_k\) = \(2, 12\), but it is \(2, 11\)": lambda: model(ids, key_mask=ids[:, 1:] > 0, memory=memory),
        "mask must be bool": lambda: model(ids, key_mask=ids.clamp(max=1), memory=memory),
    }.items():
        with pytest.raises(MinimmError, match=message):
            wrong()


def test_sizes_and_names_that_make_no_model_are_explained():
    for message, options in {
        "d_model=10 does not split over num_heads=4": {"d_model": 10},
        "d_model=9 does not split over num_heads=2": {"d_model": 9, "num_heads": 2},
        "num_heads=4 does not split over num_key_value_heads=3": {"num_key_value_heads": 3},
        "head size must be even, but it is 3": {"d_model": 12},
        "d_model must be even, but it is 3": {"d_model": 3, "num_heads": 1, "positions": "sinusoidal"},
        "num_layers must be a whole number of at least 1, but it is 0": {"num_layers": 0},
        "vocab_size must be a whole number of at least 1, but it is 2.5": {"vocab_size": 2.5},
        "positions='absolute' is not known": {"positions": "absolute"},
        "normalization='batch' is not known": {"normalization": "batch"},
        "feed_forward='relu' is not known": {"feed_forward": "relu"},
        "dropout=1.0 is not a probability": {"dropout": 1.0},
    }.items():
        with pytest.raises(MinimmError, match=message):
            LanguageModel(LanguageModelConfig(**{"vocab_size": 5} | options))
