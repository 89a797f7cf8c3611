"""Planted: train_byte_pair, byte_pair_encode, byte_pair_decode.

What goes wrong: the words (none, or cut elsewhere), what is counted, who wins a tie, the new ids, when to stop, the order
of the merges, characters where bytes belong, text read token by token.
"""

from __future__ import annotations

import codecs
import heapq
import re
import unicodedata
from collections import Counter
from itertools import chain, groupby, pairwise

import numpy as np
import regex

from mutants.catalogue import right, wrong

GPT2 = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
GPT4 = regex.compile(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)


def _bytes(words):
    return [list(word.encode("utf-8")) for word in words]


def _words(text):
    """The bytes of each word, cut as GPT-2 cuts."""
    return _bytes(GPT2.findall(text))


def _count(words):
    return Counter(pair for ids in words for pair in pairwise(ids))


def _greatest(counts, table):
    """The most frequent pair, of equals the one with the greatest bytes."""
    return max(counts, key=lambda pair: (counts[pair], table[pair[0]], table[pair[1]]))


def _join(ids, pair, new):
    joined, i = [], 0
    while i < len(ids):
        found = tuple(ids[i : i + 2]) == pair
        joined.append(new if found else ids[i])
        i += 1 + found
    return joined


def _learn(words, vocab_size, first=256, count=_count, choose=_greatest, join=_join):
    table, merges = {byte: bytes([byte]) for byte in range(256)}, []
    while 256 + len(merges) < vocab_size and (counts := count(words)):
        a, b = choose(counts, table)
        new = first + len(merges)
        table[new] = table[a] + table[b]
        words = [join(ids, (a, b), new) for ids in words]
        merges.append((a, b))
    return merges


def _apply(words, merges, first=256, join=_join):
    """Merge after merge in every word; the ids in one list."""
    for i, pair in enumerate(merges):
        words = [join(ids, pair, first + i) for ids in words]
    return list(chain(*words))


def _table(merges):
    table = [bytes([byte]) for byte in range(256)]
    for a, b in merges:
        table.append(table[a] + table[b])
    return table


def _join_first(ids, pair, new):
    i = next((i for i in range(len(ids) - 1) if (ids[i], ids[i + 1]) == pair), None)
    return ids if i is None else [*ids[:i], new, *ids[i + 2 :]]


def _join_from_right(ids, pair, new):
    return _join(ids[::-1], pair[::-1], new)[::-1]


# train_byte_pair: which words


@wrong("train_byte_pair", "not split into words")
def train_one_word(text, vocab_size):
    return _learn([list(text.encode("utf-8"))], vocab_size)


@wrong("train_byte_pair", "str.split: white space is lost")
def train_str_split(text, vocab_size):
    return _learn(_bytes(text.split()), vocab_size)


@wrong("train_byte_pair", "punctuation stays with its word")
def train_punctuation_attached(text, vocab_size):
    return _learn(_bytes(re.findall(r" ?\S+|\s+(?!\S)|\s+", text)), vocab_size)


@wrong("train_byte_pair", "contractions are not words")
def train_no_contractions(text, vocab_size):
    return _learn(_bytes(regex.findall(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", text)), vocab_size)


@wrong("train_byte_pair", "a run of spaces keeps its last one")
def train_greedy_spaces(text, vocab_size):
    return _learn(_bytes(regex.findall(GPT2.pattern.replace(r"|\s+(?!\S)", ""), text)), vocab_size)


@wrong("train_byte_pair", "words cut as GPT-4 does")
def train_gpt4_words(text, vocab_size):
    return _learn(_bytes(GPT4.findall(text)), vocab_size)


@wrong("train_byte_pair", "characters instead of bytes")
def train_characters(text, vocab_size):
    return _learn([[ord(character) for character in word] for word in GPT2.findall(text)], vocab_size)


# train_byte_pair: what is counted


@wrong("train_byte_pair", "each distinct word counted once")
def train_distinct_words(text, vocab_size):
    return _learn(_bytes(dict.fromkeys(GPT2.findall(text))), vocab_size)


@wrong("train_byte_pair", "aaa counted as one pair")
def train_no_overlaps(text, vocab_size):
    def count(words):
        return Counter({p: sum(_join(ids, p, -1).count(-1) for ids in words) for p in _count(words)})

    return _learn(_words(text), vocab_size, count=count)


@wrong("train_byte_pair", "pairs counted across words")
def train_counted_across(text, vocab_size):
    return _learn(_words(text), vocab_size, count=lambda words: Counter(pairwise(chain(*words))))


@wrong("train_byte_pair", "counted once, never again after a merge")
def train_counted_once(text, vocab_size):
    counts, table = _count(_words(text)), _table([])
    ranked = sorted(counts, key=lambda pair: (counts[pair], table[pair[0]], table[pair[1]]), reverse=True)
    return ranked[: vocab_size - 256]


# train_byte_pair: which pair


@wrong("train_byte_pair", "ties to the pair seen first")
def train_first_seen(text, vocab_size):
    return _learn(_words(text), vocab_size, choose=lambda counts, table: counts.most_common(1)[0][0])


@wrong("train_byte_pair", "ties to the smallest bytes")
def train_smallest(text, vocab_size):
    return _learn(_words(text), vocab_size, choose=lambda c, t: min(c, key=lambda p: (-c[p], t[p[0]], t[p[1]])))


@wrong("train_byte_pair", "ties by ids instead of bytes")
def train_greatest_ids(text, vocab_size):
    return _learn(_words(text), vocab_size, choose=lambda counts, table: max(counts, key=lambda p: (counts[p], p)))


@wrong("train_byte_pair", "ties by the two put together")
def train_greatest_whole(text, vocab_size):
    return _learn(_words(text), vocab_size, choose=lambda c, t: max(c, key=lambda p: (c[p], t[p[0]] + t[p[1]])))


@wrong("train_byte_pair", "the highest likelihood, as WordPiece chooses")
def train_wordpiece(text, vocab_size):
    def choose(counts, table):
        left, right_ = Counter(), Counter()
        for (a, b), times in counts.items():
            left[a] += times
            right_[b] += times
        return max(counts, key=lambda p: (counts[p] / (left[p[0]] * right_[p[1]]), table[p[0]], table[p[1]]))

    return _learn(_words(text), vocab_size, choose=choose)


# train_byte_pair: ids, how many, joining, manners


@wrong("train_byte_pair", "new ids start at 257")
def train_from_257(text, vocab_size):
    return _learn(_words(text), vocab_size, first=257)


@wrong("train_byte_pair", "new ids start at 0")
def train_from_0(text, vocab_size):
    return _learn(_words(text), vocab_size, first=0)


@wrong("train_byte_pair", "one merge too few")
def train_one_less(text, vocab_size):
    return _learn(_words(text), vocab_size - 1)


@wrong("train_byte_pair", "only the bytes that occur count as vocabulary")
def train_bytes_that_occur(text, vocab_size):
    return _learn(_words(text), vocab_size + 256 - len(set(text.encode("utf-8"))))


@wrong("train_byte_pair", "no pair left: max of nothing")
def train_no_pair_left(text, vocab_size):
    words, merges = _words(text), []
    for new in range(256, vocab_size):
        merges.append(_greatest(_count(words), _table(merges)))
        words = [_join(ids, merges[-1], new) for ids in words]
    return merges


@wrong("train_byte_pair", "stops where pairs occur once")
def train_stops_at_one(text, vocab_size):
    return _learn(_words(text), vocab_size, count=lambda words: +(_count(words) - Counter(set(_count(words)))))


@wrong("train_byte_pair", "joins the first of a word alone")
def train_joins_first(text, vocab_size):
    return _learn(_words(text), vocab_size, join=_join_first)


@wrong("train_byte_pair", "joins from right to left")
def train_joins_from_right(text, vocab_size):
    return _learn(_words(text), vocab_size, join=_join_from_right)


@right("train_byte_pair", "distinct words with their counts")
def train_weighted(text, vocab_size):
    words, merges = {word: list(word.encode("utf-8")) for word in GPT2.findall(text)}, []
    times = Counter(GPT2.findall(text))
    while len(merges) < vocab_size - 256:
        counts = Counter()
        for word, ids in words.items():
            for pair in pairwise(ids):
                counts[pair] += times[word]
        if not counts:
            break
        merges.append(_greatest(counts, _table(merges)))
        words = {word: _join(ids, merges[-1], 255 + len(merges)) for word, ids in words.items()}
    return merges


@right("train_byte_pair", "one list with a wall between words, sorted instead of max")
def train_walls(text, vocab_size):
    ids, merges = [i for word in _words(text) for i in [*word, -1]], []
    for new in range(256, vocab_size):
        pairs, table = sorted(pair for pair in pairwise(ids) if -1 not in pair), _table(merges)
        if not pairs:
            break
        runs = [(len(list(run)), table[a], table[b], (a, b)) for (a, b), run in groupby(pairs)]
        merges.append(sorted(runs)[-1][-1])
        ids = _join(ids, merges[-1], new)
    return merges


# byte_pair_encode


@wrong("byte_pair_encode", "the longest token that fits, from the left")
def encode_longest(text, merges):
    ids, table = [], _table(merges)
    for data in map(bytes, _words(text)):
        while data:
            ids.append(max((i for i, token in enumerate(table) if data.startswith(token)), key=lambda i: len(table[i])))
            data = data[len(table[ids[-1]]) :]
    return ids


@wrong("byte_pair_encode", "a word that is a token is taken whole")
def encode_whole_words(text, merges):
    known = {token: i for i, token in enumerate(_table(merges))}
    return [i for ids in _words(text) for i in ([known[bytes(ids)]] if bytes(ids) in known else _apply([ids], merges))]


@wrong("byte_pair_encode", "the leftmost known pair first")
def encode_leftmost(text, merges):
    ids = []
    for word in _words(text):
        while known := [pair for pair in pairwise(word) if pair in merges]:
            word = _join_first(word, known[0], 256 + merges.index(known[0]))
        ids += word
    return ids


@wrong("byte_pair_encode", "merges tried from last to first")
def encode_reversed(text, merges):
    words = _words(text)
    for i in reversed(range(len(merges))):
        words = [_join(ids, merges[i], 256 + i) for ids in words]
    return list(chain(*words))


@wrong("byte_pair_encode", "joins the first of a word alone")
def encode_joins_first(text, merges):
    return _apply(_words(text), merges, join=_join_first)


@wrong("byte_pair_encode", "joins from right to left")
def encode_joins_from_right(text, merges):
    return _apply(_words(text), merges, join=_join_from_right)


@wrong("byte_pair_encode", "in aaa the middle one is used twice")
def encode_overlapping(text, merges):
    def join(ids, pair, new):
        starts = [i for i, two in enumerate(pairwise(ids)) if two == pair]
        return [new if i in starts else token for i, token in enumerate(ids) if i in starts or i - 1 not in starts]

    return _apply(_words(text), merges, join=join)


@wrong("byte_pair_encode", "not split into words")
def encode_one_word(text, merges):
    return _apply([list(text.encode("utf-8"))], merges)


@wrong("byte_pair_encode", "characters instead of bytes")
def encode_characters(text, merges):
    return _apply([[ord(character) for character in word] for word in GPT2.findall(text)], merges)


@wrong("byte_pair_encode", "text normalised to NFKC")
def encode_normalised(text, merges):
    return _apply(_words(unicodedata.normalize("NFKC", text)), merges)


@wrong("byte_pair_encode", "new ids start at 257")
def encode_from_257(text, merges):
    moved = [tuple(i + (i > 255) for i in pair) for pair in merges]
    return _apply(_words(text), moved, first=257)


@wrong("byte_pair_encode", "empty text: nothing to concatenate")
def encode_concatenates(text, merges):
    return np.concatenate([_apply([ids], merges) for ids in _words(text)]).tolist()


@wrong("byte_pair_encode", "words remembered from other merges")
def encode_remembers(text, merges):
    for word in GPT2.findall(text):
        if word not in REMEMBERED:
            REMEMBERED[word] = _apply(_bytes([word]), merges)
    return [i for word in GPT2.findall(text) for i in REMEMBERED[word]]


REMEMBERED = {}


@wrong("byte_pair_encode", "uses up the list of merges")
def encode_uses_up(text, merges):
    words, new = _words(text), 256
    while merges:
        pair = merges.pop(0)
        words, new = [_join(ids, pair, new) for ids in words], new + 1
    return list(chain(*words))


@right("byte_pair_encode", "a heap of ranks and places")
def encode_heap(text, merges):
    ranks, ids = {pair: i for i, pair in enumerate(merges)}, []
    for word in _words(text):
        heap = [(ranks[pair], i) for i, pair in enumerate(pairwise(word)) if pair in ranks]
        heapq.heapify(heap)
        while heap:
            rank, i = heapq.heappop(heap)
            j = next((j for j in range(i + 1, len(word)) if word[j] is not None), i)
            if (word[i], word[j]) != merges[rank] or i == j:
                continue  # one of the two has been used in the meantime
            word[i], word[j] = 256 + rank, None
            for k, m in pairwise(k for k, token in enumerate(word) if token is not None):
                if i in (k, m) and (word[k], word[m]) in ranks:
                    heapq.heappush(heap, (ranks[word[k], word[m]], k))
        ids += [token for token in word if token is not None]
    return ids


@right("byte_pair_encode", "tokens as characters of a private plane, joined by str.replace")
def encode_private_characters(text, merges):
    line = " ".join("".join(chr(0xF0000 + i) for i in ids) for ids in _words(text))
    for i, (a, b) in enumerate(merges):
        line = line.replace(chr(0xF0000 + a) + chr(0xF0000 + b), chr(0xF0100 + i))
    return [ord(character) - 0xF0000 for character in line if character != " "]


@right("byte_pair_encode", "one pair at a time: the lowest rank, of those the leftmost; words remembered in the call")
def encode_one_at_a_time(text, merges):
    rank, known = {tuple(pair): i for i, pair in enumerate(merges)}, {}

    def cut(ids):
        i, place = min(((rank[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in rank), default=(None, 0))
        return ids if i is None else cut([*ids[:place], 256 + i, *ids[place + 2 :]])

    for word in GPT2.findall(text):
        known.setdefault(word, known.get(word) or cut(list(word.encode("utf-8"))))
    return [i for word in GPT2.findall(text) for i in known[word]]


# byte_pair_decode


@wrong("byte_pair_decode", "each token decoded by itself")
def decode_token_by_token(ids, merges):
    return "".join(_table(merges)[i].decode("utf-8", errors="replace") for i in ids)


@wrong("byte_pair_decode", "bytes that are no text left out")
def decode_ignore(ids, merges):
    return b"".join(_table(merges)[i] for i in ids).decode("utf-8", errors="ignore")


@wrong("byte_pair_decode", "bytes that are no text raise")
def decode_strict(ids, merges):
    return b"".join(_table(merges)[i] for i in ids).decode("utf-8")


@wrong("byte_pair_decode", "the space in front cut off")
def decode_stripped(ids, merges):
    return b"".join(_table(merges)[i] for i in ids).decode("utf-8", errors="replace").removeprefix(" ")


@wrong("byte_pair_decode", "tokens spelled out one level deep")
def decode_one_level(ids, merges):
    parts = [i for token in ids for i in ((token,) if token < 256 else merges[token - 256])]
    return bytes(i % 256 for i in parts).decode("utf-8", errors="replace")


@wrong("byte_pair_decode", "new ids start at 257")
def decode_from_257(ids, merges):
    table = _table(merges)
    return b"".join(table[i - (i > 256)] for i in ids).decode("utf-8", errors="replace")


@wrong("byte_pair_decode", "no ids: a sum of nothing")
def decode_sum(ids, merges):
    total = _table(merges)[ids[0]]
    for i in ids[1:]:
        total += _table(merges)[i]
    return total.decode("utf-8", errors="replace")


@wrong("byte_pair_decode", "the table of the first call for all")
def decode_remembers(ids, merges):
    TABLE.extend(_table(merges)[len(TABLE) :])
    return b"".join(TABLE[i] for i in ids).decode("utf-8", errors="replace")


TABLE = []


@wrong("byte_pair_decode", "spells out in the caller's list")
def decode_in_place(ids, merges):
    for i in reversed(range(len(merges))):
        while 256 + i in ids:
            place = ids.index(256 + i)
            ids[place : place + 1] = merges[i]
    return bytes(ids).decode("utf-8", errors="replace")


@wrong("byte_pair_decode", "bytes instead of text")
def decode_bytes(ids, merges):
    return b"".join(_table(merges)[i] for i in ids)


@right("byte_pair_decode", "merges undone from the last to the first")
def decode_undo(ids, merges):
    for i in reversed(range(len(merges))):
        ids = list(chain(*(merges[i] if token == 256 + i else (token,) for token in ids)))
    return str(bytes(ids), "utf-8", "replace")


@right("byte_pair_decode", "a decoder that waits for the rest of a character")
def decode_incremental(ids, merges):
    decoder, table = codecs.getincrementaldecoder("utf-8")("replace"), _table(merges)
    return "".join(decoder.decode(table[i]) for i in ids) + decoder.decode(b"", final=True)


@right("byte_pair_decode", "a stack of ids still to be spelled out")
def decode_stack(ids, merges):
    stack, data = [int(i) for i in reversed(ids)], bytearray()
    while stack:
        token = stack.pop()
        if token < 256:
            data.append(token)
        else:
            stack.extend(reversed(merges[token - 256]))
    return data.decode("utf-8", errors="replace")
