"""Which language is a text in? By its script, and for the Latin one by the little words that every sentence has.

Enough to see what a corpus is made of, and to notice what should not be in it. A text needs a sentence or two to be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import regex

# A script that (nearly) one language uses; Japanese is told from Chinese by its syllable letters.
_SCRIPTS = {
    "ja": r"[\p{Hiragana}\p{Katakana}]",
    "zh": r"\p{Han}",
    "ko": r"\p{Hangul}",
    "ru": r"\p{Cyrillic}",
    "ar": r"\p{Arabic}",
    "el": r"\p{Greek}",
    "he": r"\p{Hebrew}",
    "hi": r"\p{Devanagari}",
    "th": r"\p{Thai}",
    "latin": r"\p{Latin}",
}
_COMPILED = {name: regex.compile(pattern) for name, pattern in _SCRIPTS.items()}
# The commonest words of each language that the others do not have, or have seldom.
_LITTLE_WORDS = {
    "en": "the of and to is was that it with for on are this have from they his not be you a in at while an by",
    "de": "der die das und ist nicht ein eine mit auf für sich dem den von zu wird auch einem einer im in an am",
    "fr": "le les et est une des dans pour que qui du sur pas avec au sont ce il elle aux un de en",
    "es": "el los las y es una por con para que del se al su como más lo no está un a de en",
    "it": "il di che è una per con del della non sono gli le nel si da ha alla dei un a in",
    "nl": "het een van en dat op te zijn niet met voor aan er om ook bij maar wordt naar de in",
    "pt": "os uma não para com por do da em que no na dos das ao mais como ele foi um a de em",
}
_OWNERS: dict[str, list[str]] = {}
for _language, _words in _LITTLE_WORDS.items():
    for _word in _words.split():
        _OWNERS.setdefault(_word, []).append(_language)
UNKNOWN = "other"
JAPANESE_SHARE = 0.1  # of syllable letters among Chinese characters


def guess_language(text: str) -> str:
    """A two-letter code such as "en", "zh" or "de", or "other" when nothing speaks for any language.

    >>> guess_language("The fox is in the garden."), guess_language("Der Fuchs ist nicht da."), guess_language("狐狸饿了。")
    ('en', 'de', 'zh')
    """
    letters = {name: len(pattern.findall(text)) for name, pattern in _COMPILED.items()}
    if letters["ja"] > JAPANESE_SHARE * letters["zh"]:
        letters["ja"] += letters.pop("zh")
    script = max(letters, key=letters.__getitem__)
    if letters[script] == 0:
        return UNKNOWN
    if script != "latin":
        return script
    votes: Counter[str] = Counter()
    for word in regex.findall(r"\p{L}+", text.lower()):
        owners = _OWNERS.get(word, [])
        for language in owners:
            votes[language] += 1 / len(owners)
    return max(votes, key=votes.__getitem__) if votes else UNKNOWN


def mostly_chinese(texts: Sequence[str]) -> bool:
    """Whether more than half of the texts are Chinese."""
    return 2 * sum(guess_language(text) == "zh" for text in texts) > len(texts)
