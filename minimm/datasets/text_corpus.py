"""Text to learn from: the last tenth is kept for validation, the rest becomes ids, and windows are cut.

A language model is trained on windows of `context_length` tokens from random places; the target of each token is the
one after it. For evaluation every token is predicted exactly once: in windows that lie side by side, or that slide by fewer
tokens than they hold, so that no token is predicted from a near-empty context (dearer, and closer to what the model knows).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from minimm.datasets.text_stream import TextStream
from minimm.errors import check
from minimm.tokenizers import Tokenizer

IGNORE = -100  # a target with this value does not count: padding, or a place with nothing to predict


def read_corpus(*paths: str | Path) -> str:
    """The text of files and folders, joined by a blank line; line ends become \\n. `TextStream` gives the same in pieces."""
    return "".join(TextStream(*paths))


def split_text(text: str, validation_fraction: float = 0.1) -> tuple[str, str]:
    """The beginning for training and the last `validation_fraction` for validation, cut at a character."""
    cut = split_at(len(text), validation_fraction)
    return text[:cut], text[cut:]


def split_at(characters: int, validation_fraction: float = 0.1) -> int:
    """The character at which the last `validation_fraction` of a text begins."""
    check(0.0 <= validation_fraction <= 1.0, f"validation_fraction={validation_fraction} is no share; try 0.1")
    return int(characters * (1.0 - validation_fraction))


def pieces_before(pieces: Iterable[str], end: int) -> Iterator[str]:
    """The pieces of the first `end` characters."""
    for piece in pieces:
        if end <= 0:
            return
        yield piece[:end]
        end -= len(piece)


def text_after(pieces: Iterable[str], start: int) -> str:
    """All but the first `start` characters."""
    kept = []
    for piece in pieces:
        kept.append(piece[max(0, start) :])
        start -= len(piece)
    return "".join(kept)


def encode_pieces(tokenizer: Tokenizer, pieces: Iterable[str]) -> Tensor:
    """The ids (N,) of all pieces, one after the other, in two bytes each where the vocabulary allows it, otherwise four.

    What the vocabulary lacks is replaced. A list of Python's integers would take eight bytes and more each.
    """
    small = tokenizer.vocab_size <= 2**15
    ids = array("h" if small else "i")
    for piece in pieces:
        ids.extend(tokenizer.encode(piece, unknown="replace"))
    dtype = torch.int16 if small else torch.int32
    return torch.frombuffer(ids, dtype=dtype) if ids else torch.empty(0, dtype=dtype)


class TokenWindows:
    """Windows of `context_length` tokens, with their targets, from one long sequence of ids (N,), integers of any size."""

    def __init__(self, ids: Tensor, context_length: int) -> None:
        check(ids.ndim == 1, f"the ids must be one sequence (N,), but their shape is {tuple(ids.shape)}")
        check(
            len(ids) > context_length,
            f"the text has {len(ids)} tokens, but a context of {context_length} needs at least {context_length + 1}; "
            "give more text or a smaller --context-length",
        )
        self.ids, self.context_length = ids, context_length

    def batch(self, generator: torch.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """Windows from random places: inputs (B, T) and, one token later, targets (B, T)."""
        starts = torch.randint(len(self.ids) - self.context_length, (batch_size,), generator=generator)
        windows = self.ids[starts[:, None] + torch.arange(self.context_length + 1)].long()  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]

    def evaluation_batches(self, batch_size: int, stride: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """All tokens but the first as targets once, in at most `batch_size` windows at a time: (B, T) each.

        Args:
            stride: how far each window begins behind the one before; None = T, side by side. Of a window that overlaps
                the one before, the last `stride` targets count, each predicted from T - stride tokens or more.

        What does not count (padding of the last window included) is `IGNORE` in the targets.
        """
        context = self.context_length
        stride = context if stride is None else stride
        check(
            1 <= stride <= context,
            f"stride={stride} must be from 1 to the context of {context} tokens, or tokens between windows would be left out",
        )
        inputs, targets = self.ids[:-1], self.ids[1:]
        count = 1 + max(0, -(-(len(inputs) - context) // stride))
        missing = context + (count - 1) * stride - len(inputs)
        inputs = torch.nn.functional.pad(inputs, (0, missing)).unfold(0, context, stride)  # (count, T)
        targets = torch.nn.functional.pad(targets, (0, missing), value=IGNORE).unfold(0, context, stride).clone()
        targets[1:, : context - stride] = IGNORE
        for batch in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
            yield batch[0].long(), batch[1].long()
