"""Attention through all layers: what does each position depend on in the end, as far as attention tells?

One layer's weights say where it looks, but what it finds there is a mixture already. With A_l the weights of layer l, the
mean over its heads, and the identity I for the residual path, which passes on what was there before:

    P_l = (A_l + I) / 2             the share of position i after layer l that comes from position j before it
    rollout = P_L ... P_2 P_1       the shares multiplied along every path, and the paths added up
    flow                            the most that can pass from the top to one input when P are capacities of pipes

Source: Abnar & Zuidema 2020, "Quantifying attention flow in transformers", sections 3.1 and 3.2. Both read the weights only,
not what the values hold, so neither need be true: `faithfulness` tests them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def layer_shares(weights: Tensor) -> Tensor:
    """Weights (L, H, T, T) -> P (L, T, T), rows sum to one; a row of no attention, as padding has, depends on itself alone."""
    check(
        weights.ndim == 4 and weights.shape[-1] == weights.shape[-2],
        f"rollout and flow need the self-attention of a text, (L, H, T, T), first layer first, but got "
        f"{tuple(weights.shape)}; cross-attention has no way back to its own text",
    )
    mixed = weights.float().mean(dim=1)  # (L, T, T)
    mixed = mixed + torch.eye(mixed.shape[-1], device=mixed.device)
    return mixed / mixed.sum(dim=-1, keepdim=True)


def attention_rollout(weights: Tensor) -> Tensor:
    """Weights (L, H, T, T) -> (T, T): the share of each position (row) of the top that comes from each input (column)."""
    shares = layer_shares(weights)
    rollout = shares[0]
    for share in shares[1:]:
        rollout = share @ rollout
    return rollout


def attention_flow(weights: Tensor, query: int) -> Tensor:
    """Weights (L, H, T, T) -> (T,): the maximum flow from position `query` of the top to each input.

    A maximum flow is searched for each input by itself (Goldberg & Tarjan 1988, by networkx), which takes seconds for tens
    of tokens.
    """
    shares = layer_shares(weights).cpu()
    layers, length, _ = shares.shape
    check(0 <= query < length, f"query={query} is no position of a text of {length} tokens; choose 0 to {length - 1}")
    from networkx import DiGraph, maximum_flow_value

    pipes = DiGraph()
    for layer, above, below in shares.nonzero().tolist():
        pipes.add_edge((layer + 1, above), (layer, below), capacity=shares[layer, above, below].item())
    top = (layers, query)
    reached = [position for position in range(length) if pipes.has_node((0, position))]
    flow = torch.zeros(length)
    for position in reached:
        flow[position] = maximum_flow_value(pipes, top, (0, position))
    return flow
