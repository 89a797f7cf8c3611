"""Trains a two-layer language model in NumPy alone: `python -m minimm.first_principles.train_tiny`.

    loss -> its gradient, by hand (language_model.py) -> one step of AdamW for each parameter -> a smaller loss

Without any knowledge the loss is ln V, the surprise of a guess among V characters. It falls to almost nothing: four sentences
that begin with four different letters can be learnt by heart.
"""

from __future__ import annotations

import math

import numpy as np

from minimm.first_principles.adamw import adamw_step
from minimm.first_principles.language_model import (
    initial_parameters,
    language_model,
    language_model_loss,
    language_model_loss_backward,
)
from minimm.first_principles.transformer_block import Parameters

SENTENCES = ("a cat sees a bird.", "the dog hears a bell.", "one ship sails home.", "every child draws a star.")
NUM_LAYERS, NUM_HEADS = 2, 2
IGNORE = -100


def train(
    parameters: Parameters,
    ids: np.ndarray,
    targets: np.ndarray,
    num_layers: int,
    num_heads: int,
    learning_rate: float,
    steps: int,
) -> tuple[Parameters, list[float]]:
    """`steps` steps of AdamW on one batch; ids and targets (B, T). Gives the new parameters and the loss before each step."""
    first_moments = {name: np.zeros_like(array) for name, array in parameters.items()}
    second_moments = dict(first_moments)
    losses = []
    for step in range(1, steps + 1):
        losses.append(language_model_loss(ids, targets, parameters, num_layers, num_heads))
        gradients = language_model_loss_backward(1.0, ids, targets, parameters, num_layers, num_heads)
        parameters = dict(parameters)  # the caller's own stays as it is
        for name, gradient in gradients.items():
            parameters[name], first_moments[name], second_moments[name] = adamw_step(
                parameters[name], gradient, first_moments[name], second_moments[name], step, learning_rate
            )
    return parameters, losses


def read_sentences(sentences: tuple[str, ...]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The characters that occur, in order, and ids and targets (B, T): the target of each character is the next one."""
    characters = sorted(set("".join(sentences)))
    length = max(map(len, sentences)) - 1
    ids = np.zeros((len(sentences), length), dtype=int)  # after a sentence's end stands any character, with no target
    targets = np.full((len(sentences), length), IGNORE)
    for row, sentence in enumerate(sentences):
        numbers = [characters.index(character) for character in sentence]
        ids[row, : len(numbers) - 1] = numbers[:-1]
        targets[row, : len(numbers) - 1] = numbers[1:]
    return characters, ids, targets


def complete(beginning: str, parameters: Parameters, characters: list[str]) -> str:
    """Writes on with the likeliest character until the full stop, or until the model can look back no further."""
    text = beginning
    while len(text) <= len(parameters["position_table"]) and not text.endswith("."):
        ids = np.array([[characters.index(character) for character in text]])  # (1, T)
        logits = language_model(ids, parameters, NUM_LAYERS, NUM_HEADS)  # (1, T, V)
        text += characters[int(logits[0, -1].argmax())]
    return text


def main() -> None:
    """Trains on `SENTENCES` for a few seconds and lets the model finish each of them."""
    characters, ids, targets = read_sentences(SENTENCES)
    parameters = initial_parameters(
        np.random.default_rng(0), len(characters), ids.shape[1], d_model=32, d_ff=128, num_layers=NUM_LAYERS
    )
    print(
        f"A guess among {len(characters)} characters has the loss ln {len(characters)} = {math.log(len(characters)):.3f}"
    )
    trained, losses = train(parameters, ids, targets, NUM_LAYERS, NUM_HEADS, learning_rate=3e-3, steps=200)
    for step in range(0, len(losses), 20):
        print(f"step {step:3d}   loss {losses[step]:.3f}")
    print(f"step {len(losses):3d}   loss {language_model_loss(ids, targets, trained, NUM_LAYERS, NUM_HEADS):.3f}")
    for sentence in SENTENCES:
        beginning = sentence[:3]
        print(f"{beginning}... -> {complete(beginning, trained, characters)}")


if __name__ == "__main__":
    main()
