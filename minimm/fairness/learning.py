"""Learning from grouped examples with a remedy: one loop, in which every remedy is a line or two."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.datasets.grouped import Grouped
from minimm.fairness.adversarial import Adversary, fast_gradient
from minimm.fairness.classifier import D_MODEL, GroupedClassifier, build_encoder
from minimm.fairness.remedies import Remedy
from minimm.fairness.robust import GroupRobustLoss, balanced_rows
from minimm.layers.dropout import seed_dropout
from minimm.layers.initialization import initialize
from minimm.training.optimization import build_optimizer, learning_rate_factor

WARMUP, BETAS = 20, (0.9, 0.99)


class Steps:
    """The steps of a run: `for step in Steps(...): step.learn(loss)`, with the learning rate going up and down.

    Args:
        model: what learns. steps: how many. learning_rate: at its highest.
    """

    batch = 64

    def __init__(self, model: nn.Module, remedy: Remedy, steps: int, learning_rate: float) -> None:
        self.model, self.remedy, self.steps = model, remedy, steps
        self.optimizer = build_optimizer(model, "adamw", learning_rate, remedy.weight_decay, BETAS)
        # Grows from nothing, slowly at first, so that the label is learned before what goes with it is taken away.
        self.adversary_strength = 0.0

    def __iter__(self) -> Iterator[Steps]:
        for step in range(self.steps):
            factor = learning_rate_factor(step, step / self.steps, WARMUP, 0.05)
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            self.adversary_strength = self.remedy.adversary * (step / self.steps) ** 2
            yield self

    def draw(self, count: int, parts: Tensor, generator: torch.Generator) -> Tensor:
        """Numbers of the next batch's examples, of all alike or of all parts alike."""
        remedy = self.remedy
        if remedy.balanced or remedy.robust or remedy.adversary > 0:  # both take what comes evenly
            return balanced_rows(parts, self.batch, generator)
        return torch.randint(count, (self.batch,), generator=generator)

    def learn(self, loss: Tensor) -> None:
        """One step along the gradient."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()


def learn_classifier(
    data: Grouped,
    remedy: Remedy,
    *,
    parts: Tensor,
    vocab_size: int = 0,
    steps: int = 400,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> GroupedClassifier:
    """A classifier that has learned from `data`.

    Args:
        parts: (N,) int64 from 0, what is balanced, and what a robust loss weighs: `data.cells`, or `data.groups` where labels
            are many. vocab_size: of token ids. seed: of first weights, batches and dropout.
    """
    generator = torch.Generator().manual_seed(seed)
    encoder = build_encoder(data.inputs, vocab_size, remedy.dropout)
    model = GroupedClassifier(encoder, len(data.label_names), remedy.dropout)
    initialize(model, generator, linear_std=D_MODEL**-0.5)
    seed_dropout(model, seed)
    adversary = opponent(data, remedy, D_MODEL, generator)
    robust = GroupRobustLoss(int(parts.max()) + 1) if remedy.robust else None
    for step in Steps(model, remedy, steps, learning_rate):
        rows = step.draw(len(data), parts, generator)
        labels = data.labels[rows]

        def surprise(features: Tensor, labels: Tensor = labels) -> Tensor:
            return F.cross_entropy(
                model.classify(features), labels, reduction="none", label_smoothing=remedy.label_smoothing
            )

        inputs = drawn_inputs(data, rows, remedy, generator)
        features, came_in = model.nudged(inputs, None)
        losses = surprise(features)  # (B,)
        loss = losses.mean() if robust is None else robust(losses, parts[rows])
        if remedy.fast_gradient > 0:
            nudged, _ = model.nudged(inputs, fast_gradient(came_in, loss, radius_of(came_in, remedy)))
            loss = loss + surprise(nudged).mean()
        if adversary is not None:
            seen = features, labels, data.groups[rows]
            adversary.practise(*seen)
            loss = loss + adversary(*seen, step.adversary_strength)
        step.learn(loss)
    return model.eval()


def opponent(data: Grouped, remedy: Remedy, width: int, generator: torch.Generator) -> Adversary | None:
    """The adversary that the remedy asks for."""
    if remedy.adversary == 0:
        return None
    return Adversary(width, len(data.label_names), len(data.group_names), generator)


def drawn_inputs(data: Grouped, rows: Tensor, remedy: Remedy, generator: torch.Generator) -> Tensor:
    """The examples of these rows; with augmentation each evenly as it is, or as it would be in another group."""
    if not remedy.augmented:
        return data.inputs[rows]
    swapped = torch.rand(len(rows), *[1] * (data.inputs.ndim - 1), generator=generator) < 0.5
    return torch.where(swapped, data.counterfactuals[rows], data.inputs[rows])


def radius_of(came_in: Tensor, remedy: Remedy) -> float:
    """How long a perturbation of what came in (B, ...) is: the remedy's share of its mean length."""
    return remedy.fast_gradient * came_in.detach().flatten(1).norm(dim=1).mean().item()


@torch.inference_mode()
def predictions(model: GroupedClassifier, data: Grouped) -> tuple[Tensor, Tensor]:
    """The likeliest label of each example (N,), and its features (N, D)."""
    features = torch.cat([model.features(rows) for rows in data.inputs.split(256)])
    return model.classify(features).argmax(dim=1), features
