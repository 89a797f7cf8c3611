"""What must hold for the loss, the schedule, accumulation and the device: training's arithmetic, against PyTorch's own."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.generation.decoder import store_by_columns
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.device import bfloat16_gain, select_device, select_precision
from minimm.training.losses import cross_entropy
from minimm.training.optimization import learning_rate_factor
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

seeds = st.integers(0, 1_000)


@given(st.lists(st.integers(1, 4), max_size=2), st.integers(2, 9), st.floats(0.1, 1e4), seeds)
def test_cross_entropy_equals_pytorchs_in_value_and_gradient(batch, vocab_size, size, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = size * torch.randn(*batch, 3, vocab_size, generator=generator, dtype=torch.float64)
    targets = torch.randint(vocab_size, (*batch, 3), generator=generator)
    targets[torch.rand(targets.shape, generator=generator) < 0.3] = -100
    targets[..., 0] = 0  # PyTorch's is NaN when nothing counts
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    mine = cross_entropy(ours, targets)
    expected = torch.nn.functional.cross_entropy(theirs.flatten(0, -2), targets.flatten())
    mine.backward()
    expected.backward()
    assert torch.allclose(mine, expected, rtol=1e-9, atol=1e-9)
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9)


def test_where_no_target_counts_there_is_no_loss_and_no_gradient():
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = cross_entropy(logits, torch.full((4,), -100))
    loss.backward()
    assert loss.item() == 0.0 and torch.all(logits.grad == 0.0)


def test_knowing_nothing_costs_the_logarithm_of_the_vocabulary():
    assert cross_entropy(torch.zeros(2, 7, 50), torch.zeros(2, 7, dtype=torch.int64)).item() == pytest.approx(
        math.log(50)
    )


def test_logits_and_targets_that_do_not_match_are_refused():
    with pytest.raises(MinimmError, match="one target for each row"):
        cross_entropy(torch.zeros(3, 5), torch.zeros(4, dtype=torch.int64))


@given(st.integers(1, 200), st.floats(0.0, 0.5), st.integers(100, 400))
def test_the_learning_rate_rises_through_the_warm_up_and_then_falls_to_its_end(warmup, final, num_steps):
    factors = [learning_rate_factor(step, step / num_steps, warmup, final) for step in range(num_steps)]
    assert all(0.0 < factor <= 1.0 for factor in factors)
    assert all(
        later <= earlier + 1e-12 for earlier, later in zip(factors[warmup:], factors[warmup + 1 :], strict=False)
    )
    assert factors[0] < factors[min(warmup, num_steps - 1) // 2] or warmup < 4
    assert learning_rate_factor(10_000, 1.0, warmup, final) == pytest.approx(final)


def tiny_model() -> torch.nn.Module:
    model = LanguageModel(LanguageModelConfig(vocab_size=11, context_length=8, d_model=8, num_heads=2, num_layers=1))
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.2, generator=generator)
    return model


def draw(generator: torch.Generator, count: int = 6) -> torch.Tensor:
    return torch.randint(11, (count, 8), generator=generator)


def loss(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    return cross_entropy(model(ids[:, :-1]), ids[:, 1:])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_several_accumulated_batches_are_one_large_batch(optimizer):
    options = {"max_steps": 4, "optimizer": optimizer, "precision": "float32", "learning_rate": 1e-3}
    small, large = tiny_model(), tiny_model()
    Trainer(small, TrainerConfig(accumulation=3, **options), draw_batch=lambda g: draw(g, 2), loss=loss).run()

    def three_at_once(generator: torch.Generator) -> torch.Tensor:
        return torch.cat([draw(generator, 2) for _ in range(3)])

    Trainer(large, TrainerConfig(**options), draw_batch=three_at_once, loss=loss).run()
    for ours, theirs in zip(small.parameters(), large.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-4)


def test_the_best_weights_are_kept_and_given_back(tmp_path):
    values = iter([5.0, 4.0, 2.0, 3.0, 9.0])
    seen = []

    def validate(model: torch.nn.Module) -> float:
        seen.append(model.embedding.weight.detach().clone())
        return next(values)

    config = TrainerConfig(max_steps=8, validate_every=2, precision="float32")
    model = tiny_model()
    result = Trainer(model, config, draw_batch=draw, loss=loss, validate=validate, folder=tmp_path).run()
    assert result.best_validation_loss == 2.0 and result.best_step == 4
    assert torch.equal(model.embedding.weight, seen[2]) and not torch.equal(seen[2], seen[4])
    assert [entry["validation_loss"] for entry in result.history if "validation_loss" in entry] == [
        5.0,
        4.0,
        2.0,
        3.0,
        9.0,
    ]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_model_that_has_generated_is_resumed_bit_for_bit(optimizer, tmp_path):
    """Generation lays matrices out by columns; the optimizer's moments must follow when they are read from a file."""
    options = {"max_steps": 6, "optimizer": optimizer, "precision": "float32", "save_every_seconds": 1e-9}

    def run(stop: int, **where) -> torch.nn.Module:
        model, calls = tiny_model(), []
        store_by_columns(model)

        def counted(generator: torch.Generator) -> torch.Tensor:
            calls.append(1)
            if len(calls) == stop:
                raise RuntimeError("the machine stops")
            return draw(generator)

        Trainer(model, TrainerConfig(**options), draw_batch=counted, loss=loss, **where).run(resume=bool(where))
        return model

    with pytest.raises(RuntimeError):
        run(4, folder=tmp_path)
    for ours, theirs in zip(run(0, folder=tmp_path).parameters(), run(0).parameters(), strict=True):
        assert torch.equal(ours, theirs)


@given(st.integers(1, 12))
def test_a_loss_that_is_not_a_number_stops_the_run_and_spoils_no_weight(bad_step):
    model, calls = tiny_model(), []

    def spoiled(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return loss(model, ids) * (math.nan if len(calls) == bad_step else 1.0)

    with pytest.raises(MinimmError, match=f"step {bad_step}"):
        Trainer(model, TrainerConfig(max_steps=20, precision="float32"), draw_batch=draw, loss=spoiled).run()
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_gains_and_biases_do_not_decay():
    trainer = Trainer(tiny_model(), TrainerConfig(max_steps=1, weight_decay=0.3), draw_batch=draw, loss=loss)
    for group in trainer.optimizer.param_groups:
        assert all((parameter.ndim >= 2) == (group["weight_decay"] == 0.3) for parameter in group["params"])


def test_a_run_without_an_end_and_settings_out_of_range_are_refused():
    for options in ({}, {"max_steps": 0}, {"max_seconds": -1.0}, {"max_steps": 1, "learning_rate": 0.0}):
        with pytest.raises(MinimmError):
            TrainerConfig(**options)


def test_devices_and_precisions_that_are_not_there_are_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert select_device("auto") == torch.device("cpu")
    for name in ("cuda", "cuda:3", "gpu", "meta", "xla"):
        with pytest.raises(MinimmError, match="--device"):
            select_device(name)
    with pytest.raises(MinimmError, match="--precision"):
        select_precision("float16", torch.device("cpu"))
    assert bfloat16_gain(torch.device("cpu")) > 0.0
    assert select_precision("auto", torch.device("cpu")) in (torch.float32, torch.bfloat16)
