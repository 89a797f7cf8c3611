"""What every tokenizer does: text -> token ids -> text, whole batches with padding, one JSON file.

A tokenizer is learnt from text (`train`), used (`encode`, `decode`, `encode_batch`) and kept (`save`, `load`). Besides
the tokens it learnt it has four special ones, which no text can spell: `encode("<pad>")` gives the ids of five
ordinary characters, so a reader's sentence can never end a sequence or vanish as padding.

    <pad>  fills short rows of a batch        <bos>  begins a sequence
    <eos>  ends a sequence                    <unk>  stands for what the vocabulary lacks

The kinds, from the plainest: `character.py`, `word.py`, `byte_pair.py`.
"""

from __future__ import annotations

import copy
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from minimm.errors import MinimmError, check
from minimm.files import read_json, write_json

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")
REPLACEMENT_CHARACTER = "\ufffd"  # how <unk> and broken UTF-8 look in decoded text
Unknown = Literal["error", "replace"]


class Tokenizer(ABC):
    """The protocol of all tokenizers. Token ids are `int`, from 0 to `vocab_size - 1`."""

    kind: ClassVar[str]  # written into the saved file, so that it opens as the right class

    @classmethod
    @abstractmethod
    def train(cls, text: str | Iterable[str], vocab_size: int | None = None) -> Tokenizer:
        """Learn a vocabulary from one text or from several; `vocab_size` counts all tokens, the special ones too."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """The number of tokens, including the four special ones."""

    @property
    @abstractmethod
    def special_ids(self) -> dict[str, int]:
        """The ids of the special tokens by name: those of `SPECIAL_TOKENS`, and others that a kind has beside them."""

    @abstractmethod
    def encode(self, text: str, *, unknown: Unknown = "error") -> list[int]:
        """Turn text into ids. What the vocabulary lacks raises a `MinimmError`, or with "replace" becomes `<unk>`."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text. `<pad>`, `<bos>`, `<eos>` are left out; `<unk>` shows as U+FFFD.

        Raises `MinimmError` for an id outside 0 .. vocab_size - 1.
        """

    @abstractmethod
    def _ordinary_token_text(self, token_id: int) -> str:
        """The label of one token that is not special."""

    @abstractmethod
    def _learnt(self) -> dict[str, Any]:
        """What `train` found out, as JSON values; `_from_learnt` undoes it."""

    @classmethod
    @abstractmethod
    def _from_learnt(cls, learnt: dict[str, Any]) -> Tokenizer:
        """Rebuild from what `_learnt` gave; raises `MinimmError` for anything else."""

    @property
    def pad_id(self) -> int:
        """The id of `<pad>`."""
        return self.special_ids["<pad>"]

    @property
    def bos_id(self) -> int:
        """The id of `<bos>`."""
        return self.special_ids["<bos>"]

    @property
    def eos_id(self) -> int:
        """The id of `<eos>`."""
        return self.special_ids["<eos>"]

    @property
    def unk_id(self) -> int:
        """The id of `<unk>`."""
        return self.special_ids["<unk>"]

    def encode_batch(
        self,
        texts: Sequence[str],
        *,
        add_bos: bool = False,
        add_eos: bool = False,
        max_length: int | None = None,
        unknown: Unknown = "error",
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode B texts into one array whose rows are as long as the longest of them.

        Returns `ids` (B, T) int64, filled up on the right with `pad_id`, and `mask` (B, T) bool, True where a token
        is real. With `max_length` T stays at or below it: text is cut, `<bos>` and `<eos>` stay.
        """
        check(not isinstance(texts, str), "encode_batch takes a list of texts, got one str; write encode_batch([text])")
        begin, end = [self.bos_id] * add_bos, [self.eos_id] * add_eos
        room = None if max_length is None else max_length - len(begin) - len(end)
        check(
            room is None or room >= 0,
            f"max_length={max_length} leaves no room for the {len(begin) + len(end)} special tokens of each row; raise it",
        )
        rows = [begin + self.encode(text, unknown=unknown)[:room] + end for text in texts]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        mask = np.arange(max(lengths, default=0)) < lengths[:, None]  # (B, T)
        ids = np.full(mask.shape, self.pad_id, dtype=np.int64)  # (B, T)
        ids[mask] = [token_id for row in rows for token_id in row]
        return ids, mask

    def token_text(self, token_id: int) -> str:
        """A short label of one token for figures: spaces as '␣', control characters and partial UTF-8 as escapes."""
        (token_id,) = self._checked_ids([token_id])
        names = [name for name, special_id in self.special_ids.items() if special_id == token_id]
        return names[0] if names else self._ordinary_token_text(token_id)

    def save(self, path: str | Path) -> None:
        """Write everything to one UTF-8 JSON file, atomically."""
        write_json(path, self.saved())

    def saved(self) -> dict[str, Any]:
        """What `save` writes: the kind and everything learnt, as JSON values; a copy."""
        return {"kind": self.kind, **copy.deepcopy(self._learnt())}

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read what `save` wrote. A file of another kind or a damaged one raises a `MinimmError` that says so."""
        return cls.from_saved(read_json(path), path)

    @classmethod
    def from_saved(cls, saved: Any, path: str | Path) -> Tokenizer:
        """Rebuild from the parsed JSON of the file at `path`; the path is only for the messages."""
        kind = saved.get("kind") if isinstance(saved, dict) else None
        check(
            kind == cls.kind,
            f"{path} says kind={kind!r:.80}, expected {cls.kind!r}; open it with load_tokenizer, or choose another file",
        )
        try:
            return cls._from_learnt({key: value for key, value in saved.items() if key != "kind"})
        except MinimmError as error:
            raise MinimmError(f"{path} is a damaged {cls.kind} tokenizer: {error}; save it again") from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.vocab_size} tokens>"

    def _checked_ids(self, ids: Iterable[int]) -> list[int]:
        """`ids` (a list, an array or a tensor of integers) as a list of int, all of them in the vocabulary."""
        try:
            checked = list(map(operator.index, ids.tolist() if hasattr(ids, "tolist") else ids))
        except TypeError:
            raise MinimmError(f"expected one sequence of integer ids, got {ids!r:.80}; pass one row") from None
        if checked and (min(checked) < 0 or max(checked) >= self.vocab_size):
            position, wrong = next((i, t) for i, t in enumerate(checked) if not 0 <= t < self.vocab_size)
            raise MinimmError(
                f"token id {wrong} at position {position} is not in this vocabulary of {self.vocab_size} tokens "
                f"(0 to {self.vocab_size - 1}); decode with the tokenizer that encoded"
            )
        return checked


def consecutive_special_ids(first: int) -> dict[str, int]:
    """The four special tokens, numbered from `first` on."""
    return {name: first + number for number, name in enumerate(SPECIAL_TOKENS)}


def numbered(tokens: Sequence[str], first: int = 0) -> dict[str, int]:
    """The id of each token, from `first` on; raises `MinimmError` if one occurs twice."""
    ids = {token: i for i, token in enumerate(tokens, start=first)}
    check(
        len(ids) == len(tokens),
        f"{len(tokens) - len(ids)} of the {len(tokens)} tokens occur twice, expected each once",
    )
    return ids


def as_texts(text: str | Iterable[str]) -> Iterable[str]:
    """One text or several, always as several."""
    check(
        isinstance(text, Iterable),
        f"expected a text or several, got {type(text).__name__}; pass a str or a list of str",
    )
    return [text] if isinstance(text, str | bytes) else text  # bytes are refused where a text is needed, as a whole


def check_text(text: str) -> None:
    """Raise `MinimmError` unless `text` is one text."""
    check(isinstance(text, str), f"expected a text (str), got {type(text).__name__}; pass one text, bytes decoded")


def check_unknown(unknown: str) -> None:
    """Raise `MinimmError` unless `unknown` is one of the two ways to treat what the vocabulary lacks."""
    check(unknown in get_args(Unknown), f"unknown={unknown!r} is neither 'error' nor 'replace'; choose one of them")


def visible(text: str) -> str:
    """`text` with its spaces and control characters made visible.

    >>> visible(" a\\n")
    '␣a\\\\n'
    """
    return "".join(
        "␣" if c == " " else c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
