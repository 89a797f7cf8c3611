"""Examples that belong to groups, made so that it is known what a label follows from, and what only goes with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimm.errors import check


@dataclass(frozen=True)
class Grouped:
    """N examples of any kind.

    inputs: (N, ...), pictures, log-mels or token ids. labels, groups: (N,) int64, indices into the names. counterfactuals:
    (N, ...), each example as it would be in another group, with the same label (of sentences about people: told with the
    other pronoun, which is their label).
    """

    inputs: Tensor
    labels: Tensor
    groups: Tensor
    counterfactuals: Tensor
    label_names: tuple[str, ...]
    group_names: tuple[str, ...]

    def __post_init__(self) -> None:
        sizes = {len(self.inputs), len(self.labels), len(self.groups), len(self.counterfactuals)}
        check(
            len(sizes) == 1, f"every example needs a label, a group and a counterfactual, but there are {sorted(sizes)}"
        )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def cells(self) -> Tensor:
        """(N,) int64: which label in which group, numbered label * groups + group."""
        return self.labels * len(self.group_names) + self.groups

    @property
    def num_cells(self) -> int:
        """How many there may be."""
        return len(self.label_names) * len(self.group_names)


def check_association(association: float) -> None:
    """Raise unless it is from 0, none, to 1."""
    check(0 <= association <= 1, f"association={association} must be from 0, none, to 1, without exception")


def check_balanced(count: int, num_labels: int, num_groups: int) -> None:
    """Raise unless `count` examples can be as many of each label in each group, and at least one."""
    cells = num_labels * num_groups
    check(
        count >= cells and count % cells == 0,
        f"count={count} must be a multiple of {cells}: {num_labels} labels in {num_groups} groups each",
    )


def associated_groups(labels: Tensor, association: float, generator: torch.Generator) -> Tensor:
    """A group, 0 or 1, for each of the labels (N,): that of the same number with probability (1 + association) / 2."""
    check_association(association)
    agrees = torch.rand(len(labels), generator=generator) < (1 + association) / 2
    return torch.where(agrees, labels, 1 - labels)


def balanced_cells(count: int, num_labels: int, num_groups: int) -> tuple[Tensor, Tensor]:
    """Labels and groups (count,) with as many examples of each label in each group."""
    check_balanced(count, num_labels, num_groups)
    cell = torch.arange(count) % (num_labels * num_groups)
    return cell // num_groups, cell % num_groups
