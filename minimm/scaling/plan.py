"""What a scaling experiment trains: which sizes, on how much of a text, how often, and how long that will take.

Every size meets every amount of data, so that the two can be told apart, and each run's learning rate falls to the end of that
run: the loss in the middle of a longer run is not that of a shorter one (Hoffmann et al. 2022, section 3). A token is a byte:
no vocabulary needs to be learned, the loss means the same for every text, and small embeddings do not hide the size of the
rest.

The largest amount is what the minutes allow, measured on this machine, but at most four times the text: up to four readings
are almost as good as new text (Muennighoff et al. 2023, "Scaling data-constrained language models"). What is left of the
minutes then buys the same runs with other random numbers, which show how much a single run can be trusted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from minimm.errors import check
from minimm.models.cost import count_parameters, training_operations
from minimm.models.language_model import LanguageModelConfig

BYTES = 256  # the vocabulary
CONTEXT = 64  # bytes a model looks back on
BATCH = 4  # windows in a step: few, for a small model learns more from many steps than from large ones
BLOCK = 4096  # bytes; every tenth block is held out
HELD_OUT_BYTES = 65_536  # at most: more would cost time and say the same
D_HEAD = 16
FEWEST_STEPS = 200  # with fewer, a run says how training begins and not what a size can do
HALVINGS = 5  # amounts of data at most, each twice the one before
FEWEST_AMOUNTS = 3
MOST_READINGS = 4  # of the text, in one run
MOST_REPEATS = 4
RESERVE = 0.15  # share of the minutes that is kept: the speed of a busy machine changes


@dataclass(frozen=True)
class Size:
    """The shape of a model; heads are 16 wide, or as wide as the model is."""

    num_layers: int
    d_model: int

    def config(self) -> LanguageModelConfig:
        """The model that has this shape."""
        return LanguageModelConfig(BYTES, CONTEXT, self.d_model, max(1, self.d_model // D_HEAD), self.num_layers)

    @property
    def parameters(self) -> dict[str, int]:
        """All that training adjusts, and all but the embeddings, as Kaplan et al. count."""
        parts = count_parameters(self.config())
        return {
            "parameters": sum(parts.values()),
            "parameters_without_embeddings": sum(parts.values()) - parts["embedding"],
        }

    @property
    def operations_per_token(self) -> int:
        """Of training, attention included, so above 6 N: by half for the narrowest model, an eighth for the widest."""
        return training_operations(self.config(), 1, CONTEXT) // CONTEXT


# Each about three times the one before: 4, 12, 35, 96 and 339 thousand parameters. A larger one would take most of the
# minutes and leave all of them little to read; these have the best size for most of the compute that is spent among them.
SIZES = (Size(2, 8), Size(2, 16), Size(2, 32), Size(3, 48), Size(4, 80))


@dataclass(frozen=True)
class Run:
    """One training: a size, how many tokens it reads, and which random numbers it begins with."""

    size: Size
    tokens: int
    seed: int

    @property
    def steps(self) -> int:
        """Of BATCH windows of CONTEXT tokens each."""
        return self.tokens // (BATCH * CONTEXT)

    @property
    def name(self) -> str:
        """What the run is filed under: `d128_l5_1048576_s0`."""
        return f"d{self.size.d_model}_l{self.size.num_layers}_{self.tokens}_s{self.seed}"


@dataclass(frozen=True)
class Corpus:
    """A text as windows of CONTEXT + 1 bytes: to learn from (n, T + 1) uint8, a byte each; held out (m, T + 1) int64."""

    training: Tensor
    held_out: Tensor
    fingerprint: str

    @property
    def training_tokens(self) -> int:
        """How many targets one reading has."""
        return len(self.training) * CONTEXT

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets (B, T), without end: windows in an order drawn by `seed`, each once before any comes again.

        The order does not depend on the model or on how long the run is, so that runs differ in what is compared alone.
        """
        generator = torch.Generator().manual_seed(seed)
        waiting = torch.zeros(0, dtype=torch.int64)
        while True:
            while len(waiting) < BATCH:
                waiting = torch.cat([waiting, torch.randperm(len(self.training), generator=generator)])
            chosen, waiting = waiting[:BATCH], waiting[BATCH:]
            windows = self.training[chosen].to(torch.int64)
            yield windows[:, :-1], windows[:, 1:]


def cut_corpus(text: str) -> Corpus:
    """Cut a text into blocks and hold out every tenth, so that both parts are of the same mixture; then into windows."""
    contents = text.encode("utf-8")
    blocks = torch.from_numpy(np.frombuffer(contents, dtype=np.uint8).copy()).split(BLOCK)
    held_out = _windows(blocks[9::10]).to(torch.int64)
    held_out = held_out[:: max(1, -(-len(held_out) * CONTEXT // HELD_OUT_BYTES))]  # from everywhere in the text
    training = _windows([block for place, block in enumerate(blocks) if place % 10 != 9])
    check(
        len(held_out) > 0,
        f"the text has {len(contents):,} bytes, but every tenth block of {BLOCK} is held out, so it needs at least "
        f"{10 * BLOCK:,}; give more text",
    )
    return Corpus(training, held_out, hashlib.sha256(contents).hexdigest())


def _windows(blocks: Sequence[Tensor]) -> Tensor:
    """Windows (n, T + 1) that never lie across two blocks."""
    cut = [block[: len(block) // (CONTEXT + 1) * (CONTEXT + 1)].view(-1, CONTEXT + 1) for block in blocks]
    return torch.cat(cut) if cut else torch.zeros(0, CONTEXT + 1, dtype=torch.uint8)


@dataclass(frozen=True)
class Plan:
    """The runs, the small before the large, and the seconds that they should take."""

    runs: tuple[Run, ...]
    seconds: float


def make_plan(
    sizes: Sequence[Size],
    seconds_per_step: Mapping[Size, float],
    seconds_to_measure: Mapping[Size, float],
    corpus: Corpus,
    seconds: float,
    seed: int,
    tokens: int | None = None,
) -> Plan:
    """Divide `seconds` among the sizes.

    Args:
        seconds_per_step, seconds_to_measure: of one training step, and of the loss on the held-out text.
        tokens: the largest amount of data, when it should not follow from the speed of this machine.

    Raises `MinimmError` when the minutes or the text allow fewer than three amounts of data of `FEWEST_STEPS` steps.
    """
    step_tokens = BATCH * CONTEXT
    a_step, a_measurement = sum(seconds_per_step.values()), sum(seconds_to_measure.values())
    usable = (1 - RESERVE) * seconds
    by_text = MOST_READINGS * corpus.training_tokens // step_tokens
    for amounts in range(HALVINGS, FEWEST_AMOUNTS - 1, -1):
        halves = [0.5**halving for halving in reversed(range(amounts))]
        by_time = int((usable - amounts * a_measurement) / (a_step * sum(halves)))
        most = min(by_time, by_text) if tokens is None else tokens // step_tokens
        steps = [int(most * half) for half in halves]
        if steps[0] >= FEWEST_STEPS:
            break
    needed = FEWEST_STEPS * 2 ** (FEWEST_AMOUNTS - 1)
    minutes = (
        (needed * a_step * (2 - 0.5 ** (FEWEST_AMOUNTS - 1)) + FEWEST_AMOUNTS * a_measurement) / (1 - RESERVE) / 60
    )
    check(
        steps[0] >= FEWEST_STEPS,
        f"the longest runs would read {max(most, 0) * step_tokens:,} bytes, but {FEWEST_AMOUNTS} amounts, the smallest "
        f"of {FEWEST_STEPS} steps, need {needed * step_tokens:,}: give at least {minutes:.1f} --minutes here and a text of "
        f"{needed * step_tokens // MOST_READINGS * 10 // 9:,} bytes",
    )
    grid_seconds = a_step * sum(steps) + amounts * a_measurement
    repeats = min(max(int(usable / grid_seconds), 1), MOST_REPEATS) if tokens is None else 1
    runs = [
        Run(size, count * step_tokens, seed + repeat) for repeat in range(repeats) for count in steps for size in sizes
    ]
    return Plan(tuple(runs), repeats * grid_seconds)
