"""Learning byte pairs: start with the 256 bytes, join the most frequent neighbours into a new token, repeat.

    merge i:   (a, b) = argmax over pairs of  sum over words of  count(word) * (times a stands before b in word)
               a b  ->  256 + i   everywhere
    ties:      the lexicographically greatest (bytes of a, bytes of b)

Source: Sennrich, Haddow and Birch, 2016, algorithm 1; on bytes, as in Radford et al., 2019. Neighbours are counted
within words (`splitting.py`), never across them, and each distinct word is looked at once, times its count.

The algorithm as printed counts all pairs again after every merge. Two observations make it fast:
- a merge changes only the words that contain the pair. An index pair -> words finds them, and only the neighbours
  of the joined places are counted anew;
- once both its tokens exist, a pair can only become rarer. So it enters the heap once, with the count it was born
  with, and an outdated count is put right when it comes to the top.

A word is kept as a `str` whose characters *are* token ids, `chr(id)`, and a pair as a `str` of two of them: then
finding and joining pairs is Python's own string search.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from operator import add

from minimm.errors import check
from minimm.tokenizers.splitting import split_words
from minimm.tokenizers.tokenizer import as_texts

NUM_BYTES = 256
MAX_VOCAB_SIZE = sys.maxunicode + 1  # because ids are characters here; far more than anyone needs

Merge = tuple[int, int]
_HeapEntry = tuple[int, str, str, str]  # (-count, descending a, descending b, pair): the smallest is merged next
_COMPLEMENT = bytes(range(255, -1, -1))


def train_byte_pair(text: str | Iterable[str], vocab_size: int) -> list[Merge]:
    """Learn `vocab_size - 256` merges from one text or several; merge i = (a, b) makes the token 256 + i.

    Fewer come back when every word has become a single token before that. A vocab_size below 256 is a `MinimmError`.

    >>> train_byte_pair("hug hug hugs", 258)  # u g first: it is as frequent as h u, and greater
    [(117, 103), (104, 256)]
    """
    check(
        isinstance(vocab_size, int) and NUM_BYTES <= vocab_size <= MAX_VOCAB_SIZE,
        f"vocab_size={vocab_size!r}, expected an integer from {NUM_BYTES} (the bytes alone) to {MAX_VOCAB_SIZE}",
    )
    word_counts: Counter[str] = Counter()
    for one in as_texts(text):
        word_counts.update(split_words(one))
    words = list(map(to_symbols, word_counts))
    return learn_merges(words, list(word_counts.values()), [bytes([i]) for i in range(NUM_BYTES)], vocab_size)


def learn_merges(words: list[str], counts: list[int], token_bytes: list[bytes], vocab_size: int) -> list[Merge]:
    """Join the most frequent neighbours until there are `vocab_size` tokens or no two are left beside each other.

    Args:
        words: the distinct words, as strings whose characters are token ids; they are changed. counts: how often each occurs.
        token_bytes: what each token to begin with stands for, by which ties are decided; it grows by one with each merge.

    Returns:
        The merges in order; merge i makes the token `len(token_bytes) + i`.
    """
    pair_counts: dict[str, int] = defaultdict(int)
    words_with: dict[str, list[int]] = defaultdict(list)  # may repeat a word, or name one that lost the pair since
    for number, (word, count) in enumerate(zip(words, counts, strict=True)):
        for pair in map(add, word, word[1:]):
            pair_counts[pair] += count
            words_with[pair].append(number)

    rank = [_descending(token) for token in token_bytes]
    heap = [(-count, rank[ord(pair[0])], rank[ord(pair[1])], pair) for pair, count in pair_counts.items()]
    heapify(heap)

    merges: list[Merge] = []
    while len(token_bytes) < vocab_size and (pair := _pop_most_frequent(heap, pair_counts)):
        first, second = map(ord, pair)
        merges.append((first, second))
        new = chr(len(token_bytes))
        token_bytes.append(token_bytes[first] + token_bytes[second])
        rank.append(_descending(token_bytes[-1]))

        born: dict[str, int] = defaultdict(int)
        for number in set(words_with.pop(pair)):
            parts = words[number].split(pair)
            words[number] = new.join(parts)
            for old, joined in _changed_neighbours(parts, pair, new):
                pair_counts[old] -= counts[number]
                born[joined] += counts[number]
                words_with[joined].append(number)
        del pair_counts[pair]
        pair_counts.update(born)
        for pair, count in born.items():
            heappush(heap, (-count, rank[ord(pair[0])], rank[ord(pair[1])], pair))
    return merges


def to_symbols(word: str) -> str:
    """The UTF-8 bytes of `word` as a str of the characters 0..255. A lone surrogate becomes the three bytes of its own."""
    return word.encode("utf-8", "surrogatepass").decode("latin-1")


def _changed_neighbours(parts: list[str], pair: str, new: str) -> list[tuple[str, str]]:
    """The neighbours that change, as (pair before, pair after), when a word that was `pair.join(parts)` is joined by `new`.

    >>> _changed_neighbours(["x", "", "y"], "ab", "N")  # x ab ab y -> x N N y
    [('xa', 'xN'), ('ba', 'NN'), ('by', 'Ny')]
    """
    changed = []
    last = len(parts) - 1
    for i, part in enumerate(parts):
        if part and i > 0:
            changed.append((pair[1] + part[0], new + part[0]))
        if part and i < last:
            changed.append((part[-1] + pair[0], part[-1] + new))
        if not part and 0 < i < last:
            changed.append((pair[1] + pair[0], new + new))
    return changed


def _pop_most_frequent(heap: list[_HeapEntry], pair_counts: dict[str, int]) -> str | None:
    """Take the pair to merge next off the heap; None if no word has two tokens left."""
    while heap:
        negative, first, second, pair = heappop(heap)
        count = pair_counts[pair]
        if count == -negative:
            return pair
        if count > 0:  # rarer than when it was pushed
            heappush(heap, (-count, first, second, pair))
    return None


def _descending(token: bytes) -> str:
    """A key that sorts tokens from the lexicographically greatest to the least, for a heap that gives the smallest.

    Each byte is turned round; the end mark U+0100 is above all of them, so that 'ab' comes after 'abc', its extension.
    """
    return token.translate(_COMPLEMENT).decode("latin-1") + "\u0100"
