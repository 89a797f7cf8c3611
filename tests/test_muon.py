"""What must hold for Muon: steps without preferred directions, beside AdamW for everything that is no matrix."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.muon import orthogonalize
from minimm.training.optimization import build_optimizer


def normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(1, 3), st.integers(2, 24), st.integers(2, 24), st.integers(0, 99))
def test_the_strong_directions_of_a_gradient_come_out_about_equally_strong(count, rows, columns, seed):
    result = orthogonalize(normal(count, rows, columns, seed=seed))
    assert result.shape == (count, rows, columns)
    before = torch.linalg.svdvals(normal(count, rows, columns, seed=seed))
    after = torch.linalg.svdvals(result)
    assert after.max() < 1.3
    strong = before > 0.1 * before[:, :1]  # five iterations lift what is not far below the strongest
    assert after[strong].min() > 0.5


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 99))
def test_directions_are_kept_and_only_their_strengths_change(rows, columns, seed):
    gradient = normal(1, rows, columns, seed=seed)
    left, _, right = torch.linalg.svd(gradient[0], full_matrices=False)
    inside = left.T @ orthogonalize(gradient)[0] @ right.T  # diagonal, if U and V stayed
    assert torch.allclose(inside, torch.diag(inside.diagonal()), atol=1e-8)
    assert inside.diagonal().min() > 0.0


@given(st.floats(1e-3, 1e3), st.integers(0, 99))
def test_the_length_of_the_gradient_does_not_matter_and_transposing_commutes(factor, seed):
    gradient = normal(2, 5, 9, seed=seed)
    step = orthogonalize(gradient)
    assert torch.allclose(orthogonalize(factor * gradient), step, atol=1e-4)
    assert torch.allclose(orthogonalize(gradient.transpose(1, 2)), step.transpose(1, 2), atol=1e-10)


def test_every_parameter_belongs_to_one_group_and_the_matrices_of_blocks_to_muon():
    model = LanguageModel(LanguageModelConfig(vocab_size=20, context_length=8, d_model=16, num_heads=2, num_layers=2))
    initialize(model, torch.Generator().manual_seed(0), 2)
    optimizer = build_optimizer(model, "muon", 1e-3, 0.1, (0.9, 0.99))
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    own = {id(p) for p in optimizer.own_group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in own}
    assert names == {name for name, p in model.named_parameters() if name.startswith("blocks.") and p.ndim == 2}
    assert [group["initial_lr"] for group in optimizer.param_groups] == [5e-3, 1e-3, 1e-3]


def test_a_step_is_the_formula():
    model = LanguageModel(LanguageModelConfig(vocab_size=20, context_length=8, d_model=16, num_heads=2, num_layers=1))
    initialize(model, torch.Generator().manual_seed(0), 1)
    optimizer = build_optimizer(model, "muon", 1e-3, 0.1, (0.9, 0.99))
    weight = model.blocks[0].feed_forward.gate.weight  # (64, 16)
    momentum = torch.zeros_like(weight)
    expected = weight.detach().clone()
    for seed in range(3):
        for index, parameter in enumerate(model.parameters()):
            parameter.grad = normal(*parameter.shape, seed=100 * seed + index).float()
        momentum = 0.95 * momentum + 0.05 * weight.grad
        direction = orthogonalize((0.05 * weight.grad + 0.95 * momentum)[None])[0]
        expected = expected * (1 - 5e-3 * 0.1) - 5e-3 * (64 / 16) ** 0.5 * direction
        optimizer.step()
        assert torch.allclose(weight.detach(), expected, atol=1e-6)
