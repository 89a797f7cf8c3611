"""Cleaning text: one spelling for one character, nothing invisible, no spare white space.

The same é is one code point (U+00E9) or two (e and U+0301); a model that sees both learns the word twice.

    NFC   composes: e + U+0301 -> é. The text looks exactly as before. Right for what a model shall write.
    NFKC  also replaces look-alikes: ① -> 1, ﬁ -> fi, ½ -> 1⁄2. Right for searching and counting; it cannot be undone.

Source: Unicode Standard Annex 15, "Unicode normalization forms".
"""

from __future__ import annotations

import unicodedata

import regex

from minimm.errors import check

FORMS = ("NFC", "NFKC")
_LINE_ENDS = regex.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
# Control characters but line end and tab; halves of characters; code points that will never be one; and what is invisible:
# soft hyphen, zero-width space, word joiner, byte order mark, switches of writing direction. Joiners (U+200C, U+200D) stay:
# Persian words and joined emoji need them.
_INVISIBLE = regex.compile(
    r"[[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]--[\t\n]]|[\xad\u200b\u200e\u200f\u2060\ufeff]"
    r"|[\u202a-\u202e\u2066-\u2069]",
    regex.VERSION1,
)


def normalize_unicode(text: str, form: str = "NFC") -> str:
    """The text in one normalization form, "NFC" or "NFKC".

    >>> normalize_unicode("ﬁve ｃａｆｅ\u0301", "NFKC")
    'five café'
    """
    check(form in FORMS, f"form={form!r} is not known; choose NFC (looks the same) or NFKC (replaces look-alikes)")
    return unicodedata.normalize(form, text)


def remove_invisible(text: str) -> str:
    """Without control characters and other code points that nobody sees; line ends and tabs stay."""
    return _INVISIBLE.sub("", text)


def normalize_whitespace(text: str) -> str:
    r"""Line ends as \n, one space between words, none at the ends of lines, at most one blank line, none around the text."""
    lines = [" ".join(line.split()) for line in _LINE_ENDS.sub("\n", text).split("\n")]
    return regex.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def clean_text(text: str, form: str = "NFC") -> str:
    r"""All of it, in the order in which a second cleaning finds nothing left to do.

    >>> clean_text("A\u200b  cafe\u0301.\r\n\r\n\r\n\r\nNext")
    'A café.\n\nNext'
    """
    text = remove_invisible(_LINE_ENDS.sub("\n", text))  # first: what stood between two halves of a character goes
    return normalize_whitespace(normalize_unicode(text, form))
