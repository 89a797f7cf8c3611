"""Byte pairs under the ids of another library: GPT-2's, or those of any byte-level `tokenizer.json`.

The merges are the same idea; what differs is the order in which tokens are numbered, which tokens are special, and perhaps the
rule by which text is cut into words. So this is a `BytePairTokenizer` with a table from its own ids to theirs.

Those files write a token as text, each byte as one visible character: bytes that are printable in Latin-1 as themselves, the
other 68 as the characters from U+0100 on (Radford et al. 2019, the code published with it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import regex

from minimm.errors import MinimmError, check
from minimm.tokenizers.byte_pair import BytePairTokenizer
from minimm.tokenizers.byte_pair_training import NUM_BYTES, Merge
from minimm.tokenizers.splitting import split_words
from minimm.tokenizers.tokenizer import REPLACEMENT_CHARACTER, SPECIAL_TOKENS, Unknown, check_text


def _visible_bytes() -> list[str]:
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = (byte for byte in range(NUM_BYTES) if byte not in printable)
    table = {byte: chr(byte) for byte in printable} | {byte: chr(NUM_BYTES + n) for n, byte in enumerate(others)}
    return [table[byte] for byte in range(NUM_BYTES)]


VISIBLE_BYTES = _visible_bytes()  # how each byte is written in those files


class ForeignBytePairTokenizer(BytePairTokenizer):
    """Encodes with the merges, and gives the ids of `vocabulary`.

    Args:
        vocabulary: token, written in visible characters -> id; ids are 0 to V - 1, each once.
        merges: pairs of such tokens, in the order learnt.
        special: name of ours ("<pad>", "<bos>", "<eos>", "<unk>") -> id; several may share one, as in GPT-2.
        special_texts: id -> how a special token is written there, for labels; what a reader writes never becomes one.
        pattern: a regular expression whose matches are the words; None = GPT-2's rule.
    """

    kind = "foreign_byte_pair"

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        *,
        special: Mapping[str, int],
        special_texts: Mapping[int, str],
        pattern: str | None = None,
    ):
        own_merges, texts = _own_merges(merges)
        lacking = [text for text in texts if text not in vocabulary]
        check(not lacking, f"the vocabulary lacks {len(lacking)} of the tokens that its merges use: {lacking[:4]}")
        extra = sorted(vocabulary.keys() - set(texts))
        check(not extra, f"the vocabulary has {len(extra)} tokens that no merge makes: {extra[:4]}")
        self._theirs = [vocabulary[text] for text in texts]  # our id -> theirs
        ids = sorted({*self._theirs, *special_texts})
        check(
            ids == list(range(len(texts) + len(special_texts))),
            f"the {len(texts) + len(special_texts)} tokens must have the ids from 0 on, each once, but they have "
            f"{ids[:3]} ... {ids[-1]}",
        )
        check(
            set(special) == set(SPECIAL_TOKENS) and all(i in special_texts for i in special.values()),
            f"the special tokens {sorted(SPECIAL_TOKENS)} must each have the id of one that is special there",
        )
        self._own = {theirs: ours for ours, theirs in enumerate(self._theirs)}
        self._special, self._special_texts, self._pattern = dict(special), dict(special_texts), pattern
        self._their_merges, self._vocabulary = [tuple(merge) for merge in merges], dict(vocabulary)
        split = split_words if pattern is None else partial(_split_by, _compiled(pattern))
        super().__init__(own_merges, split=split)

    @property
    def vocab_size(self) -> int:
        """The number of tokens, special ones included."""
        return len(self._theirs) + len(self._special_texts)

    @property
    def special_ids(self) -> dict[str, int]:
        """As given."""
        return self._special

    def encode(self, text: str, *, unknown: Unknown = "error") -> list[int]:
        """Turn text into their ids; see `BytePairTokenizer.encode`."""
        return [self._theirs[token_id] for token_id in super().encode(text, unknown=unknown)]

    def join_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that their ids stand for, put together; special tokens are left out, <unk> alone shows as U+FFFD."""
        unknown = self._special["<unk>"]
        shown = unknown not in {self._special["<eos>"], self._special["<pad>"], self._special["<bos>"]}
        parts = []
        for token_id in self._checked_ids(ids):
            if token_id in self._own:
                parts.append(self._bytes[self._own[token_id]])
            elif shown and token_id == unknown:
                parts.append(REPLACEMENT_CHARACTER.encode())
        return b"".join(parts)

    def token_text(self, token_id: int) -> str:
        """A short label of one token; special tokens as they are written there."""
        (token_id,) = self._checked_ids([token_id])
        if token_id in self._special_texts:
            return self._special_texts[token_id]
        return self._ordinary_token_text(self._own[token_id])

    def _learnt(self) -> dict[str, Any]:
        return {
            "vocabulary": self._vocabulary,
            "merges": [list(merge) for merge in self._their_merges],
            "special": self._special,
            "special_texts": {str(i): text for i, text in self._special_texts.items()},
            "pattern": self._pattern,
        }

    @classmethod
    def _from_learnt(cls, learnt: dict[str, Any]) -> ForeignBytePairTokenizer:
        try:
            texts = {int(i): str(text) for i, text in learnt["special_texts"].items()}
            merges = [(str(a), str(b)) for a, b in learnt["merges"]]
            vocabulary = {str(text): int(i) for text, i in learnt["vocabulary"].items()}
            special = {str(name): int(i) for name, i in learnt["special"].items()}
            pattern = learnt["pattern"]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise MinimmError(f"its parts are not as they were saved ({error!r:.80})") from None
        check(pattern is None or isinstance(pattern, str), f"its pattern is no text, but {pattern!r:.40}")
        return cls(vocabulary, merges, special=special, special_texts=texts, pattern=pattern)


def _own_merges(merges: Sequence[tuple[str, str]]) -> tuple[list[Merge], list[str]]:
    """Merges of texts -> merges of our ids, and the text of each of our tokens."""
    texts = list(VISIBLE_BYTES)
    own = {text: i for i, text in enumerate(texts)}
    found = []
    for number, (first, second) in enumerate(merges):
        check(
            first in own and second in own,
            f"merge {number} joins {first!r:.40} and {second!r:.40}, not both made before it",
        )
        joined = first + second
        check(
            joined not in own,
            f"merge {number} makes {joined!r:.40}, which was there already; minimm needs one way to each token",
        )
        own[joined] = len(texts)
        texts.append(joined)
        found.append((own[first], own[second]))
    return found, texts


def _compiled(pattern: str) -> regex.Pattern:
    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise MinimmError(
            f"the pattern that cuts text into words is not a regular expression ({error}): {pattern!r:.80}"
        ) from None


def _split_by(pattern: regex.Pattern, text: str) -> list[str]:
    """All matches of `pattern`, and what lies between them."""
    check_text(text)
    pieces, end = [], 0
    for match in pattern.finditer(text):
        pieces += [text[end : match.start()], match.group()]
        end = match.end()
    return [piece for piece in (*pieces, text[end:]) if piece]
