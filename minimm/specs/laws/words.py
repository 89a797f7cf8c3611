"""How GPT-2 cuts text into words, written out character by character: the oracle of the byte-pair laws.

A contraction ('s 't 'm 'd 'll 've 're); else letters, digits or other characters, each with at most one space in front;
else white space, which leaves its last character to the word behind it. Source: Radford et al. 2019, section 2.2.
"""

from __future__ import annotations

import unicodedata

CONTRACTIONS = ("'s", "'t", "'m", "'d", "'ll", "'ve", "'re")


def kind_of(character: str) -> str:
    """ "space", "letter", "digit" or "other"."""
    if character.isspace() and character not in "\x1c\x1d\x1e\x1f":  # the four that Python counts and Unicode does not
        return "space"
    category = unicodedata.category(character)[0]
    return {"L": "letter", "N": "digit"}.get(category, "other")


def split_words(text: str) -> list[str]:
    """Cut `text` into words; put together they are the text again.

    >>> split_words("It's 2 red  cats")
    ['It', "'s", ' 2', ' red', ' ', ' cats']
    """
    words, start = [], 0
    while start < len(text):
        end = _word_end(text, start)
        words.append(text[start:end])
        start = end
    return words


def _word_end(text: str, start: int) -> int:
    for contraction in CONTRACTIONS:
        if text.startswith(contraction, start):
            return start + len(contraction)
    first = start + 1 if text[start] == " " and start + 1 < len(text) and kind_of(text[start + 1]) != "space" else start
    kind, end = kind_of(text[first]), first
    while end < len(text) and kind_of(text[end]) == kind:
        end += 1
    leaves_one = kind == "space" and end < len(text) and end - start > 1
    return end - 1 if leaves_one else end
