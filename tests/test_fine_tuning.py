"""The laws of fine-tuning: LoRA, freezing, layer-wise rates, label smoothing, hidden tokens, early stopping."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.datasets.text_corpus import IGNORE
from minimm.errors import MinimmError
from minimm.layers.adapters import LoRALinear, add_lora, merge_lora
from minimm.layers.dropout import seed_dropout
from minimm.layers.initialization import initialize
from minimm.models.sequence_classifier import SequenceClassifier
from minimm.models.span_selector import best_spans
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.training.fine_tuning import freeze, layer_wise_factors
from minimm.training.losses import cross_entropy
from minimm.training.masked_tokens import mask_tokens
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

seeds = st.integers(0, 2**31)
MASK, PAD = 3, 0


def classifier(seed=0, layers=2):
    config = TextEncoderConfig(vocab_size=30, context_length=12, d_model=16, num_heads=2, num_layers=layers)
    model = SequenceClassifier(TextEncoder(config), 2)
    initialize(model, torch.Generator().manual_seed(seed), layers)
    return model.eval()


def some_ids(seed):
    return torch.randint(30, (3, 8), generator=torch.Generator().manual_seed(seed))


def train(model, seed, steps=5):
    """A few steps on random labels."""
    seed_dropout(model, 0)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(model(some_ids(seed)), torch.tensor([0, 1, 0])).backward()
        optimizer.step()


@given(seed=seeds, rank=st.integers(1, 4))
def test_lora_begins_as_no_change_and_only_its_matrices_learn(seed, rank):
    model = classifier()
    before = model(some_ids(seed))
    weights = copy.deepcopy(model.state_dict())
    add_lora(model.encoder, rank, 8.0, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(model(some_ids(seed)), before)
    freeze_names = {name for name, p in model.encoder.named_parameters() if p.requires_grad}
    assert freeze_names and all(name.endswith((".down", ".up")) for name in freeze_names)
    model.output.requires_grad_(False)
    train(model, seed)
    trained = model(some_ids(seed))
    assert not torch.allclose(trained, before)
    for module in [m for m in model.modules() if isinstance(m, LoRALinear)]:
        untouched = module.linear.weight.clone()
        module.merge()
        assert not torch.equal(module.linear.weight, untouched)
        module.merge()  # a second time changes nothing
        module.unmerge()
        assert torch.equal(module.linear.weight, untouched)
    merge_lora(model)
    torch.testing.assert_close(model(some_ids(seed)), trained, rtol=1e-4, atol=1e-5)
    assert model.state_dict().keys() == weights.keys()


def test_lora_says_what_it_cannot_do():
    with pytest.raises(MinimmError, match="rank=17 must be from 1 to 16"):
        add_lora(classifier().encoder, 17, 8.0, generator=torch.Generator())
    with pytest.raises(MinimmError, match=r"no linear layer named \['nothing'\]"):
        add_lora(classifier().encoder, 2, 8.0, generator=torch.Generator(), targets=["nothing"])


def test_what_is_frozen_stays_bit_for_bit():
    model = classifier()
    freeze(model, except_=("output",))
    before = copy.deepcopy(model.state_dict())
    train(model, 0)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"output.weight", "output.bias"}
    with pytest.raises(MinimmError, match="'head' is no part of this SequenceClassifier"):
        freeze(model, except_=("head",))


@given(decay=st.floats(0.1, 1.0), layers=st.integers(1, 4))
def test_the_rate_falls_by_the_same_factor_with_every_layer_towards_the_input(decay, layers):
    model = classifier(layers=layers)
    names = {parameter: name for name, parameter in model.named_parameters()}
    factors = {names[parameter]: factor for parameter, factor in layer_wise_factors(model, decay).items()}
    for name, factor in factors.items():
        if ".blocks." in name:
            depth = int(name.split(".blocks.")[1].split(".")[0])
            assert factor == pytest.approx(decay ** (layers - depth))
        elif "embedding" in name:
            assert factor == pytest.approx(decay ** (layers + 1))
        else:
            assert factor == 1.0
    with pytest.raises(MinimmError, match="layer_decay=0"):
        layer_wise_factors(model, 0)


@given(seed=seeds, smoothing=st.floats(0.0, 0.9))
def test_label_smoothing_is_torchs_in_value_and_gradient(seed, smoothing):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(5, (6,), generator=generator)
    targets[1] = IGNORE
    ours = cross_entropy(logits, targets, label_smoothing=smoothing)
    theirs = torch.nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (ours, theirs)))


@given(values=st.lists(st.integers(0, 9), min_size=12, max_size=12), patience=st.integers(1, 4), kept=st.booleans())
@settings(max_examples=20)
def test_a_run_ends_when_the_loss_has_not_fallen_for_long_enough_and_gives_the_best_weights_back(
    values, patience, kept, tmp_path_factory
):
    model, seen, losses = classifier(layers=1), [], iter(values)

    def validate(model):
        seen.append(copy.deepcopy(model.state_dict()))
        return float(next(losses))

    trainer = Trainer(
        model,
        TrainerConfig(max_steps=10, validate_every=1, patience=patience, precision="float32"),
        draw_batch=lambda generator: torch.randint(30, (3, 8), generator=generator),
        loss=lambda model, ids: cross_entropy(model(ids), ids[:, 0] % 2),
        validate=validate,
        folder=tmp_path_factory.mktemp("run") if kept else None,
    )
    result = trainer.run()
    best = values.index(min(values[: len(seen)]))  # the first of equals
    assert result.best_step == best and result.best_validation_loss == values[best]
    assert result.steps <= 10 and result.steps in (best + patience, 10)
    assert all(torch.equal(value, seen[best][name]) for name, value in model.state_dict().items())


@given(seed=seeds, probability=st.floats(0.05, 0.6))
def test_hidden_tokens_are_asked_for_and_the_others_stay(seed, probability):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 30, (4, 12), generator=generator)
    ids[:, 0], ids[2:, 9:] = 1, PAD
    special = (ids == 1) | (ids == PAD)
    inputs, targets = mask_tokens(ids, MASK, 30, special, torch.Generator().manual_seed(seed), probability)
    asked = targets != IGNORE
    assert torch.equal(targets[asked], ids[asked])
    assert torch.equal(inputs[~asked], ids[~asked])
    assert not (asked & special).any()
    assert asked.any(dim=1).all()
    again = mask_tokens(ids, MASK, 30, special, torch.Generator().manual_seed(seed), probability)
    assert torch.equal(inputs, again[0]) and torch.equal(targets, again[1])


def test_the_shares_of_hidden_random_and_untouched_tokens_are_those_of_the_paper():
    ids = torch.full((200, 500), 7)
    inputs, targets = mask_tokens(
        ids, MASK, 1000, torch.zeros_like(ids, dtype=torch.bool), torch.Generator().manual_seed(0)
    )
    asked = targets != IGNORE
    shown = inputs[asked]
    assert asked.float().mean().item() == pytest.approx(0.15, abs=0.005)
    assert (shown == MASK).float().mean().item() == pytest.approx(0.8, abs=0.01)
    assert (shown == 7).float().mean().item() == pytest.approx(0.1, abs=0.01)
    with pytest.raises(MinimmError, match="probability=1.5"):
        mask_tokens(ids, MASK, 1000, torch.zeros_like(ids, dtype=torch.bool), torch.Generator(), 1.5)


@given(seed=seeds, padding=st.integers(1, 4))
def test_padding_changes_nothing_at_the_real_places(seed, padding):
    model = classifier()
    ids = some_ids(seed)
    padded = torch.nn.functional.pad(ids, (0, padding), value=PAD)
    mask = torch.arange(ids.shape[1] + padding).expand(len(ids), -1) < ids.shape[1]
    torch.testing.assert_close(model(padded, mask), model(ids), rtol=1e-4, atol=1e-5)


@given(seed=seeds, length=st.integers(1, 8), longest=st.integers(1, 8))
def test_the_best_span_is_the_best_of_all(seed, length, longest):
    generator = torch.Generator().manual_seed(seed)
    starts, ends = torch.randn(1, length, generator=generator), torch.randn(1, length, generator=generator)
    found = best_spans(starts, ends, longest)
    begin, end = (int(part[0]) for part in found[:2])
    assert 0 <= begin <= end < begin + longest
    best = max((starts[0, a] + ends[0, b]).item() for a in range(length) for b in range(a, min(length, a + longest)))
    assert (starts[0, begin] + ends[0, end]).item() == pytest.approx(best)
