"""Text to learn from: files and folders become one string, the last tenth is kept for validation, and windows are cut.

A language model is trained on windows of `context_length` tokens from random places; the target of each token is the
one after it. For evaluation the windows lie side by side, so that every token is predicted exactly once.
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

    def evaluation_batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Windows side by side, at most `batch_size` at once; the last may be padded, with targets that do not count."""
        inputs, targets = self.ids[:-1], self.ids[1:]
        missing = -len(inputs) % self.context_length
        inputs = torch.nn.functional.pad(inputs, (0, missing)).view(-1, self.context_length)
        targets = torch.nn.functional.pad(targets, (0, missing), value=IGNORE).view(-1, self.context_length)
        yield from zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
