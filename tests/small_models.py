"""Language models of every kind, small enough to run hundreds of them in a test, in float64 and with strong weights."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from numerical import fill, normal, seeds

from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.memory import Memory

VOCAB_SIZE, CONTEXT_LENGTH, D_MEMORY = 7, 12, 3
POSITIONS = ("learned", "sinusoidal", "rotary")


def random_model(config: LanguageModelConfig, generator: torch.Generator) -> LanguageModel:
    """In evaluation mode. The weights are large: at its first weights a model hardly attends, and mistakes hide."""
    model = LanguageModel(config).double().eval()
    fill(model, generator, scale=0.6)
    return model


@st.composite
def models(draw, memory: bool | None = None, **fixed) -> LanguageModel:
    """Any kind of positions, normalisation, feed-forward, grouping of heads, with or without a memory to look at."""
    groups, repeats = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    with_memory = draw(st.booleans()) if memory is None else memory
    options = {
        "vocab_size": VOCAB_SIZE,
        "context_length": CONTEXT_LENGTH,
        "d_model": groups * repeats * 2 * draw(st.integers(1, 2)),
        "num_heads": groups * repeats,
        "num_layers": draw(st.integers(1, 2)),
        "num_key_value_heads": groups,
        "d_ff": 5,
        "positions": draw(st.sampled_from(POSITIONS)),
        "normalization": draw(st.sampled_from(["layer", "rms"])),
        "feed_forward": draw(st.sampled_from(["gelu", "swiglu"])),
        "bias": draw(st.booleans()),
        "tie_embeddings": draw(st.booleans()),
        "dropout": 0.1,  # must not be felt in evaluation
        "d_memory": D_MEMORY if with_memory else None,
    }
    return random_model(LanguageModelConfig(**options | fixed), torch.Generator().manual_seed(draw(seeds)))


def random_memory(model: LanguageModel, batch: int, generator: torch.Generator, length: int = 4) -> Memory | None:
    """What `model` may look at, with some positions masked; None for a model without a memory."""
    if model.config.d_memory is None:
        return None
    mask = torch.rand(batch, length, generator=generator) < 0.7
    mask[:, 1] = True
    return Memory(normal(generator, batch, length, model.config.d_memory), mask, (length,))


def take_rows(memory: Memory | None, rows) -> Memory | None:
    """The memory of some sequences of the batch."""
    return memory and Memory(memory.features[rows], memory.mask[rows], memory.grid)


def random_ids(batch: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """(B, T) token ids."""
    return torch.randint(VOCAB_SIZE, (batch, length), generator=generator)
