"""A sentence and its counterfactual: the same told of the other group, everything else as it was.

    The nurse said her patients like her.        ->        The nurse said his patients like him.

Words change places with their partners from a list (`data_samples/fairness`), names too; capitals stay. A Chinese word that is
paired with itself, as 其他 is, keeps what is inside it from being swapped.

English "his" and "her" have two partners each: before a noun "her" becomes "his", else "him"; "his" becomes "her" before a
noun, else "hers". Which it is, is told from the next word: before an article, a preposition or the like, or the end of a
clause, there is no noun. Where a text says the same of both groups, swapping twice gives it back; words that share a partner
(lord, gentleman: lady) do not.

Source of the method: Lu et al. 2020, "Gender bias in neural natural language processing" (counterfactual data augmentation);
Zhao et al. 2018 on names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import regex

from minimm.datasets.bundled import bundled
from minimm.errors import check
from minimm.files import read_sections

LANGUAGES = ("en", "zh")
_ENGLISH_WORD = regex.compile(r"\p{L}+")


class Swapper:
    """Swaps the words of a language, or of a list of one's own.

    Args:
        language: "en" or "zh". pairs: partners, both ways, and nothing else; None = those that come with minimm, and pronouns.
        names: whether first names of that list change places as well.
    """

    def __init__(self, language: str = "en", pairs: list[tuple[str, str]] | None = None, *, names: bool = True) -> None:
        check(
            language in LANGUAGES, f"language={language!r} is not known; there are lists for {' and '.join(LANGUAGES)}"
        )
        self.language = language
        listed = read_lists(bundled("fairness") / f"swaps_{language}.txt")
        self.pronouns = _PRONOUNS if pairs is None else {}
        self.names = _both_ways(listed["names"] if names and pairs is None else [])
        self.partner = _both_ways(listed["words"] if pairs is None else pairs)
        self._following = {name: frozenset(listed.get(name, ())) for name in ("no noun", "near", "times")}
        check(all(self.partner), "one of the words to swap is empty; give two words for each pair")
        check(len(self.partner) > 0, "there are no words to swap; give at least one pair")
        if language == "zh":
            self.partner |= self.names
            longest_first = sorted(self.partner, key=len, reverse=True)
            self._any = regex.compile("|".join(map(regex.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """The text told of the other group."""
        if self.language == "zh":
            return self._any.sub(lambda found: self.partner[found[0]], text)
        return _ENGLISH_WORD.sub(lambda found: self._partner_of(found[0], text, found.end()), text)

    def mentions(self, text: str) -> bool:
        """Whether there is anything to swap."""
        return self(text) != text

    def _partner_of(self, word: str, text: str, end: int) -> str:
        lower = word.lower()
        if lower in self.pronouns:
            return _as_capital(self.pronouns[lower](self._is_before_noun(text, end)), word)
        if lower in self.names and word[0].isupper():  # a mark is none, Mark is
            return _as_capital(self.names[lower], word)
        return _as_capital(self.partner[lower], word) if lower in self.partner else word

    def _is_before_noun(self, text: str, end: int) -> bool:
        """Whether a word of the kind that has a noun follows, with nothing but spaces between."""
        following = regex.match(r"\s+(\p{L}+)(?:\s+(\p{L}+))?", text, pos=end)
        if following is None:
            return False
        first, second = (word.lower() for word in following.groups(default=""))
        lists = self._following  # "saw her last winter", but "read her last book"
        return first not in lists["no noun"] and not (first in lists["near"] and second in lists["times"])


def _both_ways(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Each word's partner; of two words with the same one, that goes back to the first."""
    found: dict[str, str] = {}
    for one, other in pairs:
        found.setdefault(one.lower(), other.lower())
        found.setdefault(other.lower(), one.lower())
    return found


_PRONOUNS: dict[str, Callable[[bool], str]] = {
    "her": lambda before_noun: "his" if before_noun else "him",
    "his": lambda before_noun: "her" if before_noun else "hers",
    "him": lambda _: "her",
    "hers": lambda _: "his",
}


def _as_capital(word: str, pattern: str) -> str:
    """`word` in capitals as `pattern` is."""
    if pattern.isupper() and len(pattern) > 1:
        return word.upper()
    return word.capitalize() if pattern[0].isupper() else word


def read_lists(path: str | Path) -> dict[str, list]:
    """The lists of a file by section: pairs of partners in "words" and "names", a stroke between them; else words."""
    found: dict[str, list] = dict(read_sections(path))
    for name in ("words", "names"):
        pairs = [tuple(entry.split("/")) for entry in found.get(name, [])]
        wrong = [pair for pair in pairs if len(pair) != 2 or not all(pair)]
        check(not wrong, f"{path} has {['/'.join(pair) for pair in wrong[:3]]}, but a pair is written as one/other")
        found[name] = pairs
    return found
