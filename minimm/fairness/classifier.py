"""A small classifier whose features can be looked at, and whose inputs can be nudged: what the remedies are tried on.

inputs -> entrance -> encoder -> mean over its vectors -> features (B, D) -> W features + b
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from minimm.layers.dropout import Dropout
from minimm.layers.pooling import masked_mean
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig

D_MODEL = 32
PAD = 0  # the id behind the end of a text, WordPiece's
LONGEST = 96  # tokens of a text


class GroupedClassifier(nn.Module):
    """Pictures (B, 3, S, S), log-mels (B, F, num_mels) or token ids (B, T) -> logits (B, num_labels).

    Args:
        encoder: gives a `Memory`. num_labels: at least 2. dropout: of the features.
    """

    def __init__(self, encoder: nn.Module, num_labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = encoder
        # Token ids cannot be nudged, but their vectors can; pictures and sounds can themselves.
        self.entrance = nn.Identity()
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(D_MODEL, num_labels)

    def features(self, inputs: Tensor) -> Tensor:
        """(B, D), what the labels are read off."""
        is_text = isinstance(self.encoder, TextEncoder)
        memory = self.encoder(inputs, inputs != PAD) if is_text else self.encoder(self.entrance(inputs))
        return masked_mean(memory.features, memory.mask)

    def classify(self, features: Tensor) -> Tensor:
        """Features (B, D) -> logits (B, num_labels)."""
        return self.output(self.dropout(features))

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs -> logits (B, num_labels)"""
        return self.classify(self.features(inputs))

    def nudged(self, inputs: Tensor, nudge: Tensor | None) -> tuple[Tensor, Tensor]:
        """The features of inputs that come in at another place, and what came in, (B, ..., D) or as inputs are, with gradient.

        nudge: is added to what comes in; None = nothing.
        """
        door = self.encoder.embedding if isinstance(self.encoder, TextEncoder) else self.entrance
        came_in = []

        def enter(_module: nn.Module, _arguments: tuple, output: Tensor) -> Tensor:
            output = output if output.requires_grad else output.detach().requires_grad_()
            came_in.append(output)
            return output if nudge is None else output + nudge

        handle = door.register_forward_hook(enter)
        try:
            return self.features(inputs), came_in[0]
        finally:
            handle.remove()


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Token ids of N texts as one (N, T), `PAD` behind the end of each; what is longer than `LONGEST` is cut."""
    ids = torch.full((len(rows), min(LONGEST, max(map(len, rows)))), PAD)
    for place, row in zip(ids, rows, strict=True):
        place[: len(row)] = torch.tensor(row[:LONGEST])
    return ids


def build_encoder(inputs: Tensor, vocab_size: int, dropout: float = 0.0) -> nn.Module:
    """An encoder for inputs of this kind: ids (N, T) int64, log-mels (N, F, num_mels) or pictures (N, 3, S, S)."""
    if inputs.dtype == torch.int64:
        return TextEncoder(TextEncoderConfig(vocab_size, LONGEST, D_MODEL, 2, 1, dropout=dropout))
    if inputs.ndim == 3:
        return AudioEncoder(AudioEncoderConfig(inputs.shape[2], (8, 16), D_MODEL, dropout))
    return ImageEncoder(ImageEncoderConfig(inputs.shape[2], (16, 32), D_MODEL))
