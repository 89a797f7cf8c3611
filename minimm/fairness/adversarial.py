"""Two ways of learning against an opponent.

gradient reversal     forward nothing happens; backward the gradient changes its sign. A classifier of the group learns
                      from features behind it, and the features learn to give it nothing (Ganin & Lempitsky 2015)
fast gradient         the step of length r in embeddings that makes the loss grow most, to first order: r g / |g|; who is
                      right there as well rests less on single words                     (Goodfellow et al. 2015; Miyato et
                      al. 2017, equation 5)
"""

from __future__ import annotations

from collections import deque

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from minimm.errors import check
from minimm.layers.initialization import initialize

HIDDEN, RATE, PRACTICE = 64, 1e-2, 5  # width, learning rate and steps of an adversary
REMEMBERED = 8  # batches on which it practises together; of one alone it would learn each row by heart


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """x as it is; what goes back through it is turned round and multiplied by `strength`."""
    check(strength >= 0, f"strength={strength} must not be negative: that would help the opponent")
    return _Reversal.apply(x, strength)


class Adversary(nn.Module):
    """Tells the group from features and label by one hidden layer; what goes back to the features is turned round.

    It is told the label, for where labels and groups go together the features cannot but tell something of the group (Zhang,
    Lemoine & Mitchell 2018, for equalised odds). It should see every label in every group equally often (`balanced_rows`):
    else "the group that goes with this label" would be right most of the time, and nothing would be read off the features.
    It has an optimizer of its own and learns several steps for each of the features', so that it stays ahead of them; it
    learns from the last batches together, whose features have changed little since.

    Args:
        width: D, of the features. num_labels, num_groups: how many there are. generator: for the first weights.
    """

    def __init__(self, width: int, num_labels: int, num_groups: int, generator: torch.Generator) -> None:
        super().__init__()
        self.num_labels = num_labels
        self.hidden = nn.Linear(width + num_labels, HIDDEN)
        self.output = nn.Linear(HIDDEN, num_groups)
        initialize(self, generator, linear_std=width**-0.5)
        self.optimizer = torch.optim.Adam(self.parameters(), RATE)
        self.remembered: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=REMEMBERED)

    def forward(self, features: Tensor, labels: Tensor, groups: Tensor, strength: float) -> Tensor:
        """Its loss, a scalar: features (B, D), labels and groups (B,); `strength` as in `reverse_gradient`."""
        # In units of their spread: a group could otherwise hide in a direction in which features hardly differ.
        features = F.batch_norm(features, None, None, training=True)
        told = F.one_hot(labels, self.num_labels).to(features)
        hidden = F.gelu(self.hidden(torch.cat([reverse_gradient(features, strength), told], dim=1)))
        return F.cross_entropy(self.output(hidden), groups)

    def practise(self, features: Tensor, labels: Tensor, groups: Tensor) -> None:
        """Learn to tell the groups of these features, which stay as they are, and of those before them."""
        self.remembered.append((features.detach(), labels, groups))
        seen = [torch.cat(column) for column in zip(*self.remembered, strict=True)]
        for _ in range(PRACTICE):
            self.optimizer.zero_grad()
            self(*seen, 0.0).backward()
            self.optimizer.step()


def fast_gradient(embedded: Tensor, loss: Tensor, radius: float) -> Tensor:
    """The perturbation of embedded tokens (B, T, D), of length `radius` for each text as a whole; (B, T, D), no gradient.

    Args:
        loss: a scalar that was computed from `embedded`, whose graph is kept.
    """
    (gradient,) = torch.autograd.grad(loss, embedded, retain_graph=True)
    length = gradient.flatten(1).norm(dim=1).clamp(min=torch.finfo(gradient.dtype).tiny)
    return (radius * gradient / length.view(-1, *[1] * (gradient.ndim - 1))).detach()
