"""Taking heads away: what a head does is what is missing without it.

A head's output, (B, T, D) of the (B, T, H * D) that go into the layer's output projection, is set to zero or to its own mean
over the texts and positions. The mean disturbs the rest less: later layers have learned to expect something there.
Source: Michel et al. 2019, "Are sixteen heads really better than one?"; Wang et al. 2023 on mean ablation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.multi_head_attention import MultiHeadAttention


@contextmanager
def ablated_heads(model: nn.Module, heads: Mapping[str, Sequence[int]], *, mean: bool = False) -> Iterator[None]:
    """While this is open, the heads are gone.

    Args:
        heads: numbers of heads by the name of their attention layer, as in `record_attention`: {"blocks.0.attention": [1]}.
        mean: replace a head's output by its mean over the batch and its positions instead of zero.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, MultiHeadAttention)}
    for name, numbers in heads.items():
        check(
            name in layers,
            f"{name} is no attention layer of this model; it has {', '.join(list(layers)[:4])}{', ...' * (len(layers) > 4)}",
        )
        count = layers[name].num_heads
        wrong = [number for number in numbers if not 0 <= number < count]
        check(not wrong, f"{name} has heads 0 to {count - 1}, but {wrong} should be ablated")
    hooks = [
        layers[name].output.register_forward_pre_hook(partial(_without, layers[name].d_head, tuple(numbers), mean))
        for name, numbers in heads.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _without(d_head: int, numbers: tuple[int, ...], mean: bool, _: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    """The joined heads (B, T, H * D), some of them replaced."""
    mixed = given[0].unflatten(-1, (-1, d_head)).clone()  # (B, T, H, D)
    for number in numbers:
        mixed[:, :, number] = mixed[:, :, number].mean(dim=(0, 1)) if mean else 0.0
    return (mixed.flatten(-2),)
