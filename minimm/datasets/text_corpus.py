"""Text to learn from: files and folders become one string, the last tenth is kept for validation, and windows are cut.

A language model is trained on windows of `context_length` tokens from random places; the target of each token is the
one after it. For evaluation every token is predicted exactly once: in windows that lie side by side, or that slide by fewer
tokens than they hold, so that no token is predicted from a near-empty context (dearer, and closer to what the model knows).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from minimm.datasets.text_files import SUFFIXES, files_of, read_document
from minimm.errors import check

IGNORE = -100  # a target with this value does not count: padding, or a place with nothing to predict


def read_corpus(*paths: str | Path) -> str:
    """The text of files and folders, joined by a blank line; line ends become \\n.

    Args:
        paths: text files (UTF-8, .gz too) or folders, which are searched for .txt, .md, .html and .htm files, .gz too,
            in order of name; hidden and empty files are left out. Markup is taken away.

    Raises:
        MinimmError: a path that is missing, has no text in it, is not UTF-8 or is a broken or far too large .gz.
    """
    check(len(paths) > 0, "no text was given; name a file or a folder")
    texts = []
    for path in map(Path, paths):
        files = files_of(path)
        check(len(files) > 0, f"{path} has no text in it; give a folder with {', '.join(SUFFIXES)} files, .gz too")
        found = [text for text in map(read_document, files) if text.strip()]
        check(len(found) > 0, f"{path} is empty; give a file or a folder with text")
        texts += found
    if len(texts) == 1:
        return texts[0]  # as it is, so that a single file's characters can be counted
    return "\n\n".join(text.strip("\n") for text in texts) + "\n"


def split_text(text: str, validation_fraction: float = 0.1) -> tuple[str, str]:
    """The beginning for training and the last `validation_fraction` for validation, cut at a character."""
    check(0.0 <= validation_fraction <= 1.0, f"validation_fraction={validation_fraction} is no share; try 0.1")
    cut = int(len(text) * (1.0 - validation_fraction))
    return text[:cut], text[cut:]


class TokenWindows:
    """Windows of `context_length` tokens, with their targets, from one long sequence of ids (N,) int64."""

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
        windows = self.ids[starts[:, None] + torch.arange(self.context_length + 1)]  # (B, T + 1)
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
        yield from zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
