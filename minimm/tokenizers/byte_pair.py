"""Byte-pair tokens: frequent words are one token, rare words several, and no text is ever unknown.

    ids 0..255       the bytes of UTF-8
    id 256 + i       merge i: the two older tokens it joins
    the last four    <pad> <bos> <eos> <unk>

Encoding cuts the text into words (`splitting.py`), each word into bytes, and applies the merges in the order in
which they were learnt (`byte_pair_training.py`). Decoding joins the bytes of the tokens, so any text comes back exactly.

Source: Sennrich, Haddow and Birch, 2016, section 3.2; on bytes with GPT-2's words as in Radford et al., 2019.
Differs from GPT-2 in that the ids 0..255 are the bytes themselves, not a permutation of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from operator import add
from typing import Any

from minimm.errors import check
from minimm.tokenizers.byte_pair_training import MAX_VOCAB_SIZE, NUM_BYTES, Merge, to_symbols, train_byte_pair
from minimm.tokenizers.splitting import parts_of, split_words
from minimm.tokenizers.tokenizer import (
    REPLACEMENT_CHARACTER,
    SPECIAL_TOKENS,
    Tokenizer,
    Unknown,
    check_unknown,
    consecutive_special_ids,
    visible,
)

DEFAULT_VOCAB_SIZE = 1024
CACHED_WORDS = 65_536  # about 15 MB when full of common words
LONG_WORD = 256  # bytes; longer ones are not remembered
LARGEST_TABLE = 2**28  # bytes of all tokens together; a forged file could double the length with every merge


def byte_pair_encode(text: str, merges: Sequence[Merge]) -> list[int]:
    """Turn text into ids with the merges of `train_byte_pair`: word by word, the merge learnt first goes first."""
    return _WordEncoder(merges).encode(text)


def byte_pair_decode(ids: Iterable[int], merges: Sequence[Merge]) -> str:
    """Turn ids into text; bytes that are not UTF-8 become U+FFFD. The exact inverse of `byte_pair_encode`."""
    return BytePairTokenizer(merges).join_bytes(ids).decode("utf-8", "replace")


class BytePairTokenizer(Tokenizer):
    """A token is a string of bytes that was frequent in the training text, or one of the 256 bytes.

    >>> tokenizer = BytePairTokenizer.train("low lower lowest", vocab_size=262)
    >>> [tokenizer.token_text(token_id) for token_id in tokenizer.encode("lower low")]
    ['low', 'e', 'r', '␣', 'low']
    """

    kind = "byte_pair"

    def __init__(self, merges: Sequence[Merge], *, split: Callable[[str], list[str]] = split_words):
        """`merges`: what `train_byte_pair` gives; merge i = (a, b) with a, b < 256 + i makes the token 256 + i."""
        self._words = _WordEncoder(merges, split)
        self._merges = [tuple(merge) for merge in merges]
        self._bytes = [bytes([i]) for i in range(NUM_BYTES)]
        for first, second in self._merges:
            self._bytes.append(self._bytes[first] + self._bytes[second])
        self._bytes += [b"", b"", b"", REPLACEMENT_CHARACTER.encode("utf-8")]

    @classmethod
    def train(cls, text: str | Iterable[str], vocab_size: int | None = None) -> BytePairTokenizer:
        """Learn from one text or several; `vocab_size` (1,024 unless told) counts bytes, merges and special tokens.

        A short text may have too few pairs: then the vocabulary is smaller. Below 260 there is no room: `MinimmError`.
        """
        vocab_size = DEFAULT_VOCAB_SIZE if vocab_size is None else vocab_size
        smallest = NUM_BYTES + len(SPECIAL_TOKENS)
        check(
            isinstance(vocab_size, int) and vocab_size >= smallest,
            f"vocab_size={vocab_size!r}, expected an integer from {smallest}: 256 bytes and 4 special tokens; raise it",
        )
        return cls(train_byte_pair(text, vocab_size - len(SPECIAL_TOKENS)))

    @property
    def merges(self) -> list[Merge]:
        """The merges in the order learnt; a copy."""
        return list(self._merges)

    @property
    def vocab_size(self) -> int:
        """The number of tokens: 256 bytes, the merges, the four special ones."""
        return len(self._bytes)

    @property
    def special_ids(self) -> dict[str, int]:
        """From 256 + the number of merges on."""
        return consecutive_special_ids(NUM_BYTES + len(self._merges))

    def encode(self, text: str, *, unknown: Unknown = "error") -> list[int]:
        """Turn text into ids. Nothing is ever unknown to bytes; `unknown` is there because every tokenizer has it."""
        check_unknown(unknown)
        return self._words.encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text; any ids will do: bytes that are not UTF-8 become U+FFFD. See `Tokenizer.decode`."""
        joined = self.join_bytes(ids)
        try:
            return joined.decode("utf-8", "surrogatepass")  # gives back even the lone surrogates of a broken text
        except UnicodeDecodeError:
            return joined.decode("utf-8", "replace")

    def join_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that the ids stand for, put together."""
        return b"".join(map(self._bytes.__getitem__, self._checked_ids(ids)))

    def _ordinary_token_text(self, token_id: int) -> str:
        token = self._bytes[token_id]
        try:
            return visible(token.decode("utf-8"))
        except UnicodeDecodeError:  # a part of a character, such as the first two bytes of a Chinese one
            return "".join(f"\\x{byte:02x}" for byte in token)

    def _learnt(self) -> dict[str, Any]:
        return {"merges": [list(merge) for merge in self._merges]}

    @classmethod
    def _from_learnt(cls, learnt: dict[str, Any]) -> BytePairTokenizer:
        check("merges" in learnt, f"it has the keys {sorted(learnt)}, expected 'merges'")
        return cls(learnt["merges"])


class _WordEncoder(dict[str, list[int]]):
    """word -> ids, worked out at the first look-up and remembered: a text repeats its words."""

    def __init__(self, merges: Sequence[Merge], split: Callable[[str], list[str]] = split_words):
        super().__init__()
        _check_merges(merges)
        self._split = split
        self._pairs = [chr(first) + chr(second) for first, second in merges]
        self._id_of_pair = {pair: i for i, pair in enumerate(self._pairs, start=NUM_BYTES)}

    def encode(self, text: str) -> list[int]:
        """The ids of all words of `text`, one after the other."""
        parts = parts_of(text) if self._split is split_words else (text,)
        words = chain.from_iterable(map(self._split, parts))
        return list(chain.from_iterable(map(self.__getitem__, words)))

    def __missing__(self, word: str) -> list[int]:
        symbols = to_symbols(word)
        if len(symbols) > LONG_WORD:
            return self._merge_long(symbols)
        ids = self._merge(symbols)
        if len(self) >= CACHED_WORDS:
            self.clear()
        self[word] = ids
        return ids

    def _merge(self, symbols: str) -> list[int]:
        """Join the pair that was learnt first, wherever it stands, until no neighbours are a known pair."""
        none = MAX_VOCAB_SIZE
        while len(symbols) > 1:
            new = min(map(self._id_of_pair.get, map(add, symbols, symbols[1:]), repeat(none)))
            if new == none:
                break
            symbols = symbols.replace(self._pairs[new - NUM_BYTES], chr(new))
        return list(map(ord, symbols))

    def _merge_long(self, symbols: str) -> list[int]:
        """The same, faster for a long word: try every merge in turn. A merge only makes pairs that were learnt later."""
        for new, pair in enumerate(self._pairs, start=NUM_BYTES):
            symbols = symbols.replace(pair, chr(new))
        return list(map(ord, symbols))


def _check_merges(merges: Sequence[Merge]) -> None:
    """Raise `MinimmError` unless every merge joins two older tokens, and no pair is merged twice."""
    check(isinstance(merges, (list, tuple)), f"merges is a {type(merges).__name__}, expected a list of pairs of ids")
    check(
        len(merges) <= MAX_VOCAB_SIZE - NUM_BYTES,
        f"there are {len(merges):,} merges, but beside the bytes there is room for {MAX_VOCAB_SIZE - NUM_BYTES:,}; leave the "
        "last ones out",
    )
    seen = set()
    lengths, total = [1] * NUM_BYTES, NUM_BYTES
    for i, merge in enumerate(merges):
        check(
            isinstance(merge, (list, tuple)) and len(merge) == 2 and all(type(token_id) is int for token_id in merge),
            f"merges[{i}] is {merge!r:.80}, expected two integer ids",
        )
        check(
            all(0 <= token_id < NUM_BYTES + i for token_id in merge),
            f"merges[{i}] joins {tuple(merge)}, expected ids of older tokens, 0 to {NUM_BYTES + i - 1}",
        )
        check(tuple(merge) not in seen, f"merges[{i}] joins {tuple(merge)}, which an earlier merge joined already")
        seen.add(tuple(merge))
        lengths.append(lengths[merge[0]] + lengths[merge[1]])
        total += lengths[-1]
        check(total <= LARGEST_TABLE, f"the tokens up to merges[{i}] take {total} bytes, more than {LARGEST_TABLE}")
