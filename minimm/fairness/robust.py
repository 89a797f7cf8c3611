"""Learning for the group that is worst off, instead of for the average.

    balanced sampling       every group is drawn equally often, however rare it is
    group-robust loss       sum over groups of q_g * (mean loss of g), where with each batch q_g grows by exp(step * loss)
                            and q is brought back to a sum of one: what is learned worst counts most

Source: Sagawa et al. 2020, "Distributionally robust neural networks for group shifts", algorithm 1. Without strong
regularisation the worst group's training loss falls to zero with all others and nothing is gained, as the paper shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import check


class GroupRobustLoss(nn.Module):
    """Keeps q, the weight of each group, from batch to batch.

    Args:
        num_groups: how many there are, numbered from 0. step: how fast weights move.
    """

    def __init__(self, num_groups: int, step: float = 0.01) -> None:
        super().__init__()
        check(num_groups >= 2, f"num_groups={num_groups}, but one group alone cannot be worst off")
        self.step = step
        self.register_buffer("weights", torch.full((num_groups,), 1 / num_groups))

    def forward(self, losses: Tensor, groups: Tensor) -> Tensor:
        """losses (B,) of a batch and the group of each, (B,) int64 -> the weighted loss, a scalar."""
        means, _ = group_means(losses, groups, len(self.weights))  # 0 where a group has no example here
        if self.training:
            self.weights *= torch.exp(self.step * means.detach())
            self.weights /= self.weights.sum()
        return (self.weights * means).sum()


def group_means(losses: Tensor, groups: Tensor, num_groups: int) -> tuple[Tensor, Tensor]:
    """The mean loss of each group, 0 where it has no example, and how many it has; (num_groups,) each."""
    check(
        losses.shape == groups.shape and losses.ndim == 1,
        f"give one loss and one group for each example, (B,), not {tuple(losses.shape)} and {tuple(groups.shape)}",
    )
    check(
        not groups.is_floating_point(),
        f"groups are whole numbers, one for each example, not {groups.dtype}; use groups.long()",
    )
    check(
        len(groups) > 0 and 0 <= int(groups.min()) <= int(groups.max()) < num_groups,
        f"groups are numbered from 0 to {num_groups - 1}, but they are {sorted(set(groups.tolist()))}",
    )
    counts = torch.bincount(groups, minlength=num_groups)
    sums = losses.new_zeros(num_groups).index_add(0, groups, losses)
    return sums / counts.clamp(min=1), counts


def balanced_rows(groups: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Numbers of `count` rows of `groups` (N,): a group drawn evenly, then one of its examples."""
    members = [(groups == group).nonzero()[:, 0] for group in groups.unique().tolist()]
    which = torch.randint(len(members), (count,), generator=generator).tolist()
    places = torch.rand(count, generator=generator).tolist()
    return torch.stack(
        [members[group][int(place * len(members[group]))] for group, place in zip(which, places, strict=True)]
    )
