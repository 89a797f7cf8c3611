"""How large a language model should be: the largest whose size the data, the time and the memory can pay for.

A model of N parameters is well spent on D = 20 N tokens: N and D grow alike with the operations that are available
(Hoffmann et al. 2022, "Training compute-optimal large language models", section 3 and table 3). A text may stand in for
more text by being read again: four times are nearly as good as new text, and from about sixteen on little is gained
(Muennighoff et al. 2023, "Scaling data-constrained language models", section 6).
So, with U tokens in the text,

    20 N <= 16 U,        20 N / (tokens of a step) * (seconds of a step) <= seconds,        most bytes at once <= memory.

Differs from the papers in that both measured models of millions to billions of parameters on text from the web. For the sizes
here the rule was tried once: for 250 kB of stories and explanations it chooses 80,112 parameters. In 38 s of one core these
ended at a validation loss of 2.72, 43,168 at 2.78, 270,816 at 2.71, and the 869,504 of the preset "tiny" at 2.84.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from minimm.advice.machine import Machine
from minimm.models.cost import training_operations
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.runs.plan import TOKENS_FOR_A_PARAMETER
from minimm.tasks.text.presets import TextPreset
from minimm.training.memory import peak_bytes, training_bytes
from minimm.training.muon import orthogonalize_operations

MOST_PASSES = 16  # over a text; see above
# Widths of the sizes that are offered, and how wide a model is for each of its layers: GPT-2's 768 to 12 (Radford et al.
# 2019). The loss hardly depends on the shape as long as neither is extreme (Kaplan et al. 2020, section 3.1 and figure 5).
WIDTHS = (32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768)
WIDTH_OF_A_LAYER = 64
FEWEST_LAYERS = 2


@dataclass(frozen=True)
class Means:
    """What there is to train with: seconds, bytes of memory, a machine, and tokens of text (None: no end of them)."""

    seconds: float
    memory: float
    machine: Machine
    tokens: int | None = None


@dataclass(frozen=True)
class Size:
    """A language model with its price: parameters, bytes held in training by part, operations of a step, tokens of a step."""

    config: LanguageModelConfig
    parameters: int
    bytes_of: dict[str, int]
    operations: int
    tokens_of_a_step: int

    def needs(self) -> int:
        """The most bytes that training takes (`training.memory.peak_bytes`)."""
        return peak_bytes(self.bytes_of)

    def wanted_tokens(self) -> int:
        """Tokens to read for the size to be well spent."""
        return TOKENS_FOR_A_PARAMETER * self.parameters

    def step_seconds(self, machine: Machine) -> float:
        """Seconds of a step, foretold."""
        return machine.step_seconds(self.operations, self.bytes_of["activations"])

    def wanted_seconds(self, machine: Machine) -> float:
        """Seconds to read the wanted tokens."""
        return self.wanted_tokens() / self.tokens_of_a_step * self.step_seconds(machine)

    def lacking(self, means: Means) -> dict[str, float]:
        """How many times too little there is of `data`, `time` and `memory`, each only where it does not suffice."""
        asked = {
            "data": 0.0 if means.tokens is None else self.wanted_tokens() / (MOST_PASSES * max(1, means.tokens)),
            "time": self.wanted_seconds(means.machine) / means.seconds,
            "memory": self.needs() / means.memory,
        }
        return {name: share for name, share in asked.items() if share > 1.0}


@dataclass(frozen=True)
class Choice:
    """The size to take. limited_by: what the next larger one lacks, by how many times; empty for the largest of all.
    lacking: what even this one, then the smallest of all, lacks; empty where all suffices."""

    size: Size
    limited_by: dict[str, float]
    lacking: dict[str, float]


def choose_size(preset: TextPreset, vocab_size: int, means: Means) -> Choice:
    """The largest size for which everything suffices, or the smallest when there is none.

    Args:
        preset: what the sizes have in common: context, batch and optimizer. vocab_size: tokens of the vocabulary.
    """
    chosen = None
    for size in sizes(preset, vocab_size, means.machine.precision):
        lacking = size.lacking(means)
        if lacking:
            return Choice(size, lacking, lacking) if chosen is None else Choice(chosen, lacking, {})
        chosen = size
    return Choice(chosen, {}, {})


def sizes(preset: TextPreset, vocab_size: int, precision: torch.dtype) -> Iterator[Size]:
    """Every size that is offered, the smallest first; each is priced when it is asked for."""
    for width in WIDTHS:
        layers = max(FEWEST_LAYERS, width // WIDTH_OF_A_LAYER)
        heads = max(2, width // WIDTH_OF_A_LAYER)
        heads -= next(
            less for less in range(heads) if width % (2 * (heads - less)) == 0
        )  # rotary positions come in pairs
        shape = replace(preset, d_model=width, num_layers=layers, num_heads=heads, d_ff=None)
        yield price(shape, vocab_size, precision)


def price(preset: TextPreset, vocab_size: int, precision: torch.dtype) -> Size:
    """What the model of a preset costs, without building it: its shape alone, on PyTorch's device of shapes."""
    config = LanguageModelConfig(
        vocab_size,
        preset.context_length,
        preset.d_model,
        preset.num_heads,
        preset.num_layers,
        d_ff=preset.d_ff,
        dropout=preset.dropout,
    )
    batch, length = preset.batch_size, preset.context_length
    with torch.device("meta"):
        model = LanguageModel(config)
    matrices = muon_matrices(model) if preset.training.optimizer == "muon" else []
    held = training_bytes(config, batch, length, precision)
    held["optimizer"] -= sum(4 * matrix.numel() for matrix in matrices)  # Muon remembers one average, not AdamW's two
    operations = training_operations(config, batch, length)
    operations += sum(orthogonalize_operations(*matrix.shape) for matrix in matrices)
    return Size(config, held["weights"] // 4, held, operations, batch * length)


def muon_matrices(model: LanguageModel) -> list[nn.Parameter]:
    """The matrices that Muon learns: those of the blocks (`training.optimization`)."""
    return [parameter for block in model.blocks for parameter in block.parameters() if parameter.ndim == 2]
