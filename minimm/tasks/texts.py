"""Texts as the tasks take them: a list, and nothing but texts in it."""

from __future__ import annotations

from collections.abc import Sequence

from minimm.errors import check


def listed(texts: Sequence[str], name: str = "texts") -> list[str]:
    """`texts` as a list; one str, which would be taken letter by letter, and what is no text are refused."""
    check(not isinstance(texts, str), f"{name} is one str, but a list of texts was expected; put it into [...]")
    texts = list(texts)
    for number, text in enumerate(texts):
        check(
            isinstance(text, str),
            f"{name}[{number}] is {text!r:.40}, but a text was expected; leave it out or write it",
        )
    return texts
