"""The plainest vocabulary: cut the text into pieces and number the pieces, the most frequent first.

    ids 0..3   <pad> <bos> <eos> <unk>        id 4 + i   the i-th most frequent piece (ties in code-point order)

A piece that did not occur in the training text has no number: that is the price of this method, which
`byte_pair.py` does not pay. What a piece is, a subclass says: `character.py`, `word.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from minimm.errors import MinimmError, check
from minimm.tokenizers.tokenizer import (
    REPLACEMENT_CHARACTER,
    SPECIAL_TOKENS,
    Tokenizer,
    Unknown,
    as_texts,
    check_unknown,
    consecutive_special_ids,
    numbered,
    visible,
)


class PieceTokenizer(Tokenizer):
    """One id for each known piece. Subclasses say what a piece is: `piece_name` and `split`."""

    piece_name: str

    @staticmethod
    @abstractmethod
    def split(text: str) -> list[str]:
        """Cut `text` into pieces that joined give it back."""

    def __init__(self, tokens: Sequence[str]):
        """`tokens`: the known pieces, in the order of their ids, without the special ones."""
        check(isinstance(tokens, (list, tuple)), f"tokens is a {type(tokens).__name__}, expected a list of str")
        for i, token in enumerate(tokens):
            check(
                isinstance(token, str) and self.split(token) == [token],
                f"tokens[{i}] is {token!r:.80}, expected exactly one {self.piece_name}",
            )
            check(
                not any("\ud800" <= c <= "\udfff" for c in token),
                f"tokens[{i}] is {token!r:.80}, half of a character (a lone surrogate); read the text with encoding='utf-8'",
            )
        self._tokens = list(tokens)
        self._id_of = numbered(tokens, len(SPECIAL_TOKENS))
        self._decoded = ["", "", "", REPLACEMENT_CHARACTER, *tokens]  # what each id becomes in text

    @classmethod
    def train(cls, text: str | Iterable[str], vocab_size: int | None = None, *, min_count: int = 1) -> PieceTokenizer:
        """Number the pieces of `text`: all that occur at least `min_count` times, at most `vocab_size - 4` of them."""
        check(
            vocab_size is None or (isinstance(vocab_size, int) and vocab_size > len(SPECIAL_TOKENS)),
            f"vocab_size={vocab_size!r}, expected an integer above the {len(SPECIAL_TOKENS)} special tokens; "
            f"choose {len(SPECIAL_TOKENS) + 1} or more, or None for all",
        )
        counts: Counter[str] = Counter()
        for one in as_texts(text):
            counts.update(cls.split(one))
        ranked = sorted(counts, key=lambda piece: (-counts[piece], piece))
        tokens = [piece for piece in ranked if counts[piece] >= min_count]
        check(
            bool(tokens),
            f"no {cls.piece_name} occurs {min_count} times or more among the {counts.total()} of the training text; "
            "give more text or a lower min_count",
        )
        return cls(tokens if vocab_size is None else tokens[: vocab_size - len(SPECIAL_TOKENS)])

    @property
    def vocab_size(self) -> int:
        """The number of tokens, including the four special ones."""
        return len(self._decoded)

    @property
    def special_ids(self) -> dict[str, int]:
        """0 to 3: the special tokens come first."""
        return consecutive_special_ids(0)

    def encode(self, text: str, *, unknown: Unknown = "error") -> list[int]:
        """Turn text into ids, one for each piece. A piece never seen raises `MinimmError`, or becomes `<unk>`."""
        check_unknown(unknown)
        pieces = self.split(text)
        if unknown == "replace":
            unknown_id = self.unk_id
            return [self._id_of.get(piece, unknown_id) for piece in pieces]
        try:
            return [self._id_of[piece] for piece in pieces]
        except KeyError:
            raise self._unknown_piece(pieces) from None

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text; see `Tokenizer.decode`."""
        return "".join(map(self._decoded.__getitem__, self._checked_ids(ids)))

    def _ordinary_token_text(self, token_id: int) -> str:
        return visible(self._decoded[token_id])

    def _learnt(self) -> dict[str, Any]:
        return {"tokens": self._tokens}

    @classmethod
    def _from_learnt(cls, learnt: dict[str, Any]) -> PieceTokenizer:
        check("tokens" in learnt, f"it has the keys {sorted(learnt)}, expected 'tokens'")
        return cls(learnt["tokens"])

    def _unknown_piece(self, pieces: list[str]) -> MinimmError:
        """The error for the first piece that has no id; its position is counted in characters."""
        number = next(i for i, piece in enumerate(pieces) if piece not in self._id_of)
        piece, position = pieces[number], sum(map(len, pieces[:number]))
        code_points = " ".join(f"U+{ord(c):04X}" for c in piece[:8]) + (" ..." if len(piece) > 8 else "")
        return MinimmError(
            f"the {self.piece_name} {piece[:40]!r} ({code_points}) at position {position} is not among the "
            f"{self.vocab_size} tokens of this vocabulary; train on text that contains it, pass unknown='replace' "
            "to encode it as <unk>, or use a byte-pair tokenizer, which knows every text"
        )
