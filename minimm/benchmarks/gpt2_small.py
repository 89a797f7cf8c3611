"""A training step of GPT-2's smallest size, 124 million parameters, on a GPU in bfloat16: with and without PyTorch's compiler,
beside nanoGPT's model on the same card.

The share of the card's data sheet that a step's products use is the model FLOPs utilisation (MFU; Chowdhery et al. 2022,
"PaLM", appendix B): `share_of_peak` in results.json.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch

from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.benchmarks.language_training import gpt2_config, nanogpt_step, our_trainer
from minimm.benchmarks.peers import NO_CHECKOUT
from minimm.models.cost import training_operations

VOCAB_SIZE = 50304  # GPT-2's 50,257 tokens, up to the next multiple of 64, as nanoGPT has it
SHAPE = (12, 768, 12, 1024, 8)  # layers, width, heads, context, batch


def compare_gpt2_small(
    rounds: int, device: torch.device, nanogpt: ModuleType | None, shape: tuple[int, ...] = SHAPE
) -> list[Comparison]:
    """Not compiled, and compiled, each beside nanoGPT's model treated alike; the second beside the first, too."""
    return [_compare(rounds, device, nanogpt, shape, compiled) for compiled in (False, True)]


def _compare(
    rounds: int, device: torch.device, nanogpt: ModuleType | None, shape: tuple[int, ...], compiled: bool
) -> Comparison:
    layers, width, heads, context, batch = shape
    config = gpt2_config(VOCAB_SIZE, layers, width, heads, context)
    rows = torch.randint(VOCAB_SIZE, (batch, context + 1), generator=torch.Generator().manual_seed(0)).to(device)
    inputs, targets = rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
    sides: dict[str, Callable[[], object]] = {OURS: our_trainer(config, inputs, targets, "bfloat16", compiled).step}
    missing: dict[str, str] = {}
    if compiled:
        sides["minimm not compiled"] = our_trainer(config, inputs, targets, "bfloat16").step
    if nanogpt is None:
        missing["nanogpt"] = NO_CHECKOUT
    else:
        step = nanogpt_step(nanogpt, config, inputs, targets, halved=True, compiled=compiled)
        sides["nanogpt compiled" if compiled else "nanogpt"] = step
    for step in sides.values():  # the first steps of what is compiled take long
        step()
    return Comparison(
        f"train {layers} x {width}, context {context}, batch {batch}, {'compiled' if compiled else 'not compiled'}",
        batch * context,
        "token",
        take_turns(sides, rounds, device),
        operations=training_operations(config, batch, context),
        precision="bfloat16",
        missing=missing,
    )
