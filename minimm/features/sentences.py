"""Cutting a text into sentences, English and Chinese, by their closing marks.

A full stop does not end a sentence behind an abbreviation (Dr.), a single initial (J.), or inside a number (3.5), nor when
the next word is in lower case; 。！？； always do. Quotation marks and brackets that close behind the mark belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

_ABBREVIATIONS = "Mr Mrs Ms Dr Prof St Jr Sr vs etc e.g i.e cf fig no vol pp approx dept est".split()  # noqa: SIM905
_END = regex.compile(
    r"""(?:(?<=[。！？；])[”’」』）]*\s*)"""  # Chinese: at once
    r"""|(?:(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[\p{Lu}\p{N}\p{Han}]))"""  # English: white space and a capital follow
    r"""|\n\s*\n"""
)
_LAST_WORD = regex.compile(r"([\p{L}.]+)\.$")


def split_sentences(text: str) -> list[str]:
    """The sentences of `text` in order, without the white space around them; a blank line always ends one.

    >>> split_sentences("Dr. Li has 3.5 cats. One sleeps! 狐狸来了。它饿了。")
    ['Dr. Li has 3.5 cats.', 'One sleeps!', '狐狸来了。', '它饿了。']
    """
    sentences, start = [], 0
    for match in _END.finditer(text):
        candidate = text[start : match.end()].strip()
        if candidate and not _is_abbreviated(text[start : match.start()]):
            sentences.append(candidate)
            start = match.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def join_sentences(sentences: Sequence[str]) -> str:
    """Sentences put together again, with a space behind those that end in a Latin mark."""
    return "".join(s if s.endswith(("。", "！", "？", "；")) else f"{s} " for s in sentences).strip()


def _is_abbreviated(text: str) -> bool:
    """Whether the full stop at the end belongs to an abbreviation or an initial."""
    last = _LAST_WORD.search(text)
    return last is not None and (
        last[1] in _ABBREVIATIONS or regex.fullmatch(r"(\p{Lu}\.)*\p{Lu}", last[1]) is not None
    )
