r"""Pre-tokenisation: cut text into words before any vocabulary is learnt, so that no token ever spans two words.

The rule is the one of GPT-2 (Radford et al., 2019, section 2.2), tried from left to right at each position:

    a contraction            's 't 'd 'm 'll 've 're
    a run of letters         with at most one space before it:  ' red'
    a run of digits          likewise:                          ' 42'
    a run of anything else   likewise (punctuation, emoji):     ' ?!'
    white space              all of it at the end of the text, else all but the last character of the run;
                             that last one, if a space, opens the next word

Every character falls into one of these classes, so the pieces joined give the text back, whatever it was.
Scripts without spaces come out as long pieces: 我爱你 is one. For their proper words see `features/text.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex

from minimm.tokenizers.tokenizer import as_texts, check_text

PART = 2**20  # characters: the words of more than that, all at once, would take many times the memory of the text

_WORD = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def split_words(text: str) -> list[str]:
    """Cut `text` into pieces as GPT-2 does; `"".join(pieces) == text` for every text.

    >>> split_words("It's 2 red  cats")
    ['It', "'s", ' 2', ' red', ' ', ' cats']
    """
    check_text(text)
    return _WORD.findall(text)


def parts_of(text: str | Iterable[str], size: int = PART) -> Iterator[str]:
    """Cut a long text into parts of at least `size` characters (but the last), whose words are those of the whole.

    A cut is made behind a line end that stands alone: such a one is a word by itself, whatever comes before and after it.

    Args:
        text: a text, or the pieces of one, cut anywhere.

    >>> list(parts_of("one\\ntwo\\n\\nthree\\nfour", size=4))
    ['one\\n', 'two\\n\\nthree\\n', 'four']
    """
    rest = ""  # what no part has had yet
    for piece in as_texts(text):
        check_text(piece)
        rest, start = rest + piece, 0
        while cut := _lone_line_end(rest, start + size - 1):
            yield rest[start : cut + 1]
            start = cut + 1
        rest = rest[start:]
    yield rest


def _lone_line_end(text: str, start: int) -> int:
    """The place of the first line end from `start` on that has something other than white space on both sides; 0: none."""
    cut = text.find("\n", start)
    while cut >= 0 and not (text[cut - 1 : cut].strip() and text[cut + 1 : cut + 2].strip()):
        cut = text.find("\n", cut + 1)
    return max(0, cut)
