"""Byte-pair tokens by the definition, slowly: what the laws compare with, and what they draw."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from minimm.specs.draw import Draw, texts
from minimm.specs.laws.words import split_words

LESSON = "lesson 02, tokenizers"
Pair = tuple[int, int]


def replace(ids: list[int], pair: Pair, new: int) -> list[int]:
    """Every `pair` in `ids`, from left to right, becomes `new`.

    >>> replace([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    result: list[int] = []
    for i in ids:
        result.append(i)
        if tuple(result[-2:]) == pair and new not in result[-1:]:
            result[-2:] = [new]
    return result


def token_bytes(merges: list[Pair]) -> list[bytes]:
    """The bytes that each id stands for."""
    table = [bytes([byte]) for byte in range(256)]
    for first, second in merges:
        table.append(table[first] + table[second])
    return table


def naive_train(text: str, vocab_size: int) -> list[Pair]:
    """Count all pairs again after every merge."""
    words = [list(word.encode("utf-8")) for word in split_words(text)]
    merges: list[Pair] = []
    while 256 + len(merges) < vocab_size:
        counts = Counter(pair for word in words for pair in zip(word, word[1:], strict=False))
        if not counts:
            break
        table = token_bytes(merges)
        best = max(counts, key=lambda pair: (counts[pair], table[pair[0]], table[pair[1]]))
        words = [replace(word, best, 256 + len(merges)) for word in words]
        merges.append(best)
    return merges


def naive_encode(text: str, merges: list[Pair]) -> list[int]:
    """Apply merge after merge to every word."""
    ids: list[int] = []
    for word in split_words(text):
        symbols = list(word.encode("utf-8"))
        for i, pair in enumerate(merges):
            symbols = replace(symbols, tuple(pair), 256 + i)
        ids.extend(symbols)
    return ids


def naive_decode(ids: list[int], merges: list[Pair]) -> str:
    """Put the bytes together, then read them as UTF-8."""
    table = token_bytes(merges)
    return b"".join(table[i] for i in ids).decode("utf-8", errors="replace")


vocab_sizes = st.integers(256, 272)


@st.composite
def learned(draw: Draw) -> tuple[str, list[Pair]]:
    """A text and merges: learned from it and some more so that most of them apply, or any at all over a few letters."""
    if draw(st.booleans()):
        text = draw(texts)
        return text, naive_train(text + draw(texts), draw(vocab_sizes))
    merges: list[Pair] = []
    for _ in range(draw(st.integers(1, 8))):
        known = st.sampled_from([*b"ab ", *range(256, 256 + len(merges))])
        pair = draw(known), draw(known)
        merges += [pair] if pair not in merges else []
    return draw(st.text(alphabet="ab ", max_size=12)), merges


@st.composite
def ids_and_merges(draw: Draw) -> tuple[list[int], list[Pair]]:
    """Any ids of a vocabulary, also such as cut a character in the middle."""
    _, merges = draw(learned())
    any_ids = st.lists(st.integers(0, 255 + len(merges)), max_size=8)
    # A half of a surrogate pair, a zero in two bytes, the first half of an emoji: all are forbidden in UTF-8.
    forbidden = st.sampled_from([[0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF0, 0x9F], [0xFF, 0x61]])
    return draw(st.one_of(any_ids, forbidden)), merges
