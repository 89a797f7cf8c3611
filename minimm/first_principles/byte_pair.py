"""Byte-pair tokens in the plainest form: count neighbours, join the most frequent two, count everything again.

    words           the text cut as GPT-2 cuts it; a token never spans two words
    ids 0..255      the bytes of UTF-8
    merge i:        (a, b) = argmax over pairs of  (times a stands before b inside words,  bytes of a,  bytes of b)
                    a b  ->  256 + i   everywhere, from left to right

Encoding joins, in each word, the pair that was learnt first, until no neighbours are a known pair. Decoding puts the bytes
of the tokens side by side. `tokenizers/` does the same faster; compare the two to see what its indexes are for.

Source: Sennrich, Haddow and Birch, 2016, algorithm 1; on bytes and GPT-2's words as in Radford et al., 2019, section 2.2.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

Merge = tuple[int, int]

CONTRACTIONS = ("'s", "'t", "'d", "'m", "'ll", "'ve", "'re")


def train_byte_pair(text: str, vocab_size: int) -> list[Merge]:
    """Learn `vocab_size - 256` merges; merge i = (a, b) makes the token 256 + i. Fewer when no pair is left.

    >>> train_byte_pair("hug hug hugs", 258)  # u g first: it is as frequent as h u, and greater
    [(117, 103), (104, 256)]
    """
    word_counts = Counter(split_words(text))
    words = {
        word: list(word.encode("utf-8")) for word in word_counts
    }  # each distinct word once, with its count beside it
    merges: list[Merge] = []
    while 256 + len(merges) < vocab_size:
        pair_counts: Counter[Merge] = Counter()
        for word, ids in words.items():
            for pair in pairwise(ids):
                pair_counts[pair] += word_counts[word]
        if not pair_counts:  # every word has become one token
            break
        merges.append(_most_frequent(pair_counts, _token_bytes(merges)))
        words = {word: _join(ids, merges[-1], 255 + len(merges)) for word, ids in words.items()}
    return merges


def byte_pair_encode(text: str, merges: Sequence[Merge]) -> list[int]:
    """The ids of `text`: in each word the pair with the lowest rank is joined first, wherever it stands.

    >>> byte_pair_encode("hugs", [(117, 103), (104, 256)])
    [257, 115]
    """
    new_id = {(a, b): 256 + rank for rank, (a, b) in enumerate(merges)}
    encoded: list[int] = []
    for word in split_words(text):
        ids = list(word.encode("utf-8"))
        while known := [pair for pair in pairwise(ids) if pair in new_id]:
            first_learnt = min(known, key=new_id.__getitem__)
            ids = _join(ids, first_learnt, new_id[first_learnt])
        encoded += ids
    return encoded


def byte_pair_decode(ids: Iterable[int], merges: Sequence[Merge]) -> str:
    """The text of `ids`. Bytes that are not UTF-8, such as half a character, become U+FFFD.

    >>> byte_pair_decode([257, 115], [(117, 103), (104, 256)])
    'hugs'
    """
    token_bytes = _token_bytes(merges)
    return b"".join(token_bytes[i] for i in ids).decode("utf-8", errors="replace")


def split_words(text: str) -> list[str]:
    """Cut `text` into words as GPT-2 does; joined, they are the text again.

    >>> split_words("It's 2 red  cats")
    ['It', "'s", ' 2', ' red', ' ', ' cats']
    """
    words, start = [], 0
    while start < len(text):
        end = _end_of_word(text, start)
        words.append(text[start:end])
        start = end
    return words


def _end_of_word(text: str, start: int) -> int:
    """A contraction; or a run of letters, digits or other characters with at most one space before it; or white space."""
    for contraction in CONTRACTIONS:
        if text.startswith(contraction, start):
            return start + len(contraction)
    if text[start] == " " and start + 1 < len(text) and _kind(text[start + 1]) != "white space":
        return _end_of_run(text, start + 1)
    end = _end_of_run(text, start)
    # A run of white space leaves its last character to the word behind it, if there is one and something remains.
    leaves_one = _kind(text[start]) == "white space" and start + 1 < end < len(text)
    return end - 1 if leaves_one else end


def _end_of_run(text: str, start: int) -> int:
    """Where the characters of the same kind as `text[start]` end."""
    kind = _kind(text[start])
    return next((i for i in range(start, len(text)) if _kind(text[i]) != kind), len(text))


def _kind(character: str) -> str:
    """The class of a character by Unicode's categories: L* letters, N* numbers, white space, and everything else."""
    if character.isspace() and character not in "\x1c\x1d\x1e\x1f":  # these four are white space to Python only
        return "white space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")


def _most_frequent(pair_counts: Counter[Merge], token_bytes: list[bytes]) -> Merge:
    """The pair with the largest count; of equals the one whose bytes come last in the dictionary."""
    return max(pair_counts, key=lambda pair: (pair_counts[pair], token_bytes[pair[0]], token_bytes[pair[1]]))


def _join(ids: list[int], pair: Merge, new: int) -> list[int]:
    """Every `pair` in `ids` becomes `new`, from left to right; in 1 1 1 only the first two are a pair."""
    joined, i = [], 0
    while i < len(ids):
        found = tuple(ids[i : i + 2]) == pair
        joined.append(new if found else ids[i])
        i += 2 if found else 1
    return joined


def _token_bytes(merges: Sequence[Merge]) -> list[bytes]:
    """The bytes that each id stands for."""
    token_bytes = [bytes([byte]) for byte in range(256)]
    for a, b in merges:
        token_bytes.append(token_bytes[a] + token_bytes[b])
    return token_bytes
