"""Linear probes: what can be read off a model's vectors with one matrix, and how much of that the probe learned by itself.

probe          labels ~ softmax(W x + b), trained on vectors that do not change            (Alain & Bengio 2017)
control task   the same for labels drawn at random for each kind of input: nothing that a model could know, so a probe
               that masters it learns by heart. selectivity = accuracy - accuracy on control   (Hewitt & Liang 2019)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.errors import check

ITERATIONS = 100


@dataclass
class Probe:
    """How often the label was read off rightly, by the probe and by the one that is given nothing but the commonest label;
    and how often on the control task, where that was asked for."""

    accuracy: float
    majority: float
    control: float | None = None

    @property
    def selectivity(self) -> float | None:
        """accuracy - control"""
        return None if self.control is None else self.accuracy - self.control


def linear_probe(
    vectors: Tensor,
    labels: Sequence[Hashable],
    kinds: Sequence[Hashable] | None = None,
    *,
    held_out: float = 0.3,
    weight_decay: float = 1e-3,
    seed: int = 0,
) -> Probe:
    """Train a probe on a part of vectors (N, D) and their N labels, and measure it on the rest.

    Args:
        kinds: what each vector is of, such as its token; the control task gives every kind one label, drawn from those there
            are. None = no control task.
        held_out: the share that is measured on, chosen by `seed`.
    """
    check(
        vectors.ndim == 2 and len(vectors) == len(labels) and (kinds is None or len(kinds) == len(labels)),
        f"a probe needs vectors (N, D) with a label (and a kind) for each, but got {tuple(vectors.shape)} and "
        f"{len(labels)} labels",
    )
    classes = sorted(set(labels), key=str)
    check(len(classes) >= 2, f"all labels are {classes}; a probe needs at least two different ones")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    cut = len(labels) - round(held_out * len(labels))
    check(0 < cut < len(labels), f"held_out={held_out} of {len(labels)} vectors leaves nothing to train or measure on")
    training, measured = order[:cut], order[cut:]
    vectors = vectors.detach().float().cpu()
    vectors = (vectors - vectors[training].mean(dim=0)) / vectors[training].std(dim=0, correction=0).clamp(min=1e-6)

    numbers = torch.tensor([classes.index(label) for label in labels])
    found = Probe(
        accuracy=_accuracy(vectors, numbers, training, measured, len(classes), weight_decay),
        majority=(numbers[measured] == numbers[training].mode().values).float().mean().item(),
    )
    if kinds is not None:
        all_kinds = sorted(set(kinds), key=str)
        drawn = numbers[torch.randint(len(numbers), (len(all_kinds),), generator=generator)]  # as often as in truth
        control = torch.stack([drawn[all_kinds.index(kind)] for kind in kinds])
        found.control = _accuracy(vectors, control, training, measured, len(classes), weight_decay)
    return found


def _accuracy(
    vectors: Tensor, numbers: Tensor, training: Tensor, measured: Tensor, num_classes: int, weight_decay: float
) -> float:
    """Fit softmax(W x + b) nearly to its optimum, and count on the rest."""
    weight = torch.zeros(vectors.shape[1], num_classes, requires_grad=True)
    bias = torch.zeros(num_classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = vectors[training] @ weight + bias
        value = torch.nn.functional.cross_entropy(logits, numbers[training]) + weight_decay * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    guesses = (vectors[measured] @ weight + bias).argmax(dim=1)
    return (guesses == numbers[measured]).float().mean().item()
