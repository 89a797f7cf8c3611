"""Solutions of lesson 02, tokenizers: `minimm check lessons/solutions/02_tokenizers.py`."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from minimm.tokenizers.splitting import split_words


def byte_pair_decode(ids, merges):
    """All bytes together first: a token may hold half of a character."""
    table = token_table(merges)
    return b"".join(table[i] for i in ids).decode("utf-8", errors="replace")


def byte_pair_encode(text, merges):
    """Merge after merge, in the order in which they were learned, in each word."""
    ids = []
    for word in split_words(text):
        tokens = list(word.encode("utf-8"))
        for i, pair in enumerate(merges):
            tokens = glue(tokens, tuple(pair), 256 + i)
        ids += tokens
    return ids


def train_byte_pair(text, vocab_size):
    """Count, glue the best pair, count again."""
    words = [list(word.encode("utf-8")) for word in split_words(text)]
    merges = []
    while 256 + len(merges) < vocab_size:
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts:
            break
        table = token_table(merges)
        best = max(counts, key=lambda pair: (counts[pair], table[pair[0]], table[pair[1]]))
        words = [glue(word, best, 256 + len(merges)) for word in words]
        merges.append(best)
    return merges


def token_table(merges):
    """The bytes that each id stands for."""
    table = [bytes([i]) for i in range(256)]
    for a, b in merges:
        table.append(table[a] + table[b])
    return table


def glue(tokens, pair, new):
    """Every `pair` becomes `new`, from left to right."""
    glued, i = [], 0
    while i < len(tokens):
        found = tuple(tokens[i : i + 2]) == pair
        glued.append(new if found else tokens[i])
        i += 2 if found else 1
    return glued
