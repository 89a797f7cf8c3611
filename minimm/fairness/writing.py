"""A small language model that learns sentences about people at work with a remedy, and how far it tells occupations apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.datasets.grouped import Grouped
from minimm.datasets.occupations import GROUPS, Told
from minimm.fairness.adversarial import fast_gradient
from minimm.fairness.classifier import LONGEST, PAD, padded
from minimm.fairness.learning import Steps, drawn_inputs, opponent, radius_of
from minimm.fairness.remedies import Remedy
from minimm.fairness.robust import GroupRobustLoss
from minimm.layers.dropout import seed_dropout
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.tokenizers import WordPieceTokenizer

D_MODEL, NUM_LAYERS = 48, 2
PRONOUNS = ("she", "he")


def told_tokens(told: Sequence[Told], tokenizer: WordPieceTokenizer) -> Grouped:
    """Sentences as ids (N, T): <bos>, tokens, `PAD` behind their end. Labels are pronouns, groups those of occupations."""

    def rows(texts: Sequence[str]) -> Tensor:
        return padded([[tokenizer.bos_id, *tokenizer.encode(text, unknown="replace")] for text in texts])

    return Grouped(
        rows([one.text for one in told]),
        torch.tensor([PRONOUNS.index(one.pronoun) for one in told]),
        torch.tensor([GROUPS.index(one.group) for one in told]),
        rows([one.counterfactual for one in told]),
        PRONOUNS,
        GROUPS,
    )


def learn_language_model(
    data: Grouped, remedy: Remedy, *, vocab_size: int, steps: int = 1000, learning_rate: float = 3e-3, seed: int = 0
) -> LanguageModel:
    """A model that has learned from `data`; the remedies weigh sentences, and the adversary reads the vector from which the
    pronoun is foretold."""
    generator = torch.Generator().manual_seed(seed)
    config = LanguageModelConfig(vocab_size, LONGEST, D_MODEL, 2, NUM_LAYERS, dropout=remedy.dropout)
    model = LanguageModel(config)
    initialize(model, generator, NUM_LAYERS, linear_std=D_MODEL**-0.5)
    seed_dropout(model, seed)
    adversary = opponent(data, remedy, D_MODEL, generator)
    robust = GroupRobustLoss(data.num_cells) if remedy.robust else None
    before_pronoun = places_before_pronouns(data)
    for step in Steps(model, remedy, steps, learning_rate):
        rows = step.draw(len(data), data.cells, generator)
        ids = drawn_inputs(data, rows, remedy, generator)
        embedded = model.embed(ids[:, :-1])
        states, losses = states_and_losses(model, embedded, ids, remedy.label_smoothing)
        loss = losses.mean() if robust is None else robust(losses, data.cells[rows])
        if remedy.fast_gradient > 0:
            nudge = fast_gradient(embedded, loss, radius_of(embedded, remedy))
            _, nudged = states_and_losses(model, embedded + nudge, ids, remedy.label_smoothing)
            loss = loss + nudged.mean()
        if adversary is not None:
            seen = states[torch.arange(len(rows)), before_pronoun[rows]], data.labels[rows], data.groups[rows]
            adversary.practise(*seen)
            loss = loss + adversary(*seen, step.adversary_strength)
        step.learn(loss)
    return model.eval()


def states_and_losses(
    model: LanguageModel, embedded: Tensor, ids: Tensor, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """What the next token is foretold from, (B, T - 1, D), and the mean loss of each sentence over its tokens, (B,).

    embedded: of all ids (B, T) but the last, (B, T - 1, D).
    """
    kept: list[Tensor] = []
    handle = model.final_norm.register_forward_hook(lambda _module, _arguments, output: kept.append(output))
    try:
        logits = model.forward_embeddings(embedded)
    finally:
        handle.remove()
    targets = ids[:, 1:]
    losses = F.cross_entropy(
        logits.transpose(1, 2), targets, ignore_index=PAD, reduction="none", label_smoothing=label_smoothing
    )
    return kept[0], losses.sum(dim=1) / (targets != PAD).sum(dim=1)


def places_before_pronouns(data: Grouped) -> Tensor:
    """(N,): the last place at which a sentence and its counterfactual are still the same."""
    return (data.inputs != data.counterfactuals).int().argmax(dim=1) - 1


@torch.inference_mode()
def pronoun_states(model: LanguageModel, data: Grouped) -> Tensor:
    """(N, D): what the pronoun of each sentence is foretold from."""
    states, _ = states_and_losses(model, model.embed(data.inputs[:, :-1]), data.inputs)
    return states[torch.arange(len(data)), places_before_pronouns(data)].clone()


@torch.inference_mode()
def log_probabilities(model: nn.Module, ids: Tensor) -> Tensor:
    """log p of each sentence (N, T), in nats: (N,)."""
    found = []
    for rows in ids.split(256):
        losses = F.cross_entropy(model(rows[:, :-1]).transpose(1, 2), rows[:, 1:], ignore_index=PAD, reduction="none")
        found.append(-losses.sum(dim=1))
    return torch.cat(found)


def perplexity_of(model: nn.Module, ids: Tensor) -> float:
    """exp of the mean surprise of a token."""
    return float(np.exp(-log_probabilities(model, ids).sum().item() / (ids[:, 1:] != PAD).sum().item()))


def differences(model: nn.Module, data: Grouped) -> list[float]:
    """log p(told of her) - log p(told of him) of each sentence."""
    found = log_probabilities(model, data.inputs) - log_probabilities(model, data.counterfactuals)
    return torch.where(data.labels == PRONOUNS.index("she"), found, -found).tolist()
