"""Questions about a text as rows of tokens, [CLS] question [SEP] text [SEP], that remember the characters of each token.

A text longer than the model's context is read in windows that overlap by half, so that every answer lies whole in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import regex
import torch
from torch import Tensor

from minimm.datasets.token_texts import draw_similar_lengths, pad_right
from minimm.errors import check

# Words, single Chinese characters and single marks: an answer begins and ends at the border of one of these.
_UNIT = regex.compile(r"\p{Han}|[\p{L}\p{N}\p{M}--\p{Han}]+|\S", regex.VERSION1)


@dataclass(frozen=True)
class SpanRow:
    """One window of a text behind its question.

    `ids` and `types` (segment 0: question, 1: text) are as long; tokens from `first` on are the text's, and token first + i
    came from the characters `offsets[i]`. `start` and `end` are the answer's first and last token, when it is known.
    """

    ids: list[int]
    types: list[int]
    first: int
    offsets: list[tuple[int, int]]
    start: int = 0
    end: int = 0


@dataclass
class SpanBatch:
    """B rows: ids, mask, types and where an answer may lie (B, T) each; the answers' first and last tokens, (B,) each."""

    ids: Tensor
    mask: Tensor
    types: Tensor
    allowed: Tensor
    start: Tensor
    end: Tensor

    def to(self, device: torch.device) -> SpanBatch:
        """The same on `device`."""
        return SpanBatch(*(part.to(device) for part in vars(self).values()))


class SpanEncoder:
    """Turns a question and a text into `SpanRow`s.

    Args:
        encode: a word -> token ids. bos_id, eos_id: [CLS] and [SEP]. context_length: tokens in a row at most.
    """

    def __init__(self, encode: Callable[[str], list[int]], bos_id: int, eos_id: int, context_length: int) -> None:
        self.encode, self.bos_id, self.eos_id, self.context_length = encode, bos_id, eos_id, context_length

    def rows(self, question: str, text: str) -> list[SpanRow]:
        """The windows of `text`, at least one. A question that leaves no room for the text is refused."""
        question_ids = self.encode(question)
        tokens, offsets = [], []
        for unit in _UNIT.finditer(text):
            ids = self.encode(unit.group())
            tokens += ids
            offsets += [unit.span()] * len(ids)
        check(len(question_ids) > 0 and len(tokens) > 0, "the question or the text has no word in it; give both")
        head = [self.bos_id, *question_ids, self.eos_id]
        room = self.context_length - len(head) - 1
        check(
            room >= max(2, self.context_length // 4),  # windows that overlap by half must move on
            f"the question has {len(question_ids)} tokens, too many beside a text in a context of {self.context_length}; "
            "ask a shorter one",
        )
        starts = [0]
        while starts[-1] + room < len(tokens):
            starts.append(starts[-1] + room // 2)
        return [
            SpanRow(
                [*head, *tokens[start : start + room], self.eos_id],
                [0] * len(head) + [1] * (len(tokens[start : start + room]) + 1),
                len(head),
                offsets[start : start + room],
            )
            for start in starts
        ]

    def answered(self, question: str, text: str, answer_start: int, answer: str) -> list[SpanRow]:
        """Those windows that hold the whole answer, with its first and last token."""
        end = answer_start + len(answer)
        found = []
        for row in self.rows(question, text):
            inside = [i for i, (left, right) in enumerate(row.offsets) if left < end and right > answer_start]
            whole = inside and row.offsets[inside[0]][0] <= answer_start and row.offsets[inside[-1]][1] >= end
            if whole:
                places = {"start": row.first + inside[0], "end": row.first + inside[-1]}
                found.append(SpanRow(row.ids, row.types, row.first, row.offsets, **places))
        return found


class SpanRows:
    """Rows as batches of similar length."""

    def __init__(self, rows: Sequence[SpanRow], *, pad_id: int) -> None:
        check(
            len(rows) > 0,
            "there is no question whose answer stands whole in one window of its text; give at least one, with an answer of a "
            "few words",
        )
        self.rows, self.pad_id = list(rows), pad_id
        self.lengths = torch.tensor([len(row.ids) for row in rows])

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, generator: torch.Generator, batch_size: int) -> SpanBatch:
        """`batch_size` random rows of similar length."""
        return self.collate(draw_similar_lengths(self.lengths, batch_size, generator))

    def batches(self, batch_size: int) -> Iterator[tuple[list[int], SpanBatch]]:
        """Every row once, the shortest first, with the rows' numbers."""
        for chosen in self.lengths.argsort(stable=True).split(batch_size):
            yield chosen.tolist(), self.collate(chosen.tolist())

    def collate(self, chosen: Sequence[int]) -> SpanBatch:
        """The rows with these numbers, padded."""
        rows = [self.rows[i] for i in chosen]
        ids, mask = pad_right([row.ids for row in rows], self.pad_id)
        types, _ = pad_right([row.types for row in rows], 0)
        may = [[0] * row.first + [1] * len(row.offsets) + [0] for row in rows]
        allowed, _ = pad_right(may, 0)
        start, end = torch.tensor([row.start for row in rows]), torch.tensor([row.end for row in rows])
        return SpanBatch(ids, mask, types, allowed.bool(), start, end)
