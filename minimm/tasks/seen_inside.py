"""What is seen inside a model, ready to be drawn: `depths(writer, "Once upon a time").plot()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from minimm.tokenizers import Tokenizer
from minimm.training.probing import Probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class SeenDepths:
    """The likeliest next token at each depth, guesses[depth][token], and its probability (L + 1, T); tokens are those read."""

    tokens: list[str]
    guesses: list[list[str]]
    probabilities: np.ndarray

    @staticmethod
    def of(tokenizer: Tokenizer, ids: list[int], logits: Tensor) -> SeenDepths:
        """From the logits of a lens (L + 1, T, V) over the tokens `ids`."""
        best = torch.softmax(logits, dim=-1).max(dim=-1)  # (L + 1, T)
        guesses = [[tokenizer.token_text(token) for token in row] for row in best.indices.tolist()]
        return SeenDepths([tokenizer.token_text(token) for token in ids], guesses, best.values.cpu().numpy())

    def plot(self) -> Figure:
        """A table, the input below and the model's answer on top."""
        from minimm.plots.lens import lens_table

        return lens_table(self.tokens, self.guesses, self.probabilities)


@dataclass
class SeenHeads:
    """The numbers of `interpretation.head_summary` by name, (L, H) each."""

    summary: dict[str, Tensor]

    def plot(self) -> Figure:
        """A small table for each number."""
        from minimm.plots.heads import head_tables

        return head_tables(self.summary)


@dataclass
class SeenContributions:
    """What each token read contributes to how likely `answer` is next, in nats; its probability."""

    tokens: list[str]
    values: np.ndarray
    answer: str
    probability: float

    def plot(self) -> Figure:
        """The text, coloured."""
        from minimm.plots.contributions import token_contributions

        return token_contributions(
            self.tokens, self.values, f"What speaks for '{self.answer}' ({self.probability:.0%})"
        )


@dataclass
class SeenProbes:
    """A probe for each depth, from what goes into the first layer to what leaves the last."""

    probes: list[Probe]

    def plot(self) -> Figure:
        """Accuracy, control and the commonest label by depth."""
        from minimm.plots.probes import probe_curves

        names = ("accuracy", "control", "majority")
        return probe_curves({name: [getattr(probe, name) for probe in self.probes] for name in names})


@dataclass
class SeenSpace:
    """Things of several modalities, and where they lie along the two main directions of their vectors: places (N, 2)."""

    things: list
    modalities: list[str]
    places: np.ndarray
    shares: list[float]

    def plot(self) -> Figure:
        """A map with thumbnails."""
        from minimm.plots.embedding_map import embedding_map

        return embedding_map(self.places, self.things, self.modalities, self.shares)
